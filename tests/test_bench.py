"""`make bench` knows its benches, and its table and picture show what was found. No test asserts speed."""

from __future__ import annotations

import importlib
import inspect
from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench import desks, stores
from bench.__main__ import BENCHES, table
from bench.figure import figure, kept, median_ratio, outcome
from bench.plot import svg

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def run(value: float) -> dict[str, Any]:
    found = outcome(
        [figure("3 KB & more", value, against="stock", promised=2.0, detail={"rate": 100.0})],
        {"parse": 1.0, "place": 2.0},
    )
    return {"commit": "abc", "seconds": 1.0, "benches": {"placing": found}, "failed": {"api": "no server"}}


@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_is_there(name: str) -> None:
    measure = getattr(importlib.import_module(BENCHES[name].module), BENCHES[name].function)
    inspect.signature(measure).bind(1.0)


@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_is_explained(name: str) -> None:
    assert f"| `{name}` |" in PAGE.read_text(encoding="utf-8")


def test_a_broken_promise_is_marked_and_a_failure_told() -> None:
    assert "(!)" in table(run(1.5))
    assert "(!)" not in table(run(2.5))
    assert "api: FAILED: no server" in table(run(2.5))


def test_two_commits_stand_side_by_side() -> None:
    assert "-25 %" in table(run(1.5), run(2.0))


def test_the_picture_is_well_formed() -> None:
    words = "".join(ElementTree.fromstring(svg(run(1.5))).itertext())
    assert "3 KB & more" in words
    assert "place: 2.00 ms, 67 %" in words


def test_an_upper_bound_is_kept_from_below() -> None:
    assert kept(figure("memory", 240, "MB", promised=250, at_most=True))
    assert not kept(figure("memory", 260, "MB", promised=250, at_most=True))


def test_a_ratio_is_taken_round_by_round() -> None:
    assert median_ratio([2.0, 20.0, 6.0], [1.0, 10.0, 2.0]) == 2.0


def test_the_mail_of_desks_is_of_conversations_whose_dates_go_on() -> None:
    begun = datetime(2026, 3, 2, 9, 0, tzinfo=timezone(timedelta(hours=9)))
    made = [(one, message_from_bytes(one.content)) for one in desks.mails(400, begun)]
    assert len({one.message_id for one, _ in made}) == 400
    dates = [parsedate_to_datetime(str(mail["Date"])) for _, mail in made]
    assert dates == [begun + number * desks.EVERY for number in range(400)]
    come: set[str] = set()
    for one, mail in made:
        assert stores.INTAKE in (str(mail["To"]), str(mail["Cc"]))
        assert set(str(mail.get("References", "")).split()) <= come
        come.add(one.message_id)
    whole = [step for step in come if "-4@" in step]
    assert len(whole) > 40
    assert 60 <= sum("-0@" in step for step in come) <= 140
