"""The life of a store, as hypothesis makes it up: mails in any order, doubled, by several workers, and people's hands.

Whatever people do in between holds against everything that comes later; once all of it is taken back, the cases are
those that the rules alone would have made of the same mails.
"""

import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
    """One of these. Several workers number cases in any order: what is drawn does not depend on what there is."""
    return of[pick % len(of)]


@dataclass
class Hand:
    """What a person did."""

    event: int
    moved: tuple[int, ...] = ()  # messages put somewhere
    together: frozenset[int] = frozenset()  # messages that are in one case from now on


class Life(RuleBasedStateMachine):
    """One store; ``empty`` gives the URL of an empty one and takes it away again."""

    empty: Callable[[], AbstractContextManager[str]]
    context: AppContext

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.database = Database(self.stack.enter_context(type(self).empty()))
        self.stack.callback(self.database.close)
        self.desk = Desk(self.database)
        self.hands: list[Hand] = []

    @initialize(mails=conversations(common_words=False), data=st.data())
    def written(self, mails: list[Mail], data: st.DataObject) -> None:
        self.mails = mails
        self.waiting = data.draw(st.permutations(mails))

    @precondition(lambda self: self.waiting)
    @rule(count=st.integers(1, 8), workers=st.integers(0, 3))
    def some_come(self, count: int, workers: int) -> None:
        """In one batch, or one by one, by so many workers."""
        coming, self.waiting = self.waiting[:count], self.waiting[count:]
        if workers:
            with ThreadPoolExecutor(workers) as crew:
                list(crew.map(self.desk.take, coming))
        else:
            self.desk.take(*coming)

    @rule(pick=st.integers(0, 999))
    def one_comes_again(self, pick: int) -> None:
        self.desk.take(pick_one(self.mails, pick))
        names = {f"<{name}@x.test>" for _, name in self.desk.standing()}
        self.waiting = [one for one in self.waiting if one.message_id not in names]

    @rule(pick=st.integers(0, 999), place=st.integers(0, 999), who=NAMES)
    def somebody_moves_a_message(self, pick: int, place: int, who: str) -> None:
        stand = self.standing()
        if not stand:
            return
        places = [None, *sorted(set(stand.values()))]
        chosen = pick_one(sorted(stand), pick)
        try:
            event, into = self.act(lambda conn: corrections.move(conn, chosen, pick_one(places, place), who, NOW))
        except Conflict:
            return
        for hand in self.hands:
            hand.moved = tuple(m for m in hand.moved if m != chosen)
            hand.together -= {chosen}
        there = {m for m, case in self.standing().items() if case == into}
        self.hands.append(Hand(event, (chosen,), frozenset(there)))

    @rule(first=st.integers(0, 999), second=st.integers(0, 999), who=NAMES)
    def somebody_merges_two_cases(self, first: int, second: int, who: str) -> None:
        stand = self.standing()
        places = sorted(set(stand.values()))
        if len(places) < 2:
            return
        goes = pick_one(places, first)
        into = pick_one([place for place in places if place != goes], second)
        event = self.act(lambda conn: corrections.merge(conn, goes, into, who, NOW))
        joined = frozenset(m for m, case in stand.items() if case in (goes, into))
        self.hands.append(Hand(event, together=joined))

    @rule()
    def the_last_correction_is_taken_back(self) -> None:
        if self.hands:
            self.act(partial(undo.undo, event=self.hands.pop().event, who="Cleo", now=NOW))

    @rule()
    def everything_is_read_and_judged_again(self) -> None:
        stood = self.standing()
        list(replay(self.database, self.context, None, since=None, apply=True, now=NOW))
        assert self.standing() == stood

    @invariant()
    def what_a_person_put_together_is_together(self) -> None:
        stand = self.standing()
        for hand in self.hands:
            assert len({stand[message] for message in (*hand.moved, *hand.together)}) <= 1

    @invariant()
    def no_mail_stands_twice_and_every_key_leads_to_a_case_with_mails(self) -> None:
        query = select(messages.c.message_id).where(messages.c.message_id.is_not(None))
        names = self.database.read(lambda conn: conn.execute(query).scalars().all())
        assert len(names) == len(set(names))
        stand = set(self.standing().values())
        numbers = self.database.read(lambda conn: conn.execute(select(cases.c.id, cases.c.merged_into)).all())
        for row in numbers:
            assert (row.id in stand) == (row.merged_into is None)
            assert self.database.read(partial(corrections.survivor, number=row.id)) in stand

    @invariant()
    def who_did_what_is_written_down(self) -> None:
        query = select(events.c.id).where(events.c.who.in_(["Aki", "Ben"]), events.c.undone_by.is_(None))
        noted = set(self.database.read(lambda conn: conn.execute(query).scalars().all()))
        assert noted == {hand.event for hand in self.hands}

    def teardown(self) -> None:
        for one in getattr(self, "waiting", ()):
            self.desk.take(one)
        while self.hands:
            self.what_a_person_put_together_is_together()
            self.the_last_correction_is_taken_back()
        if hasattr(self, "mails"):
            alone = Filing()
            alone.deliver(*self.mails)
            assert self.desk.partition() == alone.partition()
        self.stack.close()

    def act(self, fn: Callable[[Connection], T]) -> T:
        def turn(conn: Connection) -> T:
            one_at_a_time(conn)
            return fn(conn)

        return self.database.transact(turn)

    def standing(self) -> dict[int, int]:
        """Message → its case."""
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
def test_people_and_mails_in_any_order(
    kind: str, share: int, request: pytest.FixtureRequest, tmp_path: Path, context: AppContext
) -> None:
    """``share``: of 50 examples."""
    fixture, numbers = request.getfixturevalue, itertools.count()

    def empty() -> AbstractContextManager[str]:
        if kind == "sqlite":
            return copied(fixture("sqlite_template"), tmp_path / f"life-{next(numbers)}.db")
        return nullcontext(fixture("new_postgres")(fixture("template")))

    here = type("Here", (Life,), {"empty": staticmethod(empty), "context": context})
    chosen = settings(max_examples=max(2, settings().max_examples * share // 50), stateful_step_count=10)
    with content_joins_nothing():
        stateful.run_state_machine_as_test(here, settings=chosen)
