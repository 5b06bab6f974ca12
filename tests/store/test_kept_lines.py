"""Lines are kept in memory by what is stored of them: a row that changes is read anew."""

from __future__ import annotations

from sqlalchemy import update

from service.store import placement
from service.store.database import Database
from service.store.tables import messages
from tests.cases.filing import DESK, USER, mail
from tests.store.desk import Desk


def test_a_line_is_made_once_and_again_when_its_row_changes(database: Database) -> None:
    desk = Desk(database)
    desk.take(mail("report", USER, "Plotter offline", "It shows E-7741.", 0, to=(DESK,)))
    case = desk.case_of("report")
    (first,) = database.read(lambda conn: placement.lines(conn, case))
    (second,) = database.read(lambda conn: placement.lines(conn, case))
    assert second is first
    database.transact(lambda conn: conn.execute(update(messages).values(author_role="team")))
    (third,) = database.read(lambda conn: placement.lines(conn, case))
    assert (first.turn.side, third.turn.side) == ("requester", "team")
