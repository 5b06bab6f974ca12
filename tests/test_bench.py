"""The benchmarks: every one is documented, and the table shows results and failures. No test checks speed."""

from pathlib import Path

import pytest
from sqlalchemy import select

from bench import growth, harness, mix
from bench.__main__ import BENCHES, Bench, main
from bench.harness import Figure, ratio
from bench.taking_in import STAGES, Company
from service.store.database import Database
from service.store.tables import messages

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


@pytest.mark.parametrize("name", BENCHES)
def test_every_benchmark_is_documented(name: str) -> None:
    assert f"| `{name}` |" in PAGE.read_text(encoding="utf-8")


def broken(_seconds: float) -> list[Figure]:
    raise RuntimeError("no server")


def test_a_benchmark_that_raises_is_reported_with_the_reason_and_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(BENCHES, "broken", Bench(broken, 1, "one that fails"))
    assert main(only=["broken"], seconds=1.0) == 1
    assert "FAILED: no server" in capsys.readouterr().out


def test_a_missed_target_is_marked_and_a_ratio_is_the_median_of_the_rounds() -> None:
    assert "(!)" in Figure("memory", 260, "MB", 250, at_most=True).line()
    assert "(!)" not in Figure("memory", 240, "MB", 250, at_most=True).line()
    assert ratio("rate", [2.0, 20.0, 6.0], [1.0, 10.0, 2.0]).value == 2.0


def test_the_time_of_every_stage_is_measured(database: Database) -> None:
    stages = Company(database).take_in(4, 4)
    assert {*stages.cpu} == {*STAGES, "commit and rest"} - {"index"}


def test_copied_mails_have_their_own_cases_and_get_their_own_answers(database: Database) -> None:
    company = Company(database)
    growth.fill(company, 12, 36)
    growth.place(1, company, 24, [one.message_id for one in mix.mails(12)], 3)
    query = select(messages.c.case_id, messages.c.message_id, messages.c.facts)
    rows = database.read(lambda conn: conn.execute(query).all())
    cases = {row.message_id: row.case_id for row in rows}
    assert len({cases[f"<desk-0-0@{harness.DOMAIN}{mark}>"] for mark in ("", ".m1", ".m2")}) == 3
    answers = [row for row in rows if row.message_id and row.message_id.startswith("<1-")]
    assert len(answers) == 6
    assert all(row.case_id == cases[parent] for row in answers for parent in row.facts["parents"])
