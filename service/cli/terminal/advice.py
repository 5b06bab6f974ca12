"""Advice for an unavailable database, chosen by the public text of the error (service/store/trouble.py)."""

from __future__ import annotations

from service.store.database import Database

_EITHER = {
    "the database needs": "",  # the text already contains the advice
    "the database is busy": "something holds it for long: look for a hanging process (`ps`, state D or T) or backup",
    "the database refuses": "correct user or password in SODAN_DATABASE_URL",
    "the database does not exist": "create it (`createdb`) or correct SODAN_DATABASE_URL, then `sodan migrate`",
    "the database is out of": "more connections or memory on the server (max_connections), or fewer workers",
}
_SQLITE = {
    "the disk is full": "free space there; mail gets 452 or 451 until then, and goes on by itself after",
    "no room on our disk": "free space there; mail gets 452 until then, and goes on by itself after",
    "the database is unwell": (
        "its disk fails, is read-only or not ours: look at `dmesg` and `mount`, at owner and rights of the folder; "
        "mail gets 451 until then, and goes on by itself after"
    ),
    "the database is damaged": "stop, keep a copy of its files, restore the last backup; look at `dmesg`",
    "the database cannot be reached": "correct SODAN_DATABASE_URL, or make the folder and give it to our user",
}
_POSTGRESQL = {
    "the disk is full": "free space on the server's disk; mail gets 451 until then, and goes on by itself after",
    "the database may only be read": (
        "this server is a standby, or has default_transaction_read_only: name all servers and "
        "target_session_attrs=primary in SODAN_DATABASE_URL, or promote it"
    ),
    "the database is away": "start the server and look at its log; correct SODAN_DATABASE_URL if it moved",
    "the database cannot be reached": "start the server; correct host and port in SODAN_DATABASE_URL",
}


def what_to_do(words: str, database: Database) -> str:
    """Return the text with the folder of the database and the advice."""
    known = _EITHER | (_POSTGRESQL if database.postgresql else _SQLITE)
    todo = next((advice for beginning, advice in known.items() if words.startswith(beginning)), "")
    where = "" if database.folder is None else f" ({database.folder})"
    return f"database: {words}{where}" + (f": {todo}" if todo else "")
