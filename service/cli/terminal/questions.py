"""`sodan ask` and `sodan note`: questions to a requester by mail, notes for the team."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from datetime import datetime

from mailrules.library import load
from service.errors import NotFound
from service.outbound import questions
from service.outbound.setup import labels_of, outbound_of
from service.settings import Settings
from service.store import cases, keys, notes
from service.store.database import Connection, Database


def ask(
    settings: Settings,
    database: Database,
    key: str,
    items: Sequence[str],
    *,
    text: str,
    language: str | None,
    draft: bool,
    now: datetime,
) -> int:
    """Print the mail, and write it to the outbox unless ``draft``. Raises NotFound, Refused, Conflict."""
    known = labels_of(load(settings.packs, settings.site_file))

    def write(conn: Connection) -> tuple[questions.Questions, int | None]:
        outbound = outbound_of(settings, keys.key(conn, "case", now))
        number = number_of(conn, key, settings.case_prefix)
        made = questions.prepare(
            conn, number, items, text, outbound, known=known, language=language, who=getpass.getuser()
        )
        return made, None if draft else questions.ask(conn, made, outbound, now)

    made, number = database.transact(write)
    print(f"To: {made.address or '-'}\nSubject: {made.subject}\n\n{made.text}", end="")
    if number is not None:
        print(f"sodan: written to the outbox: see `sodan outbox show {number}`", file=sys.stderr)
    elif made.refused:
        print(f"sodan: this mail may not be sent: {made.refused}", file=sys.stderr)
    return 0


def note(settings: Settings, database: Database, key: str, text: str, *, now: datetime) -> int:
    """Store a note for the team. Raises NotFound."""

    def write(conn: Connection) -> int:
        return notes.add(conn, number_of(conn, key, settings.case_prefix), text, getpass.getuser(), now)

    number = database.transact(write)
    print(f"sodan: note {number} was added to {key}", file=sys.stderr)
    return 0


def number_of(conn: Connection, key: str, prefix: str) -> int:
    """Return the id of a case by its key, after merges. Raises NotFound."""
    try:
        return cases.survivor(conn, cases.number_of(key, prefix))
    except NotFound:
        raise NotFound(f"there is no case {key[:40]}") from None
