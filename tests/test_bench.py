"""`make bench` knows its benches, and its table and picture show what was found. No test asserts speed."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

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
