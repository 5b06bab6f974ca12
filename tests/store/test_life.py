"""Random sequences of mails and manual corrections: mails in any order, copies, several workers.

Later mail does not change a correction. After all corrections are undone, the cases are those of the mails alone.
"""

import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings, stateful
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from service.errors import Conflict
from service.intake import AppContext
from service.mail.message import Mail
from service.replay import replay
from service.store import corrections, undo
from service.store.database import Connection, Database, one_at_a_time
from service.store.tables import cases, events, messages
from tests.cases.filing import Filing, content_joins_nothing
from tests.cases.test_any_order import conversations
from tests.store.desk import NOW, Desk

T = TypeVar("T")
NAMES = st.sampled_from(["Aki", "Ben"])


def pick_one(of: Sequence[T], pick: int) -> T:
    """Return one value. Ids differ between runs with several workers, so a position is drawn, not a value."""
    return of[pick % len(of)]


@dataclass
class Correction:
    """A correction by a person."""

    event: int
    moved: tuple[int, ...] = ()  # moved messages
    together: frozenset[int] = frozenset()  # messages that must stay in one case


class CaseHistory(RuleBasedStateMachine):
    """A database. ``empty`` gives the URL of an empty database and deletes it at the end."""

    empty: Callable[[], AbstractContextManager[str]]
    context: AppContext

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.database = Database(self.stack.enter_context(type(self).empty()))
        self.stack.callback(self.database.close)
        self.desk = Desk(self.database)
        self.corrections: list[Correction] = []

    @initialize(mails=conversations(common_words=False), data=st.data())
    def choose_mails(self, mails: list[Mail], data: st.DataObject) -> None:
        self.mails = mails
        self.waiting = data.draw(st.permutations(mails))

    @precondition(lambda self: self.waiting)
    @rule(count=st.integers(1, 8), workers=st.integers(1, 2))
    def mails_arrive(self, count: int, workers: int) -> None:
        arriving, self.waiting = self.waiting[:count], self.waiting[count:]
        if workers == 1:
            self.desk.take(*arriving)
        else:
            self.desk.take_together(arriving[::2], arriving[1::2])

    @rule(pick=st.integers(0, 999))
    def a_mail_arrives_again(self, pick: int) -> None:
        self.desk.take(pick_one(self.mails, pick))
        names = {f"<{name}@x.test>" for _, name in self.desk.placed()}
        self.waiting = [one for one in self.waiting if one.message_id not in names]

    @rule(pick=st.integers(0, 999), place=st.integers(0, 999), who=NAMES)
    def a_person_moves_a_message(self, pick: int, place: int, who: str) -> None:
        current = self.case_of_each()
        if not current:
            return
        places = [None, *sorted(set(current.values()))]
        chosen = pick_one(sorted(current), pick)
        try:
            event, into = self.act(lambda conn: corrections.move(conn, chosen, pick_one(places, place), who, NOW))
        except Conflict:
            return
        for correction in self.corrections:
            correction.moved = tuple(m for m in correction.moved if m != chosen)
            correction.together -= {chosen}
        there = {m for m, case in self.case_of_each().items() if case == into}
        self.corrections.append(Correction(event, (chosen,), frozenset(there)))

    @rule(first=st.integers(0, 999), second=st.integers(0, 999), who=NAMES)
    def a_person_merges_two_cases(self, first: int, second: int, who: str) -> None:
        current = self.case_of_each()
        places = sorted(set(current.values()))
        if len(places) < 2:
            return
        merged = pick_one(places, first)
        into = pick_one([place for place in places if place != merged], second)
        event = self.act(lambda conn: corrections.merge(conn, merged, into, who, NOW))
        joined = frozenset(m for m, case in current.items() if case in (merged, into))
        self.corrections.append(Correction(event, together=joined))

    @rule()
    def the_last_correction_is_undone(self) -> None:
        if self.corrections:
            self.act(partial(undo.undo, event=self.corrections.pop().event, who="Cleo", now=NOW))

    @rule()
    def all_cases_are_replayed(self) -> None:
        before = self.case_of_each()
        list(replay(self.database, self.context, None, since=None, apply=True, now=NOW))
        assert self.case_of_each() == before

    @invariant()
    def corrected_messages_stay_together(self) -> None:
        current = self.case_of_each()
        for correction in self.corrections:
            assert len({current[message] for message in (*correction.moved, *correction.together)}) <= 1

    @invariant()
    def each_mail_is_one_message_and_each_key_leads_to_a_case_with_mails(self) -> None:
        query = select(messages.c.message_id).where(messages.c.message_id.is_not(None))
        names = self.database.read(lambda conn: conn.execute(query).scalars().all())
        assert len(names) == len(set(names))
        current = set(self.case_of_each().values())
        numbers = self.database.read(lambda conn: conn.execute(select(cases.c.id, cases.c.merged_into)).all())
        for row in numbers:
            assert (row.id in current) == (row.merged_into is None)
            assert self.database.read(partial(corrections.survivor, number=row.id)) in current

    @invariant()
    def each_correction_has_an_event_with_its_author(self) -> None:
        query = select(events.c.id).where(events.c.who.in_(["Aki", "Ben"]), events.c.undone_by.is_(None))
        recorded = set(self.database.read(lambda conn: conn.execute(query).scalars().all()))
        assert recorded == {correction.event for correction in self.corrections}

    def teardown(self) -> None:
        for one in getattr(self, "waiting", ()):
            self.desk.take(one)
        while self.corrections:
            self.corrected_messages_stay_together()
            self.the_last_correction_is_undone()
        if hasattr(self, "mails"):
            alone = Filing()
            alone.deliver(*self.mails)
            assert self.desk.partition() == alone.partition()
        self.stack.close()

    def act(self, fn: Callable[[Connection], T]) -> T:
        def locked(conn: Connection) -> T:
            one_at_a_time(conn)
            return fn(conn)

        return self.database.transact(locked)

    def case_of_each(self) -> dict[int, int]:
        """Return message → its case."""
        rows = self.database.read(lambda conn: conn.execute(select(messages.c.id, messages.c.case_id)).all())
        return {row.id: row.case_id for row in rows}


@contextmanager
def copied(template: Path, copy: Path) -> Iterator[str]:
    """The URL of a copy of a SQLite database."""
    shutil.copy(template, copy)
    yield f"sqlite:///{copy}"
    copy.unlink()


@pytest.mark.hypothesis
@pytest.mark.parametrize(("kind", "share"), [("sqlite", 5), ("postgresql", 2)])
def test_corrections_and_mails_in_any_order(
    kind: str, share: int, request: pytest.FixtureRequest, tmp_path: Path, context: AppContext
) -> None:
    """``share``: number of sequences of 50."""
    fixture, numbers = request.getfixturevalue, itertools.count()

    def empty() -> AbstractContextManager[str]:
        if kind == "sqlite":
            return copied(fixture("sqlite_template"), tmp_path / f"life-{next(numbers)}.db")
        return nullcontext(fixture("new_postgres")(fixture("template")))

    machine = type("Machine", (CaseHistory,), {"empty": staticmethod(empty), "context": context})
    chosen = settings(max_examples=max(2, settings().max_examples * share // 50), stateful_step_count=10)
    with content_joins_nothing():
        stateful.run_state_machine_as_test(machine, settings=chosen)
