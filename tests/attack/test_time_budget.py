"""A mail that takes too long to read is stored with what was read, and does not affect other mails of its batch."""

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
    """Rules that never end for a text with certain words."""

    def read(self, turn: RuleInput) -> Reading:
        if "never ends" in turn.text:
            while True:
                self._real.read(replace(turn, text="again"))
        reading: Reading = self._real.read(turn)
        return reading


@cache
def warm_up() -> None:
    """Compile patterns and load tables, which takes longer than the limit."""
    for turn in ("Warm up: it is jammed.", "x " * 8_000):
        claimed = spool.Claimed("w", datetime.now(UTC), ENVELOPE, mail(99, turn), 1)
        intake.understand(claimed, limited(0), context().roles())


def defects_of(database: Database, contents: list[bytes], seconds: float = 0.4) -> dict[str, Any]:
    """Take in the mails; return the defects by Message-ID."""
    warm_up()
    intake.receive(database, [(ENVELOPE, content) for content in contents], datetime.now(UTC))
    context_with_limit = replace(limited(seconds), rules=Slow(context().rules))  # type: ignore[arg-type]
    worker = Worker(
        database, context_with_limit, by="w", batch=64, lease=timedelta(seconds=600), clock=lambda: datetime.now(UTC)
    )
    while database.read(spool_view.ledger).waiting:
        worker.step()
    rows = database.read(lambda conn: conn.execute(select(messages.c.message_id, messages.c.defects)).all())
    return {row.message_id: row.defects for row in rows}


@pytest.mark.parametrize("place", [0, 1, 4])
@pytest.mark.parametrize("text", ["It never ends.", "x " * 20_000 + "It never ends."], ids=["all", "end"])
def test_only_the_slow_mail_of_a_batch_is_not_fully_read(sqlite: Database, text: str, place: int) -> None:
    texts = ["It is jammed."] * 4
    texts.insert(place, text)
    found = defects_of(sqlite, [mail(number, text) for number, text in enumerate(texts)])
    assert len(found) == 5
    assert {id for id, defects in found.items() if "not-fully-read" in defects} == {f"<m{place}@corp.example>"}
    ledger = sqlite.read(spool_view.ledger)
    assert (ledger.taken_in, ledger.waiting, ledger.shunted) == (5, 0, 0)
    assert len(list(contents.all_mails(sqlite))) == 5


def test_mails_released_after_a_slow_mail_count_no_attempt(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.worker.READING_SHARE", 1e9)
    texts = ["It never ends.", *(["It is jammed."] * 8)]
    defects_of(sqlite, [mail(number, text) for number, text in enumerate(texts)])
    rows = sqlite.read(spool_view.listing)
    assert {row["state"] for row in rows} == {"done"}
    assert {row["attempts"] for row in rows} == {1}


def test_the_limit_interrupts_an_endless_pattern_and_ends_with_its_block() -> None:
    with pytest.raises(OutOfTime), cpu_limit(0.2):
        re.match(r"(a+)+$", "a" * 60 + "b")
    with cpu_limit(0):  # no limit
        assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    with cpu_limit(5):
        assert signal.getitimer(signal.ITIMER_PROF)[0] > 0
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
