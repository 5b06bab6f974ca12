"""`sodan brief`, `set` and `merge`: a case as text to paste, and manual changes."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from mailrules.library import load
from service.api.schemas import CaseChange
from service.cases import brief as briefs
from service.cases import brief_text
from service.cli.terminal.questions import number_of
from service.errors import Refused
from service.intake import AppContext, rejudge
from service.settings import Settings
from service.store import cases, corrections, timeline
from service.store.database import Connection, Database, one_at_a_time

GROUPS = ("items", "asks")


def print_brief(
    settings: Settings,
    database: Database,
    key: str,
    *,
    for_: str,
    language: str | None,
    form: str,
    now: datetime,
) -> int:
    """Print the brief of a case as text, Markdown or JSON. Raises NotFound."""
    number = database.read(lambda conn: number_of(conn, key, settings.case_prefix))
    shown = cases.to_now(database.read(lambda conn: cases.find(conn, number)), now)
    mails = database.read(lambda conn: timeline.page(conn, number, 200, None, settings.case_prefix))[0]
    titles = load(settings.packs, settings.site_file).labels
    labels = {item: {"ja": title.ja, "en": title.en} for item, title in titles.items()}
    language = language or ("en" if shown["language"] == "en" else "ja")
    made = briefs.brief(shown, mails, for_=for_, lang=language, labels=labels)
    if form == "json":
        print(json.dumps(made, ensure_ascii=False, indent=2, default=str))
    else:
        print((brief_text.markdown if form == "markdown" else brief_text.text)(made), end="")
    return 0


def change(settings: Settings, database: Database, key: str, given: Sequence[str], *, now: datetime) -> int:
    """Set fields of a case, each given as ``field=value``; ``field=`` resets one.

    Raises NotFound, Refused.
    """
    wanted = parse_changes(given)
    if wanted.get("owner") == "me":
        wanted["owner"] = getpass.getuser()
    context = AppContext.of(settings)

    def apply(conn: Connection) -> None:
        number = number_of(conn, key, settings.case_prefix)
        one_at_a_time(conn)
        corrections.set_by_person(conn, number, wanted, getpass.getuser(), now)
        rejudge(conn, [number], context, now=now)

    database.transact(apply)
    return 0


def merge(settings: Settings, database: Database, key: str, into: str, *, now: datetime) -> int:
    """Merge a case into another one and print the resulting key. Raises NotFound, Conflict."""
    context = AppContext.of(settings)

    def apply(conn: Connection) -> int:
        one, other = number_of(conn, key, settings.case_prefix), number_of(conn, into, settings.case_prefix)
        event = corrections.merge(conn, one, other, getpass.getuser(), now)
        rejudge(conn, corrections.touched(conn, event), context, now=now)
        return corrections.survivor(conn, other)

    there = database.transact(apply)
    print(
        f"sodan: {key} is now part of {cases.key_of(there, settings.case_prefix)}; the page of the case can undo this",
        file=sys.stderr,
    )
    return 0


def parse_changes(given: Sequence[str]) -> dict[str, Any]:
    """Parse ``priority=P2`` and ``items.version=8.2.4`` into the format of the API. Raises Refused."""
    wanted: dict[str, Any] = {}
    for change in given:
        name, equals, value = change.partition("=")
        group, dot, member = name.partition(".")
        if not equals or (group in GROUPS) != bool(dot and member):
            raise Refused(f"{change[:60]}: expected field=value, such as priority=P2 or items.version=8.2.4")
        if dot:
            wanted.setdefault(group, {})[member] = value or None
        else:
            wanted[name] = value or None
    if not wanted:
        raise Refused("nothing to set: give field=value, such as priority=P2")
    try:
        CaseChange.model_validate(wanted)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        fields = ", ".join(CaseChange.model_fields)
        known = f" (fields: {fields})" if first["type"] == "extra_forbidden" else ""
        raise Refused(f"{where}: {first['msg']}{known}") from None
    return wanted
