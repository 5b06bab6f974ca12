"""Advice for an unavailable database, chosen by the public text of the error (service/store/trouble.py)."""

from __future__ import annotations

from service.store.database import Database

_RETRIED = "Mail gets 451 and its senders retry, so none is lost"
_EITHER = {
    "the database needs": "",  # the text already contains the advice
    "the database is busy": "Another process locks it: look for one that hangs (`ps`, state D or T), or a backup",
    "the database refuses": "Correct the user or password in SODAN_DATABASE_URL",
    "the database does not exist": "Create it (`createdb`) or correct SODAN_DATABASE_URL, then run `sodan migrate`",
    "the database is out of": "Allow more connections (max_connections) or memory on the server, or use fewer workers",
}
_SQLITE = {
    "the disk is full": f"Free disk space. {_RETRIED}",
    "the disk is almost full": "Free disk space. Mail gets 452 and its senders retry, so none is lost",
    "the database reports a disk error": (
        "Its disk fails or is read-only, or the user of sodan may not write: check `dmesg`, `mount`, and the owner and "
        f"permissions of the folder. {_RETRIED}"
    ),
    "the database is damaged": "Stop sodan, copy the files of the database, restore the last backup; read `dmesg`",
    "the database cannot be reached": (
        "Correct SODAN_DATABASE_URL, or create the folder and make the user of sodan its owner"
    ),
}
_POSTGRESQL = {
    "the disk is full": f"Free disk space on the database server. {_RETRIED}",
    "the database is read-only": (
        "The server is a standby, or has default_transaction_read_only: add all servers and "
        "target_session_attrs=primary to SODAN_DATABASE_URL, or promote the server"
    ),
    "the database does not respond": "Start the server and read its log; if it moved, correct SODAN_DATABASE_URL",
    "the database cannot be reached": "Start the server, or correct host and port in SODAN_DATABASE_URL",
}


def what_to_do(words: str, database: Database) -> str:
    """Return the text with the folder of the database and the advice."""
    known = _EITHER | (_POSTGRESQL if database.postgresql else _SQLITE)
    todo = next((advice for beginning, advice in known.items() if words.startswith(beginning)), "")
    where = "" if database.folder is None else f" ({database.folder})"
    return f"database: {words}{where}" + (f". {todo}" if todo else "")
