"""What people do by hand holds, can be taken back, and is written down."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest
from sqlalchemy import Connection, select

from service.errors import Conflict, NotFound, Refused
from service.intake import AppContext
from service.mail.message import Address, Mail
from service.replay import replay
from service.store import corrections, links, undo
from service.store.cases import survivor
from service.store.database import Database
from service.store.tables import cases, events, messages
from tests.cases.filing import DESK, OTHER_USER, USER, inside, mail
from tests.store.desk import NOW, Desk

T = TypeVar("T")
FAN = mail("fan", USER, "Fan noise", "The fan in rack two is loud.", 0, to=(DESK,))
FAN2 = mail("fan2", USER, "Re: Fan noise", "Now it smells, too.", 60, to=(DESK,), parent="fan")
HEAT = mail("heat", OTHER_USER, "Rack is hot", "Rack two is at 41 degrees.", 30, to=(DESK,))
HEAT2 = mail("heat2", OTHER_USER, "Re: Rack is hot", "42 by now.", 90, to=(DESK,), parent="heat")
FAN3 = mail("fan3", USER, "Re: Fan noise", "It stopped for a minute.", 120, to=(DESK,), parent="fan2", refs=("fan",))
HEAT3 = mail("heat3", OTHER_USER, "Re: Rack is hot", "43!", 150, to=(DESK,), parent="heat2", refs=("heat",))


@pytest.fixture
def desk(database: Database) -> Desk:
    made = Desk(database)
    for one in (FAN, FAN2, HEAT, HEAT2):
        made.take(one)
    return made


def act(desk: Desk, fn: Callable[[Connection], T]) -> T:
    return desk.database.transact(fn)


def move(desk: Desk, message: int, to: int | None) -> tuple[int, int]:
    return act(desk, lambda conn: corrections.move(conn, message, to, "Aki", NOW))


def test_a_merge_holds_and_both_keys_lead_to_one_case(desk: Desk) -> None:
    fan, heat = desk.case_of("fan"), desk.case_of("heat")
    event = act(desk, lambda conn: corrections.merge(conn, heat, fan, "Aki", NOW))
    assert desk.case_of("heat2") == fan
    assert desk.merged_into(heat) == fan
    desk.take(FAN3, HEAT3)
    assert len(desk.partition()) == 1
    assert desk.database.read(lambda conn: corrections.survivor(conn, heat)) == fan
    assert desk.database.read(lambda conn: corrections.touched(conn, event)) == [fan]
    desk.take(mail("keyed", DESK, f"SD-{heat}: parts ordered", "They come on Monday.", 200))
    assert desk.case_of("keyed") == fan


def test_a_chain_of_merges_is_followed_to_its_end_by_mails_and_keys_and_taken_back_link_by_link(desk: Desk) -> None:
    desk.take(mail("lamp", USER, "Lamp", "A lamp flickers in the hall.", 10, to=(DESK,)))
    fan, heat, lamp = (desk.case_of(name) for name in ("fan", "heat", "lamp"))
    act(desk, lambda conn: corrections.merge(conn, heat, fan, "Aki", NOW))
    last = act(desk, lambda conn: corrections.merge(conn, fan, lamp, "Aki", NOW))
    desk.take(HEAT3, mail("keyed", DESK, f"SD-{heat}: parts ordered", "They come on Monday.", 200))
    assert {desk.case_of(name) for name in ("fan", "heat", "heat3", "keyed", "lamp")} == {lamp}
    for key in (fan, heat, lamp):
        assert desk.database.read(partial(corrections.survivor, number=key)) == lamp
    for one, other in ((lamp, fan), (lamp, heat), (lamp, lamp)):
        with pytest.raises(Refused):
            act(desk, partial(corrections.merge, number=one, into=other, who="Aki", now=NOW))
    act(desk, lambda conn: undo.undo(conn, last, "Aki", NOW))
    assert {desk.case_of(name) for name in ("fan", "heat", "heat3")} == {fan}
    assert desk.case_of("lamp") == lamp


def test_a_replay_moves_no_mail_that_a_person_or_a_rule_placed(desk: Desk, context: AppContext) -> None:
    fan, heat = desk.case_of("fan"), desk.case_of("heat")
    move(desk, desk.id_of("fan2"), heat)
    _, alone = move(desk, desk.id_of("heat2"), None)
    stood = desk.partition()
    seen = [key for key, _, _ in replay(desk.database, context, None, since=None, apply=True, now=NOW)]
    assert seen == [context.key(case) for case in (fan, heat, alone)]
    assert desk.partition() == stood
    assert (desk.case_of("fan2"), desk.case_of("heat2")) == (heat, alone)


def test_a_merge_can_be_taken_back_and_later_mail_goes_where_it_belongs(desk: Desk) -> None:
    fan, heat = desk.case_of("fan"), desk.case_of("heat")
    event = act(desk, lambda conn: corrections.merge(conn, heat, fan, "Aki", NOW))
    desk.take(FAN3, HEAT3)
    touched = act(desk, lambda conn: undo.undo(conn, event, "Aki", NOW))
    assert touched == sorted((fan, heat))
    assert desk.partition() == {frozenset({"fan", "fan2", "fan3"}), frozenset({"heat", "heat2", "heat3"})}
    assert desk.case_of("heat3") == heat
    assert desk.merged_into(heat) is None
    with pytest.raises(Conflict):
        act(desk, lambda conn: undo.undo(conn, event, "Aki", NOW))


def test_a_moved_message_stays_and_its_answers_follow_it(desk: Desk) -> None:
    fan, heat = desk.case_of("fan"), desk.case_of("heat")
    _, case = move(desk, desk.id_of("fan2"), heat)
    assert case == heat
    desk.take(FAN)  # delivered again: nothing moves back
    desk.take(mail("re", DESK, "Re: Fan noise", "Smells how?", 70, to=(USER,), parent="fan2", refs=("fan",)))
    assert desk.case_of("fan2") == heat
    assert desk.case_of("re") == heat
    assert desk.case_of("fan") == fan
    assert desk.row("fan2")["pinned_by"] == "Aki"


def test_a_message_split_off_has_a_case_of_its_own_and_can_go_back(desk: Desk) -> None:
    fan = desk.case_of("fan")
    event, case = move(desk, desk.id_of("fan2"), None)
    assert case not in (fan, desk.case_of("heat"))
    desk.take(FAN3)
    assert desk.case_of("fan3") == case
    touched = act(desk, lambda conn: undo.undo(conn, event, "Aki", NOW))
    assert fan in touched
    assert desk.case_of("fan2") == desk.case_of("fan3") == fan
    assert desk.merged_into(case) == fan


def test_moving_the_last_message_leaves_a_redirect(desk: Desk) -> None:
    desk.take(mail("lone", USER, "Lamp", "A lamp flickers.", 10, to=(DESK,)))
    lone, fan = desk.case_of("lone"), desk.case_of("fan")
    move(desk, desk.id_of("lone"), fan)
    assert desk.merged_into(lone) == fan


def test_merges_in_a_circle_still_end(desk: Desk) -> None:
    fan, heat = desk.case_of("fan"), desk.case_of("heat")
    act(desk, lambda conn: corrections.merge(conn, heat, fan, "Aki", NOW))
    with pytest.raises(Refused):
        act(desk, lambda conn: corrections.merge(conn, fan, heat, "Aki", NOW))
    desk.database.transact(lambda conn: conn.execute(cases.update().where(cases.c.id == fan).values(merged_into=heat)))
    assert desk.database.read(lambda conn: corrections.survivor(conn, heat)) in (fan, heat)
    assert desk.database.read(lambda conn: survivor(conn, heat)) in (fan, heat)


def test_what_does_not_exist_is_said(desk: Desk) -> None:
    with pytest.raises(NotFound):
        act(desk, lambda conn: corrections.merge(conn, 10_000, 1, "Aki", NOW))
    with pytest.raises(NotFound):
        move(desk, 10_000, None)
    with pytest.raises(NotFound):
        act(desk, lambda conn: undo.undo(conn, 10_000, "Aki", NOW))
    with pytest.raises(Refused):
        move(desk, desk.id_of("fan"), desk.case_of("fan"))


def test_a_set_field_is_kept_signed_and_taken_back(desk: Desk) -> None:
    fan = desk.case_of("fan")
    event = act(
        desk,
        lambda conn: corrections.set_by_person(
            conn, fan, {"priority": "P1", "waiting_on": "none", "items": {"version": "waived"}}, "Aki", NOW
        ),
    )
    query = select(cases.c.set_by_people).where(cases.c.id == fan)
    kept = desk.database.read(lambda conn: conn.execute(query).scalar_one())
    assert kept["priority"] == {"value": "P1", "by": "Aki", "at": NOW.isoformat()}
    assert kept["waiting_on"]["value"] is None
    assert kept["items"]["version"]["value"] == "waived"
    back = act(desk, lambda conn: corrections.set_by_person(conn, fan, {"items": {"version": None}}, "Aki", NOW))
    assert "items" not in desk.database.read(lambda conn: conn.execute(query).scalar_one())
    with pytest.raises(Conflict, match="first undo that change"):
        act(desk, lambda conn: undo.undo(conn, event, "Aki", NOW))
    act(desk, lambda conn: undo.undo(conn, back, "Aki", NOW))
    act(desk, lambda conn: undo.undo(conn, event, "Aki", NOW))
    assert desk.database.read(lambda conn: conn.execute(query).scalar_one()) == {}


def test_every_correction_is_in_the_event_log_with_who_and_when(desk: Desk) -> None:
    fan, heat = desk.case_of("fan"), desk.case_of("heat")
    event = act(desk, lambda conn: corrections.merge(conn, heat, fan, "Aki", NOW))
    act(desk, lambda conn: undo.undo(conn, event, "Ben", NOW))
    query = (
        select(events.c.kind, events.c.who, events.c.undone_by, events.c.at)
        .where(events.c.who != "")
        .order_by(events.c.id)
    )
    rows = desk.database.read(lambda conn: conn.execute(query).all())
    assert [(row.kind, row.who) for row in rows] == [("case.merged", "Aki"), ("undone", "Ben")]
    assert rows[0].undone_by is not None
    assert {row.at for row in rows} == {NOW}


OPENING = mail("fan0", USER, "Fan noise", "The fan in rack nine is loud.", 0, to=(DESK,))
BETWEEN = mail("fan5", USER, "Re: Fan noise", "It is the upper one.", 20, to=(DESK,), parent="fan0")
QUOTED = inside(USER, "The fan in rack nine is loud.", 0, subject="Fan noise")
HANDED = mail("fan5", DESK, "Re: Fan noise", "It is the upper one.", 20, to=(OTHER_USER,), history=(QUOTED,))
ANSWER = mail("fan6", USER, "Re: Fan noise", "Now it is quiet.", 40, to=(DESK,), parent="fan5")


@pytest.mark.parametrize("later", [(OPENING, BETWEEN), (HANDED,)], ids=["answered", "quoted"])
def test_a_merge_taken_back_lets_earlier_mails_follow_their_answer(database: Database, later: tuple[Mail, ...]) -> None:
    desk = Desk(database)
    desk.take(HEAT)
    desk.take(ANSWER)
    fan, heat = desk.case_of("fan6"), desk.case_of("heat")
    event = act(desk, lambda conn: corrections.merge(conn, fan, heat, "Aki", NOW))
    for one in (*later, HEAT2):
        desk.take(one)
    act(desk, lambda conn: undo.undo(conn, event, "Aki", NOW))
    assert {desk.case_of(one) for one in ("heat", "heat2")} == {1}
    rows = desk.database.read(lambda conn: conn.execute(select(messages.c.case_id).order_by(messages.c.id)).all())
    assert [row.case_id for row in rows].count(1) == 2


def test_a_merge_taken_back_sets_apart_what_a_person_had_moved_before(desk: Desk) -> None:
    fan, heat = desk.case_of("fan"), desk.case_of("heat")
    moved, _ = move(desk, 1, heat)
    merged = act(desk, lambda conn: corrections.merge(conn, fan, heat, "Aki", NOW))
    desk.take(mail("fan7", USER, "Re: Fan noise", "It is loud again.", 130, to=(DESK,), parent="fan", refs=("fan2",)))
    act(desk, lambda conn: undo.undo(conn, merged, "Aki", NOW))
    assert (desk.case_of("fan"), desk.case_of("fan2")) == (heat, fan)
    act(desk, lambda conn: undo.undo(conn, moved, "Aki", NOW))
    assert {desk.case_of(one) for one in ("fan", "fan2", "fan7")} == {fan}
    assert {desk.case_of(one) for one in ("heat", "heat2")} == {heat}


def test_a_move_taken_back_lets_rules_unite_the_two_cases_again(desk: Desk) -> None:
    moved, _ = move(desk, desk.id_of("fan2"), None)
    act(desk, lambda conn: undo.undo(conn, moved, "Aki", NOW))
    assert desk.database.read(partial(links.set_apart, case_id=desk.case_of("fan"))) == set()


REPORT = mail("report", USER, "Pump", "The pump in hall two leaks.", 10, to=(DESK,))
WHICH = mail("answer", DESK, "A question", "Which of them do you mean?", 20, to=(USER,), parent="report")
SHOWN = inside(DESK, "Which of them do you mean?", 20, to=(Address("", USER),))
SHOWING = mail("showing", USER, "Re: A question", "The left one.", 30, to=(DESK,), history=(SHOWN,))
"""Shares no word with the report, so that content does not join them."""


@pytest.fixture
def pump(database: Database) -> Desk:
    """Two cases: a report, and an answer to a mail that has not come yet; it is known from a quotation only."""
    made = Desk(database)
    made.take(REPORT)
    made.take(SHOWING)
    return made


def shown(desk: Desk) -> int:
    """The number of the mail that is known from a quotation only."""
    query = select(messages.c.id).where(messages.c.origin == "quoted")
    return desk.database.read(lambda conn: int(conn.execute(query).scalar_one()))


def test_a_merge_taken_back_follows_a_mail_that_was_only_quoted_when_it_was_made(pump: Desk) -> None:
    report, showing = pump.case_of("report"), pump.case_of("showing")
    merged = act(pump, lambda conn: corrections.merge(conn, showing, report, "Aki", NOW))
    pump.take(WHICH)
    act(pump, lambda conn: undo.undo(conn, merged, "Aki", NOW))
    assert {pump.case_of(one) for one in ("report", "answer", "showing")} == {report}


def test_a_move_taken_back_leads_to_the_case_that_its_own_became_part_of(pump: Desk) -> None:
    report, message = pump.case_of("report"), shown(pump)
    moved, _ = move(pump, message, None)
    pump.take(mail("both", DESK, "Re: Pump", "A plumber comes.", 40, to=(USER,), parent="showing", refs=("report",)))
    assert pump.case_of("showing") == report
    act(pump, lambda conn: undo.undo(conn, moved, "Aki", NOW))
    query = select(messages.c.case_id).where(messages.c.id == message)
    assert pump.database.read(lambda conn: conn.execute(query).scalar_one()) == report


def test_an_undo_leaves_alone_what_a_later_correction_moved_away(desk: Desk) -> None:
    lamp, pump_mail = (
        mail(name, USER, name, f"The {name} of hall four is broken.", 10, to=(DESK,)) for name in ("lamp", "pump")
    )
    desk.take(lamp)
    desk.take(pump_mail)
    fan, heat, at_lamp, at_pump = (desk.case_of(name) for name in ("fan", "heat", "lamp", "pump"))
    act(desk, lambda conn: corrections.merge(conn, at_lamp, fan, "Aki", NOW))
    merged = act(desk, lambda conn: corrections.merge(conn, heat, fan, "Aki", NOW))
    move(desk, desk.id_of("lamp"), at_pump)
    act(desk, lambda conn: undo.undo(conn, merged, "Aki", NOW))
    assert {desk.case_of(name) for name in ("heat", "heat2")} == {heat}
    assert desk.case_of("lamp") == at_pump


def test_undoing_one_move_keeps_another_that_set_the_same_cases_apart(desk: Desk) -> None:
    desk.take(FAN3)
    fan = desk.case_of("fan")
    first, apart = move(desk, desk.id_of("fan2"), None)
    move(desk, desk.id_of("fan3"), apart)
    act(desk, lambda conn: undo.undo(conn, first, "Aki", NOW))
    assert {desk.case_of(name) for name in ("fan", "fan2")} == {fan}
    assert desk.case_of("fan3") == apart


def test_undoing_a_merge_keeps_what_a_person_set_apart_since(desk: Desk) -> None:
    desk.take(mail("pump", USER, "Pump", "The pump of hall four leaks.", 10, to=(DESK,)))
    fan, heat, at_pump = (desk.case_of(name) for name in ("fan", "heat", "pump"))
    move(desk, desk.id_of("heat2"), at_pump)
    merged = act(desk, lambda conn: corrections.merge(conn, heat, fan, "Aki", NOW))
    move(desk, desk.id_of("fan2"), at_pump)
    act(desk, lambda conn: undo.undo(conn, merged, "Aki", NOW))
    assert desk.case_of("fan2") == at_pump
    assert fan != at_pump
    assert at_pump in desk.database.read(partial(links.set_apart, case_id=fan))
