"""What the commands print and ask: tables, JSON Lines, progress: the other side of each command."""
