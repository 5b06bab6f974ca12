"""Replay: raw mails read anew by other packs, cases judged anew; what people set and where they put mails stays."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from mailrules.library import load
from service import intake
from service.intake import AppContext
from service.replay import replay
from service.store import corrections
from service.store.database import Database
from service.store.tables import cases, messages
from tests.running import take_in
from tests.store.desk import FROM_INSIDE, all_rows, letter

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
VENDOR = """pack: vendors.kumonodesk
title: Kumono Desk
vendor:
  id: kumonodesk
  name: {ja: クモノデスク, en: Kumono Desk}
  domains: [kumonodesk.example]
  names: [KumonoDesk]
  references:
    - {pattern: '\\bKUM-(?P<ref>\\d{5})\\b', needs: nothing}
  examples: [{subject: 'Re: [KUM-12345] Login', refs: ['12345']}]
  near_misses: [{text: 'KUM-1'}]
find:
  - {id: kumono.logs, meaning: ask.logs, phrases: [send us the log files], sides: [vendor]}
"""
AIKO, VENDORS_DESK = "Aiko <aiko@corp.example>", "Desk <support@kumonodesk.example>"
MAILS = (
    letter(
        "asked", AIKO, VENDORS_DESK, "Login loops", "The login page loops since 8:30 today. What should we check?"
    ),
    letter(
        "answer", VENDORS_DESK, AIKO, "Re: [KUM-12345] Login loops",
        "Could you please send us the log files and a screenshot?", 60, In_Reply_To="<asked@x.test>",
    ),
    letter(
        "printer", "Ken <ken@corp.example>", "intake@corp.example", "Printer",
        "The printer on floor 3 prints blank pages.", 120,
    ),
)  # fmt: skip


@pytest.fixture
def wiser(tmp_path: Path, context: AppContext) -> AppContext:
    """The house with a pack that knows the vendor."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "kumonodesk.yaml").write_text(VENDOR, encoding="utf-8")
    return replace(context, rules=load([tmp_path / "own"]))


@pytest.fixture
def filled(database: Database, context: AppContext) -> Database:
    """Three mails, taken in by rules that do not know the vendor; a person set and moved something."""
    intake.receive(database, [(FROM_INSIDE, mail) for mail in MAILS], NOW)
    take_in(database, context, NOW)

    def by_hand(conn: Any) -> None:
        wanted = {"priority": "P1", "title": "Login, again", "items": {"occurred_at": "08:30"}}
        corrections.set_by_person(conn, 1, wanted, "Aki", NOW)
        printer = select(messages.c.id).where(messages.c.author_address == "ken@corp.example")
        moved, _ = corrections.move(conn, conn.execute(printer).scalar_one(), 1, "Aki", NOW)
        intake.rejudge(conn, corrections.changed_cases(conn, moved), context, now=NOW)

    database.transact(by_hand)
    return database


def replayed(database: Database, context: AppContext, *, apply: bool, now: datetime = LATER) -> list[Any]:
    return list(replay(database, context, None, since=None, apply=apply, now=now))


def case(database: Database) -> dict[str, Any]:
    return database.read(lambda conn: conn.execute(select(cases.c.document).where(cases.c.id == 1)).scalar_one())


def test_a_look_changes_nothing_and_says_what_keeping_does(filled: Database, wiser: AppContext) -> None:
    before = filled.read(all_rows)
    [(key, stood, stands)] = replayed(filled, wiser, apply=False)
    assert filled.read(all_rows) == before
    assert (key, stood["vendor"], stands["vendor"]) == ("SD-1", None, "kumonodesk")
    assert len(stands["asks"]) > len(stood["asks"]) == 0
    replayed(filled, wiser, apply=True)
    kept = case(filled)
    assert all(kept[name] == stands[name] for name in ("vendor", "vendor_refs", "waiting_on", "missing"))


def test_a_new_vendor_changes_sides_numbers_and_asks_and_nothing_that_people_did(
    filled: Database, wiser: AppContext
) -> None:
    places = select(messages.c.id, messages.c.case_id).order_by(messages.c.id)
    placed = filled.read(lambda conn: conn.execute(places).all())
    replayed(filled, wiser, apply=True)
    found = case(filled)
    assert found["vendor_refs"] == [{"vendor": "kumonodesk", "ref": "12345"}]
    assert {one["address"]: one["role"] for one in found["participants"]}["support@kumonodesk.example"] == "vendor"
    assert (found["priority"], found["title"]) == ("P1", "Login, again")
    assert found["set_by"] == {"priority": "Aki", "title": "Aki"}
    assert {line["item"]: line["value"] for line in found["checklist"]}["occurred_at"] == "08:30"
    assert filled.read(lambda conn: conn.execute(places).all()) == placed
    assert filled.read(lambda conn: conn.execute(select(messages.c.pinned_by)).scalars().all()).count("Aki") == 1


def test_a_number_that_was_learned_so_finds_the_case_of_later_mail(filled: Database, wiser: AppContext) -> None:
    replayed(filled, wiser, apply=True)
    later = letter("later", VENDORS_DESK, AIKO, "[KUM-12345] Any news?", "Could you please send us the log files?", 90)
    intake.receive(filled, [(FROM_INSIDE, later)], LATER)
    take_in(filled, wiser, LATER)
    assert case(filled)["messages"] == 4


def test_what_was_broken_off_is_done_again_and_what_stands_is_left_alone(filled: Database, wiser: AppContext) -> None:
    begun = replay(filled, wiser, None, since=None, apply=True, now=LATER)
    next(begun)
    once = filled.read(all_rows)
    replayed(filled, wiser, apply=True, now=LATER + timedelta(days=2))
    assert filled.read(all_rows) == once
    assert case(filled)["judged_by"] == wiser.rules.version
