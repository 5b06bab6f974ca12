"""Nearly the same mail again, in a real store: what another mail shows follows the mail that comes late."""

from __future__ import annotations

import shutil
from itertools import permutations
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from service.mail.message import Mail
from service.store.database import Database
from service.store.tables import deliveries, messages
from tests.case.filing import DESK, STRANGER, USER, Filing, inside, mail
from tests.case.test_sighting import answer, asked, like_mails
from tests.store.desk import Desk

EARLY = mail("early", USER, "Gate", asked("two"), 0.2, to=(STRANGER,))
LATER = mail("later", USER, "Gate", asked("two"), 1.3, to=(DESK,))
SHOWS = answer(inside(USER, asked("two"), 0))


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


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(like_mails(), st.data())
def test_like_mails_are_parted_in_the_store_as_in_memory(
    sqlite_template: Path, tmp_path: Path, mails: list[Mail], data: st.DataObject
) -> None:
    alone = Filing()
    alone.deliver(*mails)
    path = tmp_path / "like.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    desk = Desk(database)
    waiting = [*data.draw(st.permutations(mails)), mails[0]]
    while waiting:
        count = data.draw(st.integers(1, 3))
        coming, waiting = waiting[:count], waiting[count:]
        desk.take(*coming)
    assert desk.partition() == alone.partition()
    database.close()
