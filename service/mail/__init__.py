"""Parses mail: bytes → ``Mail``. Pure; could be used without the rest of sodan."""
