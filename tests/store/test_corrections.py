"""What people do by hand holds, can be taken back, and is written down."""

from functools import partial

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


FAN4 = mail("fan4", USER, "Re: Fan noise", "It is loud again.", 130, to=(DESK,), parent="fan", refs=("fan2",))
SMELL = mail("smell", DESK, "Re: Fan noise", "Smells how?", 70, to=(USER,), parent="fan2", refs=("fan",))
LAMP = mail("lamp", USER, "Lamp", "A lamp flickers in the hall.", 10, to=(DESK,))
PUMP = mail("pump", USER, "Pump", "The pump of hall four leaks.", 10, to=(DESK,))
MAILS = {str(one.message_id)[1:-8]: one for one in (FAN, FAN2, FAN3, FAN4, SMELL, HEAT, HEAT2, HEAT3, LAMP, PUMP)}


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

    def survivor(self, case: int) -> int:
        return self.database.read(partial(corrections.survivor, number=case))

    def follow(self, story: str) -> None:
        """``take A B``, ``merge A B`` (A's case into B's), ``move A B``, ``split A``, ``undo N`` (the Nth of these)."""
        events = []
        for step in story.split(", "):
            match step.split():
                case ["take", *names]:
                    self.take(*(MAILS[name] for name in names))
                case ["merge", one, other]:
                    events.append(self.merge(one, other))
                case ["move", one, other]:
                    events.append(self.move(one, self.case_of(other))[0])
                case ["split", one]:
                    events.append(self.move(one, None)[0])
                case ["undo", number]:
                    self.undo(events[int(number) - 1])


@pytest.fixture
def desk(database: Database) -> People:
    """Two cases with two mails each."""
    made = People(database)
    for one in (FAN, FAN2, HEAT, HEAT2):
        made.take(one)
    return made


@pytest.mark.parametrize(
    ("story", "cases"),
    [
        # a merge holds; once it is taken back, later mail goes where it belongs
        ("merge heat fan, take fan3 heat3", "fan fan2 fan3 heat heat2 heat3"),
        ("merge heat fan, take fan3 heat3, undo 1", "fan fan2 fan3 | heat heat2 heat3"),
        # a moved message stays, also when it is delivered again, and its answers follow it
        ("move fan2 heat, take fan2, take smell", "fan | fan2 heat heat2 smell"),
        # a message split off has a case of its own and can go back
        ("split fan2, take fan3", "fan | fan2 fan3 | heat heat2"),
        ("split fan2, take fan3, undo 1", "fan fan2 fan3 | heat heat2"),
        # a merge taken back sets apart what a person had moved before
        ("move fan heat, merge fan2 heat, take fan4, undo 2", "fan fan4 heat heat2 | fan2"),
        ("move fan heat, merge fan2 heat, take fan4, undo 2, undo 1", "fan fan2 fan4 | heat heat2"),
        # an undo leaves alone what a later correction moved away
        ("take lamp, merge lamp fan, merge heat fan, split lamp, undo 2", "fan fan2 | heat heat2 | lamp"),
        # undoing one move keeps another that set the same cases apart
        ("take fan3, split fan2, move fan3 fan2, undo 1", "fan fan2 | fan3 | heat heat2"),
        # undoing a merge keeps what a person set apart since
        ("take pump, move heat2 pump, merge heat fan, move fan2 pump, undo 2", "fan | fan2 heat2 pump | heat"),
    ],
)  # fmt: skip
def test_corrections_hold_and_can_be_taken_back(desk: People, story: str, cases: str) -> None:
    desk.follow(story)
    assert desk.partition() == {frozenset(names.split()) for names in cases.split(" | ")}


def test_a_chain_of_merges_is_followed_to_its_end_by_mails_and_keys_and_taken_back_link_by_link(desk: People) -> None:
    desk.take(LAMP)
    fan, heat, lamp = desk.cases("fan", "heat", "lamp")
    first = desk.merge(heat, fan)
    assert desk.database.read(partial(corrections.changed_cases, event=first)) == [fan]
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
    assert desk.undo(first) == sorted((fan, heat))
    assert desk.merged_into(heat) is None
    with pytest.raises(Conflict):
        desk.undo(first)


def test_a_case_split_off_and_taken_back_leads_on_and_may_be_united_by_rules_again(desk: People) -> None:
    fan = desk.case_of("fan")
    event, case = desk.move("fan2", None)
    assert desk.row("fan2")["pinned_by"] == "Aki"
    assert fan in desk.undo(event)
    assert desk.merged_into(case) == fan
    assert desk.database.read(partial(links.set_apart, case_id=fan)) == set()


def test_undoing_a_merge_leaves_cases_apart_that_a_person_set_apart_since(desk: People) -> None:
    desk.follow("take pump, merge heat fan, move fan2 pump, undo 1")
    assert desk.case_of("pump") in desk.database.read(partial(links.set_apart, case_id=desk.case_of("fan")))


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
    for one in (HEAT, ANSWER):
        desk.take(one)
    event = desk.merge("fan6", "heat")
    for one in (*later, HEAT2):
        desk.take(one)
    desk.undo(event)
    assert desk.cases("heat", "heat2") == [1, 1]
    rows = database.read(lambda conn: conn.execute(select(messages.c.case_id)).scalars().all())
    assert list(rows).count(1) == 2


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
