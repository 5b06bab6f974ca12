"""Replay with other rules: new results, but no change of what people set or moved."""

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
from tests.store.desk import all_rows, deliver, letter

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
def with_vendor(tmp_path: Path, context: AppContext) -> AppContext:
    """The rules, with a pack that knows the vendor."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "kumonodesk.yaml").write_text(VENDOR, encoding="utf-8")
    return replace(context, rules=load([tmp_path / "own"]))


@pytest.fixture
def filled(database: Database, context: AppContext) -> Database:
    """Three mails, processed by rules that do not know the vendor; a person set and moved something."""
    deliver(database, context, *MAILS, at=NOW)

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


def test_a_dry_run_changes_nothing_and_shows_the_result(filled: Database, with_vendor: AppContext) -> None:
    before = filled.read(all_rows)
    [(key, before_case, after_case)] = replayed(filled, with_vendor, apply=False)
    assert filled.read(all_rows) == before
    assert (key, before_case["vendor"], after_case["vendor"]) == ("SD-1", None, "kumonodesk")
    assert len(after_case["asks"]) > len(before_case["asks"]) == 0
    replayed(filled, with_vendor, apply=True)
    kept = case(filled)
    assert all(kept[name] == after_case[name] for name in ("vendor", "vendor_refs", "waiting_on", "missing"))


def test_a_new_vendor_changes_results_but_no_manual_change(filled: Database, with_vendor: AppContext) -> None:
    places = select(messages.c.id, messages.c.case_id).order_by(messages.c.id)
    placed = filled.read(lambda conn: conn.execute(places).all())
    replayed(filled, with_vendor, apply=True)
    found = case(filled)
    assert found["vendor_refs"] == [{"vendor": "kumonodesk", "ref": "12345"}]
    assert {one["address"]: one["role"] for one in found["participants"]}["support@kumonodesk.example"] == "vendor"
    assert (found["priority"], found["title"]) == ("P1", "Login, again")
    assert found["set_by"] == {"priority": "Aki", "title": "Aki"}
    assert {line["item"]: line["value"] for line in found["checklist"]}["occurred_at"] == "08:30"
    assert filled.read(lambda conn: conn.execute(places).all()) == placed
    assert filled.read(lambda conn: conn.execute(select(messages.c.pinned_by)).scalars().all()).count("Aki") == 1


def test_a_case_number_found_by_a_replay_finds_the_case_of_later_mail(
    filled: Database, with_vendor: AppContext
) -> None:
    replayed(filled, with_vendor, apply=True)
    later = letter("later", VENDORS_DESK, AIKO, "[KUM-12345] Any news?", "Could you please send us the log files?", 90)
    deliver(filled, with_vendor, later, at=LATER)
    assert case(filled)["messages"] == 4


def test_an_interrupted_replay_continues_and_does_not_change_finished_cases(
    filled: Database, with_vendor: AppContext
) -> None:
    begun = replay(filled, with_vendor, None, since=None, apply=True, now=LATER)
    next(begun)
    once = filled.read(all_rows)
    replayed(filled, with_vendor, apply=True, now=LATER + timedelta(days=2))
    assert filled.read(all_rows) == once
    assert case(filled)["judged_by"] == with_vendor.rules.version
