"""Numbered migrations, empty → head, the same on SQLite and PostgreSQL. Run by ``sodan migrate``."""
