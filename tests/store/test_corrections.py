"""Merges and moves by people: later mail does not change them, and they can be undone."""

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
    """A desk with corrections. Cases and messages are given by the name of a mail, or by id."""

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
        """Run ``take A B``, ``merge A B`` (A into the case of B), ``move A B``, ``split A``, ``undo N`` (Nth event)."""
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
        # later mail follows a merge, and after the undo the evidence
        ("merge heat fan, take fan3 heat3", "fan fan2 fan3 heat heat2 heat3"),
        ("merge heat fan, take fan3 heat3, undo 1", "fan fan2 fan3 | heat heat2 heat3"),
        # a moved message stays if it arrives again, and replies follow it
        ("move fan2 heat, take fan2, take smell", "fan | fan2 heat heat2 smell"),
        # a message split off has its own case
        ("split fan2, take fan3", "fan | fan2 fan3 | heat heat2"),
        ("split fan2, take fan3, undo 1", "fan fan2 fan3 | heat heat2"),
        # the undo of a merge keeps earlier moves
        ("move fan heat, merge fan2 heat, take fan4, undo 2", "fan fan4 heat heat2 | fan2"),
        ("move fan heat, merge fan2 heat, take fan4, undo 2, undo 1", "fan fan2 fan4 | heat heat2"),
        # an undo does not move messages that a later correction moved
        ("take lamp, merge lamp fan, merge heat fan, split lamp, undo 2", "fan fan2 | heat heat2 | lamp"),
        # the undo of a move keeps another move that separates the same cases
        ("take fan3, split fan2, move fan3 fan2, undo 1", "fan fan2 | fan3 | heat heat2"),
        # the undo of a merge keeps a later separation
        ("take pump, move heat2 pump, merge heat fan, move fan2 pump, undo 2", "fan | fan2 heat2 pump | heat"),
    ],
)  # fmt: skip
def test_cases_after_corrections_and_undo(desk: People, story: str, cases: str) -> None:
    desk.follow(story)
    assert desk.partition() == {frozenset(names.split()) for names in cases.split(" | ")}


def test_mails_and_case_keys_follow_a_chain_of_merges_until_it_is_undone(desk: People) -> None:
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


def test_the_undo_of_a_split_merges_the_new_case_and_removes_the_separation(desk: People) -> None:
    fan = desk.case_of("fan")
    event, case = desk.move("fan2", None)
    assert desk.row("fan2")["pinned_by"] == "Aki"
    assert fan in desk.undo(event)
    assert desk.merged_into(case) == fan
    assert desk.database.read(partial(links.separated_cases, case_id=fan)) == set()


def test_the_undo_of_a_merge_keeps_the_separation_by_a_later_move(desk: People) -> None:
    desk.follow("take pump, merge heat fan, move fan2 pump, undo 1")
    assert desk.case_of("pump") in desk.database.read(partial(links.separated_cases, case_id=desk.case_of("fan")))


def test_a_cycle_of_merged_cases_ends(desk: People) -> None:
    fan, heat = desk.cases("fan", "heat")
    desk.merge("heat", "fan")
    desk.database.transact(lambda conn: conn.execute(cases.update().where(cases.c.id == fan).values(merged_into=heat)))
    assert desk.survivor(heat) in (fan, heat)


def test_corrections_of_missing_cases_and_messages_are_errors(desk: People) -> None:
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
def test_after_the_undo_of_a_merge_late_mails_follow_their_replies(database: Database, later: tuple[Mail, ...]) -> None:
    desk = People(database)
    for one in (HEAT, ANSWER):
        desk.take(one)
    event = desk.merge("fan6", "heat")
    for one in (*later, HEAT2):
        desk.take(one)
    desk.undo(event)
    assert desk.cases("heat", "heat2") == [1, 1]
    assert desk.rows(select(messages.c.case_id)).count((1,)) == 2


REPORT = mail("report", USER, "Pump", "The pump in hall two leaks.", 10, to=(DESK,))
WHICH = mail("answer", DESK, "A question", "Which of them do you mean?", 20, to=(USER,), parent="report")
SHOWN = inside(DESK, "Which of them do you mean?", 20, to=(Address("", USER),))
SHOWING = mail("showing", USER, "Re: A question", "The left one.", 30, to=(DESK,), history=(SHOWN,))
"""It has no word in common with the report, so they are not joined by content."""


@pytest.fixture
def pump(database: Database) -> People:
    """Two cases: a report, and a reply to a mail that has not arrived. This mail is only quoted."""
    made = People(database)
    made.take(REPORT)
    made.take(SHOWING)
    return made


def test_the_undo_of_a_merge_follows_a_mail_that_was_only_quoted_before(pump: People) -> None:
    report = pump.case_of("report")
    merged = pump.merge("showing", "report")
    pump.take(WHICH)
    pump.undo(merged)
    assert pump.cases("report", "answer", "showing") == [report] * 3


def test_the_undo_of_a_move_returns_the_message_to_the_survivor_of_its_case(pump: People) -> None:
    query = select(messages.c.id, messages.c.case_id).where(messages.c.origin == "quoted")
    report, [(shown, _)] = pump.case_of("report"), pump.rows(query)
    moved, _ = pump.move(shown, None)
    pump.take(mail("both", DESK, "Re: Pump", "A plumber comes.", 40, to=(USER,), parent="showing", refs=("report",)))
    assert pump.case_of("showing") == report
    pump.undo(moved)
    assert pump.rows(query) == [(shown, report)]
