"""Checks whether the database is intact, and whether its settings make commits durable."""

from sqlalchemy import Connection

_CHECKED_BYTES = 2_000_000_000  # larger SQLite files are not checked, since that would take minutes
_DURABLE = {"fsync": ("on",), "full_page_writes": ("on",), "synchronous_commit": ("on", "remote_apply")}
"""PostgreSQL settings that protect commits from a power failure, with their safe values."""


def database_problems(conn: Connection) -> list[str]:
    """Return the problems of the database, each as one line that says what to do."""
    if conn.dialect.name == "postgresql":
        values = {name: str(conn.exec_driver_sql(f"SHOW {name}").scalar_one()) for name in _DURABLE}
        return [
            f"has {name} = {value}; after a power failure, mail that got 250 may be lost. Set it to {_DURABLE[name][0]}"
            for name, value in values.items()
            if value not in _DURABLE[name]
        ]
    pages = int(conn.exec_driver_sql("PRAGMA page_count").scalar_one())
    if pages * int(conn.exec_driver_sql("PRAGMA page_size").scalar_one()) > _CHECKED_BYTES:
        return []
    lines = [" ".join(str(row[0]).split()) for row in conn.exec_driver_sql("PRAGMA quick_check(3)")]
    if lines == ["ok"]:
        return []
    return [f"is damaged ({'; '.join(lines)[:200]}). Stop sodan, copy the database files, then restore the last backup"]
