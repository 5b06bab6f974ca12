"""Implementation of the commands: tables, JSON Lines, progress."""
