"""Nearly the same mail again, in a real store: what another mail shows follows the mail that comes late."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from random import Random
from typing import TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from service.mail.message import Mail
from service.store import corrections, placing
from service.store.database import Connection, Database
from service.store.tables import deliveries, messages
from tests.case.filing import ACME, DESK, OTHER_USER, STRANGER, UMBRA, USER, Filing, inside, mail
from tests.case.test_sighting import answer, asked, like_mails, reader
from tests.store.desk import NOW, Desk

EARLY = mail("early", USER, "Gate", asked("two"), 0.2, to=(STRANGER,))
LATER = mail("later", USER, "Gate", asked("two"), 1.3, to=(DESK,))
SHOWS = answer(inside(USER, asked("two"), 0))
T = TypeVar("T")


def act(desk: Desk, fn: Callable[[Connection], T]) -> T:
    return desk.database.transact(fn)


def test_a_mail_that_comes_late_takes_what_was_shown_of_it(database: Database) -> None:
    desk = Desk(database)
    desk.take(LATER)
    desk.take(SHOWS)
    desk.take(SHOWS)
    assert desk.row("later")["deliveries"] == 3
    assert desk.partition() == {frozenset({"later"}), frozenset({"answer"})}
    desk.take(EARLY)
    assert desk.partition() == {frozenset({"early", "answer"}), frozenset({"later"})}
    assert (desk.row("later")["deliveries"], desk.row("early")["deliveries"]) == (1, 3)
    ways = select(messages.c.message_id).join(deliveries).where(deliveries.c.way == "quoted")
    assert set(database.read(lambda conn: conn.execute(ways).scalars().all())) == {"<early@x.test>"}


def test_it_does_so_in_every_order_and_batch(sqlite_template: Path, tmp_path: Path) -> None:
    for number, order in enumerate(permutations((EARLY, LATER, SHOWS))):
        for cut in (0, 1, 2):
            path = tmp_path / f"{number}-{cut}.db"
            shutil.copy(sqlite_template, path)
            database = Database(f"sqlite:///{path}")
            desk = Desk(database)
            for batch in (order[:cut], order[cut:]):
                if batch:
                    desk.take(*batch)
            assert desk.partition() == {frozenset({"early", "answer"}), frozenset({"later"})}
            assert (desk.row("later")["deliveries"], desk.row("early")["deliveries"]) == (1, 2)
            database.close()


@pytest.mark.parametrize("last", ["third", "west"])
def test_what_was_one_mail_by_a_showing_that_turns_out_to_be_another_mail_is_two_again(
    database: Database, last: str
) -> None:
    mails = {
        "east": reader("east", ACME, inside(USER, asked("7741"), 0)),
        "link": reader("link", DESK, inside(USER, asked("")[:40], 0)),
        "west": reader("west", UMBRA, inside(USER, asked("7742"), 0)),
        "third": mail("third", USER, "Gate", asked("7743"), 0, to=(DESK,)),
    }
    desk = Desk(database)
    for name in sorted(mails, key=lambda name: (name == last, name)):
        desk.take(mails[name])
    apart = {frozenset({"third", "link"}), frozenset({"east"}), frozenset({"west"})}
    assert desk.partition() == apart
    cases = [desk.case_of(name) for name in mails]
    act(desk, lambda conn: placing.regroup(conn, cases, now=NOW))
    assert desk.partition() == apart


@pytest.mark.parametrize("last", ["cut", "like"])
def test_a_mail_nobody_has_is_found_by_every_way_in_which_it_was_shown(sqlite: Database, last: str) -> None:
    text = asked("two")
    like = mail("like", USER, "Gate", text, 1.3 if last == "cut" else 0.3, to=(DESK,))
    desk = Desk(sqlite)
    if last == "cut":
        desk.take(reader("short", DESK, inside(USER, text[:26], 0)), reader("long", DESK, inside(USER, text[:60], 0)))
        desk.take(like, reader("elsewhere", DESK, inside(USER, text[:60], -540)))
        desk.take(reader("cut", ACME, inside(USER, text[:26], 0)))
        assert {frozenset({"short", "cut"}), frozenset({"long", "like"})} < desk.partition()
    else:
        desk.take(reader("long", DESK, inside(USER, text[:60], 0)), reader("zone", DESK, inside(USER, text[:60], -540)))
        desk.take(like)
        assert desk.partition() == {frozenset({"long", "like"}), frozenset({"zone"})}


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(like_mails(), st.integers(0, 1 << 30))
def test_like_mails_are_parted_in_the_store_as_in_memory(
    sqlite_template: Path, tmp_path: Path, mails: list[Mail], seed: int
) -> None:
    alone = Filing()
    alone.deliver(*mails)
    path = tmp_path / f"like-{uuid4().hex}.db"  # of its own: of an example that failed a write-ahead log may be left
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    try:
        desk = Desk(database)
        chance = Random(seed)
        waiting = [*chance.sample(mails, len(mails)), mails[0]]
        while waiting:
            count = chance.randint(1, 3)
            coming, waiting = waiting[:count], waiting[count:]
            desk.take(*coming)
        assert desk.partition() == alone.partition()
    finally:
        database.close()


def test_a_person_put_the_showing_mail_elsewhere_before_the_one_it_shows_came(sqlite: Database) -> None:
    desk = Desk(sqlite)
    later, shows = mail("later", USER, "Gate", asked("two"), 1.3, to=(DESK,)), answer(SHOWS.history[0], DESK)
    desk.take(later)
    desk.take(shows)
    event, _ = act(desk, lambda conn: corrections.move(conn, desk.id_of("answer"), None, "Aki", NOW))
    desk.take(EARLY)
    assert len(desk.partition()) == 3
    act(desk, lambda conn: corrections.undo(conn, event, "Aki", NOW))
    assert desk.partition() == {frozenset({"early", "answer"}), frozenset({"later"})}


def test_a_merge_of_the_wrong_mail_holds_when_the_right_one_comes_and_is_taken_back(sqlite: Database) -> None:
    desk = Desk(sqlite)
    other = mail("other", OTHER_USER, "Lamp", "A lamp flickers in the hall.", 5, to=(DESK,))
    for one in (LATER, answer(SHOWS.history[0], DESK), other):
        desk.take(one)
    event = act(desk, lambda conn: corrections.merge(conn, desk.case_of("later"), desk.case_of("other"), "Aki", NOW))
    desk.take(EARLY)
    assert {"later", "answer", "other"} <= max(desk.partition(), key=len)
    act(desk, lambda conn: corrections.undo(conn, event, "Aki", NOW))
    assert desk.partition() == {frozenset({"early", "answer"}), frozenset({"later"}), frozenset({"other"})}
