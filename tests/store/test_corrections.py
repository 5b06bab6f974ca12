"""What people do by hand holds, can be taken back, and is written down."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from service.errors import Conflict, NotFound, Refused
from service.mail.message import Address, Mail
from service.store import corrections, links, undo
from service.store.database import Database
from service.store.tables import cases, messages
from tests.cases.filing import DESK, OTHER_USER, USER, inside, mail
from tests.store.desk import NOW, Desk

FAN = mail("fan", USER, "Fan noise", "The fan in rack two is loud.", 0, to=(DESK,))
FAN2 = mail("fan2", USER, "Re: Fan noise", "Now it smells, too.", 60, to=(DESK,), parent="fan")
HEAT = mail("heat", OTHER_USER, "Rack is hot", "Rack two is at 41 degrees.", 30, to=(DESK,))
HEAT2 = mail("heat2", OTHER_USER, "Re: Rack is hot", "42 by now.", 90, to=(DESK,), parent="heat")
FAN3 = mail("fan3", USER, "Re: Fan noise", "It stopped for a minute.", 120, to=(DESK,), parent="fan2", refs=("fan",))
HEAT3 = mail("heat3", OTHER_USER, "Re: Rack is hot", "43!", 150, to=(DESK,), parent="heat2", refs=("heat",))


class People(Desk):
    """A desk whose mails people put elsewhere. Cases and messages are given by the name of a mail, or by number."""

    def cases(self, *names: str) -> list[int]:
        return [self.case_of(name) for name in names]

    def merge(self, case: str | int, into: str | int) -> int:
        """Merge two cases and return the event."""
        number, target = (one if isinstance(one, int) else self.case_of(one) for one in (case, into))
        return self.database.transact(partial(corrections.merge, number=number, into=target, who="Aki", now=NOW))

    def move(self, message: str | int, to: int | None) -> tuple[int, int]:
        """Move a message; return the event and the case."""
        number = message if isinstance(message, int) else self.id_of(message)
        return self.database.transact(partial(corrections.move, message=number, to=to, who="Aki", now=NOW))

    def undo(self, event: int) -> list[int]:
        return self.database.transact(partial(undo.undo, event=event, who="Ben", now=NOW))

    def set(self, case: int, **wanted: Any) -> int:
        return self.database.transact(
            partial(corrections.set_by_person, number=case, wanted=wanted, who="Aki", now=NOW)
        )

    def survivor(self, case: int) -> int:
        return self.database.read(partial(corrections.survivor, number=case))


@pytest.fixture
def desk(database: Database) -> People:
    made = People(database)
    for one in (FAN, FAN2, HEAT, HEAT2):
        made.take(one)
    return made


def test_a_merge_holds_and_both_keys_lead_to_one_case(desk: People) -> None:
    fan, heat = desk.cases("fan", "heat")
    event = desk.merge("heat", "fan")
    assert desk.case_of("heat2") == fan
    assert desk.merged_into(heat) == fan
    desk.take(FAN3, HEAT3)
    assert len(desk.partition()) == 1
    assert desk.survivor(heat) == fan
    assert desk.database.read(partial(corrections.changed_cases, event=event)) == [fan]
    desk.take(mail("keyed", DESK, f"SD-{heat}: parts ordered", "They come on Monday.", 200))
    assert desk.case_of("keyed") == fan


def test_a_chain_of_merges_is_followed_to_its_end_by_mails_and_keys_and_taken_back_link_by_link(desk: People) -> None:
    desk.take(mail("lamp", USER, "Lamp", "A lamp flickers in the hall.", 10, to=(DESK,)))
    fan, heat, lamp = desk.cases("fan", "heat", "lamp")
    desk.merge(heat, fan)
    last = desk.merge(fan, lamp)
    desk.take(HEAT3, mail("keyed", DESK, f"SD-{heat}: parts ordered", "They come on Monday.", 200))
    assert {*desk.cases("fan", "heat", "heat3", "keyed", "lamp")} == {lamp}
    assert [desk.survivor(key) for key in (fan, heat, lamp)] == [lamp] * 3
    for one, other in ((lamp, fan), (lamp, heat), (lamp, lamp)):
        with pytest.raises(Refused):
            desk.merge(one, other)
    desk.undo(last)
    assert {*desk.cases("fan", "heat", "heat3")} == {fan}
    assert desk.case_of("lamp") == lamp


def test_a_merge_can_be_taken_back_and_later_mail_goes_where_it_belongs(desk: People) -> None:
    fan, heat = desk.cases("fan", "heat")
    event = desk.merge("heat", "fan")
    desk.take(FAN3, HEAT3)
    assert desk.undo(event) == sorted((fan, heat))
    assert desk.partition() == {frozenset({"fan", "fan2", "fan3"}), frozenset({"heat", "heat2", "heat3"})}
    assert desk.case_of("heat3") == heat
    assert desk.merged_into(heat) is None
    with pytest.raises(Conflict):
        desk.undo(event)


def test_a_moved_message_stays_and_its_answers_follow_it(desk: People) -> None:
    fan, heat = desk.cases("fan", "heat")
    assert desk.move("fan2", heat)[1] == heat
    desk.take(FAN)  # delivered again: nothing moves back
    desk.take(mail("re", DESK, "Re: Fan noise", "Smells how?", 70, to=(USER,), parent="fan2", refs=("fan",)))
    assert desk.cases("fan2", "re", "fan") == [heat, heat, fan]
    assert desk.row("fan2")["pinned_by"] == "Aki"


def test_a_message_split_off_has_a_case_of_its_own_and_can_go_back(desk: People) -> None:
    fan = desk.case_of("fan")
    event, case = desk.move("fan2", None)
    assert case not in desk.cases("fan", "heat")
    desk.take(FAN3)
    assert desk.case_of("fan3") == case
    assert fan in desk.undo(event)
    assert desk.cases("fan2", "fan3") == [fan, fan]
    assert desk.merged_into(case) == fan
    # rules may unite the two cases again
    assert desk.database.read(partial(links.set_apart, case_id=fan)) == set()


def test_merges_in_a_circle_still_end(desk: People) -> None:
    fan, heat = desk.cases("fan", "heat")
    desk.merge("heat", "fan")
    desk.database.transact(lambda conn: conn.execute(cases.update().where(cases.c.id == fan).values(merged_into=heat)))
    assert desk.survivor(heat) in (fan, heat)


def test_what_does_not_exist_is_said(desk: People) -> None:
    for missing in (partial(desk.merge, 10_000, 1), partial(desk.move, 10_000, None), partial(desk.undo, 10_000)):
        with pytest.raises(NotFound):
            missing()
    with pytest.raises(Refused):
        desk.move("fan", desk.case_of("fan"))


OPENING = mail("fan0", USER, "Fan noise", "The fan in rack nine is loud.", 0, to=(DESK,))
BETWEEN = mail("fan5", USER, "Re: Fan noise", "It is the upper one.", 20, to=(DESK,), parent="fan0")
QUOTED = inside(USER, "The fan in rack nine is loud.", 0, subject="Fan noise")
HANDED = mail("fan5", DESK, "Re: Fan noise", "It is the upper one.", 20, to=(OTHER_USER,), history=(QUOTED,))
ANSWER = mail("fan6", USER, "Re: Fan noise", "Now it is quiet.", 40, to=(DESK,), parent="fan5")


@pytest.mark.parametrize("later", [(OPENING, BETWEEN), (HANDED,)], ids=["answered", "quoted"])
def test_a_merge_taken_back_lets_earlier_mails_follow_their_answer(database: Database, later: tuple[Mail, ...]) -> None:
    desk = People(database)
    desk.take(HEAT)
    desk.take(ANSWER)
    event = desk.merge("fan6", "heat")
    for one in (*later, HEAT2):
        desk.take(one)
    desk.undo(event)
    assert desk.cases("heat", "heat2") == [1, 1]
    rows = database.read(lambda conn: conn.execute(select(messages.c.case_id)).scalars().all())
    assert list(rows).count(1) == 2


def test_a_merge_taken_back_sets_apart_what_a_person_had_moved_before(desk: People) -> None:
    fan, heat = desk.cases("fan", "heat")
    moved, _ = desk.move("fan", heat)
    merged = desk.merge(fan, heat)
    desk.take(mail("fan7", USER, "Re: Fan noise", "It is loud again.", 130, to=(DESK,), parent="fan", refs=("fan2",)))
    desk.undo(merged)
    assert desk.cases("fan", "fan2") == [heat, fan]
    desk.undo(moved)
    assert desk.cases("fan", "fan2", "fan7", "heat", "heat2") == [fan] * 3 + [heat] * 2


REPORT = mail("report", USER, "Pump", "The pump in hall two leaks.", 10, to=(DESK,))
WHICH = mail("answer", DESK, "A question", "Which of them do you mean?", 20, to=(USER,), parent="report")
SHOWN = inside(DESK, "Which of them do you mean?", 20, to=(Address("", USER),))
SHOWING = mail("showing", USER, "Re: A question", "The left one.", 30, to=(DESK,), history=(SHOWN,))
"""Shares no word with the report, so that content does not join them."""


@pytest.fixture
def pump(database: Database) -> People:
    """Two cases: a report, and an answer to a mail that has not come yet; it is known from a quotation only."""
    made = People(database)
    made.take(REPORT)
    made.take(SHOWING)
    return made


def test_a_merge_taken_back_follows_a_mail_that_was_only_quoted_when_it_was_made(pump: People) -> None:
    report = pump.case_of("report")
    merged = pump.merge("showing", "report")
    pump.take(WHICH)
    pump.undo(merged)
    assert pump.cases("report", "answer", "showing") == [report] * 3


def test_a_move_taken_back_leads_to_the_case_that_its_own_became_part_of(pump: People) -> None:
    query = select(messages.c.id, messages.c.case_id).where(messages.c.origin == "quoted")
    report, [shown, _] = pump.case_of("report"), pump.database.read(lambda conn: conn.execute(query).one())
    moved, _ = pump.move(shown, None)
    pump.take(mail("both", DESK, "Re: Pump", "A plumber comes.", 40, to=(USER,), parent="showing", refs=("report",)))
    assert pump.case_of("showing") == report
    pump.undo(moved)
    assert pump.database.read(lambda conn: conn.execute(query).one()).case_id == report


def test_an_undo_leaves_alone_what_a_later_correction_moved_away(desk: People) -> None:
    for name in ("lamp", "pump"):
        desk.take(mail(name, USER, name, f"The {name} of hall four is broken.", 10, to=(DESK,)))
    heat, at_pump = desk.cases("heat", "pump")
    desk.merge("lamp", "fan")
    merged = desk.merge("heat", "fan")
    desk.move("lamp", at_pump)
    desk.undo(merged)
    assert desk.cases("heat", "heat2", "lamp") == [heat, heat, at_pump]


def test_undoing_one_move_keeps_another_that_set_the_same_cases_apart(desk: People) -> None:
    desk.take(FAN3)
    fan = desk.case_of("fan")
    first, apart = desk.move("fan2", None)
    desk.move("fan3", apart)
    desk.undo(first)
    assert desk.cases("fan", "fan2", "fan3") == [fan, fan, apart]


def test_undoing_a_merge_keeps_what_a_person_set_apart_since(desk: People) -> None:
    desk.take(mail("pump", USER, "Pump", "The pump of hall four leaks.", 10, to=(DESK,)))
    fan, at_pump = desk.cases("fan", "pump")
    desk.move("heat2", at_pump)
    merged = desk.merge("heat", "fan")
    desk.move("fan2", at_pump)
    desk.undo(merged)
    assert desk.case_of("fan2") == at_pump != fan
    assert at_pump in desk.database.read(partial(links.set_apart, case_id=fan))
