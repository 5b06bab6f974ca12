"""A mail that takes too long to read is filed by its beginning, and the mails beside it are read as ever."""

import re
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from sqlalchemy import select

from mailrules.judgement import Reading
from mailrules.thread import RuleInput
from service import intake
from service.process import OutOfTime, cpu_limit
from service.store import contents, spool, spool_view
from service.store.database import Database
from service.store.tables import messages
from service.worker import Worker
from tests.flow.crew import Deadly, context, limited
from tests.flow.test_worker import ENVELOPE, mail


class Slow(Deadly):
    """Rules that never end at certain words; which they see depends on how much of a mail is read."""

    def read(self, turn: RuleInput) -> Reading:
        if "slow as" in turn.text or ("slow at the end" in turn.text):
            while True:
                self._real.read(replace(turn, text="again"))
        reading: Reading = self._real.read(turn)
        return reading


@cache
def warm_up() -> None:
    """What is compiled once takes longer than the limit."""
    for turn in ("Warm up: it is jammed.", "x " * 8_000):
        claimed = spool.Claimed("w", datetime.now(UTC), ENVELOPE, mail(99, turn), 1)
        intake.understand(claimed, limited(0), context().roles())


def worked(database: Database, contents: list[bytes], seconds: float = 0.4) -> dict[str, Any]:
    """Takes in the mails; defects by Message-ID."""
    warm_up()
    intake.receive(database, [(ENVELOPE, content) for content in contents], datetime.now(UTC))
    home = replace(limited(seconds), rules=Slow(context().rules))  # type: ignore[arg-type]
    working = Worker(database, home, by="w", batch=64, lease=timedelta(seconds=600), clock=lambda: datetime.now(UTC))
    while database.read(spool_view.ledger).waiting:
        working.step()
    rows = database.read(lambda conn: conn.execute(select(messages.c.message_id, messages.c.defects)).all())
    return {row.message_id: row.defects for row in rows}


@pytest.mark.parametrize("place", [0, 1, 4])
@pytest.mark.parametrize("text", ["slow as ever", "x " * 20_000 + "slow at the end"], ids=["all", "end"])
def test_a_slow_mail_is_filed_as_not_fully_read_with_its_neighbours_whole(
    sqlite: Database, text: str, place: int
) -> None:
    texts = ["It is jammed."] * 4
    texts.insert(place, text)
    found = worked(sqlite, [mail(number, text) for number, text in enumerate(texts)])
    assert len(found) == 5
    assert {id for id, defects in found.items() if "not-fully-read" in defects} == {f"<m{place}@corp.example>"}
    ledger = sqlite.read(spool_view.ledger)
    assert (ledger.taken_in, ledger.waiting, ledger.shunted) == (5, 0, 0)
    assert len(list(contents.all_mails(sqlite))) == 5


def test_mails_that_were_not_read_in_time_are_given_back_uncounted(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.worker.READING_SHARE", 1e9)
    texts = ["slow as ever", *(["It is jammed."] * 8)]
    worked(sqlite, [mail(number, text) for number, text in enumerate(texts)])
    rows = sqlite.read(spool_view.listing)
    assert {row["state"] for row in rows} == {"done"}
    assert {row["attempts"] for row in rows} == {1}


def test_the_limit_reaches_a_pattern_that_would_run_for_years_and_ends_with_its_block() -> None:
    with pytest.raises(OutOfTime), cpu_limit(0.2):
        re.match(r"(a+)+$", "a" * 60 + "b")
    with cpu_limit(0):  # none
        assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    with cpu_limit(5):
        assert signal.getitimer(signal.ITIMER_PROF)[0] > 0
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
