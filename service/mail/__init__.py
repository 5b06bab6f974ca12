"""Parses mail: bytes → ``Mail``. Does no I/O, and imports nothing from the rest of sodan."""
