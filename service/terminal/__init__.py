"""What the commands print and ask: tables, JSON Lines, progress. ``cli.py`` wires, this room speaks."""
