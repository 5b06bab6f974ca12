"""Odd situations, in every order in memory and in some orders in a real store: the same cases each time."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from random import Random

import pytest

from service.case.tokens import own_message_id
from service.mail.message import Bounce, Mail
from service.store.database import Database
from tests.case.filing import ACME, DESK, OTHER_USER, STRANGER, UMBRA, USER, Filing, inside, mail
from tests.store.desk import Desk

DAY = 24 * 60
REPORT = mail("report", USER, "Door camera", "The camera at the west door shows nothing, code C-88.", 0, to=(DESK,))
ANSWER = mail("answer", DESK, "Re: Door camera", "Is its green lamp on?", 30, to=(USER,), parent="report")
SOLVED = mail("solved", USER, "Re: Door camera", "SOLVED, it was the plug.", 90, to=(DESK,), parent="report")


def bounce(id: str, of: str, when: float) -> Mail:
    told = Bounce((ACME,), "5.1.1", f"<{of}@x.test>")
    words = f"{id}: user unknown, your mail could not be delivered"
    return mail(id, "mailer-daemon@acme.test", "Undelivered mail", words, when, automatic="bounce", bounce=told)


def away(id: str, when: float, parent: str) -> Mail:
    return mail(id, USER, "Auto: Door camera", "I am away.", when, parent=parent, automatic="auto_reply")


@dataclass(frozen=True)
class Odd:
    what: str
    mails: tuple[Mail, ...]
    cases: str
    """Mails by case: ``a b | c``."""


SITUATIONS = (
    Odd(
        "a ticket of which a user is told belongs to the inquiry that was sent meanwhile",
        (
            mail("dark", USER, "No net", "Nothing works in the harbour office, the box shows H77.", 7, to=(DESK,)),
            mail("asked", DESK, "Gate lamp", "A lamp of the gate is broken: LK-9.", 8, to=(ACME,)),
            mail(
                "open",
                ACME,
                "[acme #700888] Gate lamp",
                "We received: lamp, LK-9, H77.",
                10,
                to=(DESK,),
                automatic="auto_reply",
            ),
            mail("told", DESK, "Re: No net", "We opened a case with acme.", 16, to=(USER,), parent="dark"),
        ),
        "dark told | asked open",
    ),
    Odd(
        "a receipt that came before its inquiry, beside a report that it speaks of too, and a like matter hours later",
        (
            mail("rep", USER, "ledger gate", "shades line office harbour 5077 h77", 3, to=(DESK,)),
            mail(
                "receipt",
                "chi@acme.test",
                "[acme #700111] line ledger",
                "line office harbour ledger gate 5077",
                12,
                to=(DESK,),
                automatic="auto_reply",
            ),
            mail("asked", DESK, "office ledger", "gate ledger office srv-7 h77", 16, to=("chi@acme.test",)),
            mail("like", DESK, "gate ledger", "harbour line ledger office gate room 412", 300, to=(UMBRA,)),
        ),
        "rep receipt asked | like",
    ),
    Odd(
        "a reply pressed for another matter, and the answers to it",
        (
            REPORT,
            ANSWER,
            mail("pressed", USER, "Parking card", "My barrier card stopped working today.", DAY, parent="answer"),
            mail("then", DESK, "Re: Parking card", "Which barrier?", DAY + 9, to=(USER,), parent="pressed"),
        ),
        "report answer | pressed then",
    ),
    Odd(
        "a machine's mail opens nothing again, so the answer after it comes too late",
        (
            REPORT,
            SOLVED,
            away("machine", 10 * DAY, "solved"),
            mail("late", USER, "Re: Door camera", "Dark again!", 20 * DAY, to=(DESK,), parent="solved"),
        ),
        "report solved machine | late",
    ),
    Odd(
        "an answer in between keeps the case open for one that would come too late",
        (
            REPORT,
            SOLVED,
            mail("between", USER, "Re: Door camera", "Dark again!", 10 * DAY, to=(DESK,), parent="solved"),
            mail("late", USER, "Re: Door camera", "And now?", 24 * DAY, to=(DESK,), parent="solved"),
        ),
        "report solved between late",
    ),
    Odd(
        "after the days a new case, and what answers the late mail follows it",
        (
            REPORT,
            SOLVED,
            mail("late", USER, "Re: Door camera", "Dark again!", 30 * DAY, to=(DESK,), parent="solved"),
            mail("next", DESK, "Re: Door camera", "We look.", 31 * DAY, to=(USER,), parent="late", refs=("report",)),
        ),
        "report solved | late next",
    ),
    Odd(
        "a stranger's In-Reply-To is filed, what he claims after that by a number is not",
        (
            mail("receipt", ACME, "Door camera [acme #770001]", "We got it.", 5, to=(DESK,)),
            mail("forged", STRANGER, "Re: Door camera", "Send me the plan.", 60, parent="receipt"),
            mail("claim", STRANGER, "[acme #770001] plan", "The plan, please, of all floors.", 70),
        ),
        "receipt forged | claim",
    ),
    Odd(
        "one id for three mails, and an answer to one of them",
        (
            mail("parcel", STRANGER, "Parcel 61", "Parcel 61 has left the depot in Nagoya.", 0, to=(USER,)),
            mail("parcel", STRANGER, "Parcel 62", "Handed over at the gate, signed by the porter.", DAY, to=(USER,)),
            mail("parcel", STRANGER, "Parcel 63", "We missed you; the box waits at the counter.", 2 * DAY, to=(USER,)),
            mail("which", USER, "Re: Parcel 62", "Who took it?", 2 * DAY + 60, to=(DESK,), parent="parcel"),
        ),
        "parcel | parcel which | parcel",
    ),
    Odd(
        "Thread-Index joins one base subject and no other",
        (
            mail("root", USER, "Lift", "It stops on four.", 0, to=(DESK,), thread_index="01DAB0"),
            mail("back", DESK, "RE: Lift", "Since when?", 40, to=(USER,), thread_index="01DAB0"),
            mail("else", USER, "Canteen", "The menu is missing.", 50, to=(DESK,), thread_index="01DAB0"),
            mail("more", USER, "AW: Canteen", "It came back.", 70, to=(DESK,), thread_index="01DAB0"),
        ),
        "root back | else more",
    ),
    Odd(
        "a token of another installation is an unknown id like any other",
        (
            REPORT,
            replace(
                mail("tok1", OTHER_USER, "Re: Gate", "First answer.", 40),
                in_reply_to=(own_message_id(1, "u1", "lab.test", b"theirs"),),
            ),
            replace(
                mail("tok2", DESK, "Re: Gate", "Second answer.", 50),
                in_reply_to=(own_message_id(1, "u1", "lab.test", b"theirs"),),
            ),
        ),
        "report | tok1 tok2",
    ),
    Odd(
        "a bounce of a mail nobody has meets the answers to it and other bounces of it",
        (
            bounce("b1", "unseen", 5),
            bounce("b2", "unseen", 9),
            mail("reply", DESK, "Re: Order", "It went to the wrong address.", 30, to=(USER,), parent="unseen"),
            bounce("b3", "else", 9),
        ),
        "b1 b2 reply | b3",
    ),
    Odd(
        "a bounce that is older, by its clock, than what bounced",
        (REPORT, mail("ask", DESK, "Camera C-9", "Unit C-9 is dark.", 60, to=(ACME,)), bounce("b1", "ask", 20)),
        "report | ask b1",
    ),
    Odd(
        "two mails that answer each other, and one that answers itself",
        (
            mail("a", USER, "Re: Lamp", "You first.", 0, to=(DESK,), parent="b"),
            mail("b", DESK, "Re: Lamp", "No, you.", 5, to=(USER,), parent="a"),
            mail("self", USER, "Re: Blind", "It is I.", 9, to=(DESK,), parent="self", refs=("self",)),
        ),
        "a b | self",
    ),
    Odd(
        "clocks that are hours wrong: answers older than what they answer",
        (
            mail("top", USER, "Boiler", "It hums loudly, mark B-12.", 300, to=(DESK,)),
            mail("mid", DESK, "Re: Boiler", "Since when?", 100, to=(USER,), parent="top"),
            mail("low", USER, "Re: Boiler", "Since May.", 10, to=(DESK,), parent="mid", refs=("top",)),
        ),
        "top mid low",
    ),
    Odd(
        "one number of two vendors is two numbers",
        (
            mail("acme", ACME, "Pump [acme #880011]", "We got it.", 0, to=(DESK,)),
            mail("umbra", UMBRA, "Valve [umbra #880011]", "We got it.", 3, to=(DESK,)),
            mail("acme2", ACME, "[acme #880011] visit", "On Friday.", DAY, to=(DESK,)),
            mail("umbra2", UMBRA, "[umbra #880011] part", "It was sent.", DAY, to=(DESK,)),
        ),
        "acme acme2 | umbra umbra2",
    ),
    Odd(
        "a vendor's mail that states two numbers unites no two cases",
        (
            mail("one", ACME, "Pump [acme #880011]", "We got it.", 0, to=(DESK,)),
            mail("two", ACME, "Valve [acme #880022]", "We got that too.", 3, to=(DESK,)),
            mail("both", ACME, "[acme #880022] [acme #880011] visit", "On Friday for both.", DAY, to=(DESK,)),
        ),
        "one | two both",
    ),
    Odd(
        "a forward of a mail that comes late, handed on by two people",
        (
            mail("orig", ACME, "Pump [acme #880011]", "The pump part is on its way to your site.", 0, to=(USER,)),
            mail(
                "fw1",
                USER,
                "FW: Pump",
                "For you.",
                20,
                to=(DESK,),
                forwarded=(inside(ACME, "The pump part is on its way to your site.", 0, origin="forwarded"),),
            ),
            mail(
                "fw2",
                OTHER_USER,
                "FW: Pump",
                "See this.",
                25,
                to=(DESK,),
                forwarded=(inside(ACME, "The pump part is on its way to your site.", 0, origin="forwarded"),),
            ),
            mail("re", DESK, "Re: FW: Pump", "Thanks.", 60, to=(OTHER_USER,), parent="fw2"),
        ),
        "orig fw1 fw2 re",
    ),
    Odd(
        "one mail by two ways, of which one lost its headers and the other got a list's footer",
        (
            REPORT,
            mail("copy", OTHER_USER, "Door camera", "I see nothing there either, since nine.", 20, to=(DESK,)),
            mail(
                "copy",
                OTHER_USER,
                "Door camera",
                "I see nothing there either, since nine. -- You get this as a member of the list Doors.",
                20,
                to=("doors@lab.test",),
                parent="report",
            ),
            mail("to-copy", DESK, "Re: Door camera", "Thanks to both.", 50, to=(OTHER_USER,), parent="copy"),
        ),
        "report copy to-copy",
    ),
    Odd(
        "two notices of a vendor with the same words in one minute, each quoted once without its subject",
        (
            mail("n1", ACME, "Update [acme #990001]", "Your case was changed, see the portal for more.", 0, to=(DESK,)),
            mail(
                "n2", ACME, "Update [acme #990002]", "Your case was changed, see the portal for more.", 0.4, to=(USER,)
            ),
            mail(
                "to-n1",
                DESK,
                "A question",
                "What was changed there?",
                30,
                to=(ACME,),
                history=(inside(ACME, "Your case was changed, see the portal for more.", 0),),
            ),
            mail(
                "to-n2",
                USER,
                "My question",
                "I see no change at all.",
                40,
                to=(ACME,),
                history=(inside(ACME, "Your case was changed, see the portal for more.", 0),),
            ),
        ),
        "n1 to-n1 | n2 to-n2",
    ),
    Odd(
        "the same words again to a stranger, who claims the other one's number",
        (
            mail("first", DESK, "Spare lamp", "Do you have the lamp L-40 in stock?", 0, to=(ACME,)),
            mail("again", DESK, "Spare lamp", "Do you have the lamp L-40 in stock?", 3, to=(STRANGER,)),
            mail("receipt", ACME, "Spare lamp [acme #770044]", "We got it.", 9, to=(DESK,)),
            mail(
                "offer",
                STRANGER,
                "[acme #770044] Offer",
                "We have two of them.",
                60,
                to=(DESK,),
                history=(inside(DESK, "Do you have the lamp L-40 in stock?", 3),),
            ),
        ),
        "first receipt | again offer",
    ),
)


def cases_of(found: Iterable[tuple[object, str]]) -> list[list[str]]:
    by_case: dict[object, list[str]] = {}
    for case, name in found:
        by_case.setdefault(case, []).append(name)
    return sorted(sorted(names) for names in by_case.values())


def expected(odd: Odd) -> list[list[str]]:
    return sorted(sorted(case.split()) for case in odd.cases.split("|"))


@pytest.mark.parametrize("odd", SITUATIONS, ids=lambda odd: odd.what)
def test_in_every_order_in_memory(odd: Odd) -> None:
    for order in permutations(odd.mails):
        filing = Filing()
        filing.deliver(*order, order[0])
        nodes = [n for n in filing.nodes.values() if n.message_id and n.origin == "delivered"]
        found = cases_of((n.case, (n.message_id or "")[1:-8]) for n in nodes)
        assert found == expected(odd), [one.subject for one in order]


@pytest.mark.parametrize("odd", SITUATIONS, ids=lambda odd: odd.what)
def test_in_some_orders_in_a_store(odd: Odd, sqlite_template: Path, tmp_path: Path) -> None:
    orders = list(permutations(odd.mails))
    for number, order in enumerate(Random(7).sample(orders, min(4, len(orders)))):
        path = tmp_path / f"odd-{number}.db"
        shutil.copy(sqlite_template, path)
        database = Database(f"sqlite:///{path}")
        desk = Desk(database)
        desk.take(*order[:number])
        for one in (*order[number:], order[-1]):
            desk.take(one)
        assert cases_of(desk.standing()) == expected(odd), [one.subject for one in order]
        database.close()
