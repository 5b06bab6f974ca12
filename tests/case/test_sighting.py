"""Nearly the same mail again, minutes apart: which of them another mail shows must not depend on which came first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.case import meeting as meetings
from service.case.identity import same_mail
from service.case.meeting import meeting
from service.case.node import Node
from service.mail.message import Earlier, Mail
from tests.case.filing import ACME, DESK, OTHER_USER, STRANGER, UMBRA, USER, Filing, every_order, inside, mail


def asked(place: str) -> str:
    return f"The badge reader at gate {place} blinks red and lets nobody in since this morning."


def answer(quoted: Earlier, who: str = STRANGER) -> Mail:
    return mail("answer", who, "Re: Gate", "Which reader do you have there?", 30, to=(USER,), history=(quoted,))


@pytest.mark.parametrize(
    ("first", "second", "minutes", "shown"),
    [
        pytest.param("n7q2", "n7q3", (0, 1), inside(USER, asked("n7q2"), 0), id="another number, a minute apart"),
        pytest.param("two", "two", (0.2, 1.3), inside(USER, asked("two"), 0), id="again, a minute apart"),
        pytest.param("two", "two", (0.2, 0.6), inside(USER, asked("two"), 0), id="again, in the same minute"),
        pytest.param("two", "two", (0, 60), inside(USER, asked("two"), 540), id="again, in another zone"),
        pytest.param("two", "two", (60, 300), inside(USER, asked("two"), -540), id="again, dated by the day"),
        pytest.param("two", "two", (60, 300), inside(USER, asked("two"), None), id="again, without a date"),
        pytest.param("west", "east", (0.2, 0.6), inside(USER, asked("west"), 0), id="another word"),
        pytest.param("west", "east", (0.2, 0.6), inside(USER, asked("west")[:26], 0), id="cut before the other word"),
    ],
)
def test_whoever_shows_one_of_two_like_mails_stands_with_the_one_that_was_sent_to_him(
    first: str, second: str, minutes: tuple[float, float], shown: Earlier
) -> None:
    to_him = mail("to-him", USER, "Gate", asked(first), minutes[0], to=(STRANGER,))
    to_desk = mail("to-desk", USER, "Gate", asked(second), minutes[1], to=(DESK,))
    assert every_order(to_him, to_desk, answer(shown)) == {frozenset({"to-him", "answer"}), frozenset({"to-desk"})}


def test_of_two_like_mails_one_of_us_shows_the_one_of_that_minute() -> None:
    mails = [mail(f"m{n}", USER, "Gate", asked("two"), n * 1.4, to=(DESK,)) for n in range(3)]
    shown = inside(USER, asked("two"), 1)
    assert every_order(*mails, answer(shown, DESK)) == {
        frozenset({"m0"}),
        frozenset({"m1", "answer"}),
        frozenset({"m2"}),
    }


def reader(name: str, who: str, shown: Earlier, when: float = 30) -> Mail:
    return mail(name, who, "Re: Gate", f"See below, says {name}.", when, to=(OTHER_USER,), history=(shown,))


def test_whoever_shows_one_mail_that_nobody_has_stands_together_however_it_is_cut() -> None:
    long = asked("west") + " It says E-7741 and beeps twice a minute, all day long, and nobody can tell us why."
    mails = [
        reader("whole", DESK, inside(USER, long, 0)),
        reader("cut", ACME, inside(USER, asked("west")[:40], 0)),
        reader("undated", OTHER_USER, inside(USER, long[:180], None)),
        reader("by-the-day", UMBRA, inside(USER, long[:170], -540)),
    ]
    assert every_order(*mails) == {frozenset({"whole", "cut", "undated", "by-the-day"})}


def test_what_was_one_mail_by_a_showing_that_turns_out_to_be_another_mail_is_two_again() -> None:
    link = reader("link", DESK, inside(USER, asked("")[:40], 0))
    east = reader("east", ACME, inside(USER, asked("7741"), 0))
    west = reader("west", UMBRA, inside(USER, asked("7742"), 0))
    assert every_order(link, east, west) == {frozenset({"link", "east", "west"})}
    late = mail("late", USER, "Gate", asked("7743"), 0, to=(DESK,))
    apart = {frozenset({"late", "link"}), frozenset({"east"}), frozenset({"west"})}
    assert every_order(link, east, west, late) == apart


def test_that_a_mail_nobody_has_was_sent_to_a_stranger_is_his_own_word() -> None:
    shown = inside(USER, asked("west"), 0, origin="forwarded")
    ours = mail("ours", DESK, "FW: Gate", "Can you say more?", 30, forwarded=(replace(shown, text=shown.text[:50]),))
    his = mail("his", STRANGER, "FW: Gate", "I got that too.", 40, forwarded=(shown,))
    assert every_order(ours, his) == {frozenset({"ours"}), frozenset({"his"})}
    sent = mail("sent", USER, "Gate", asked("west"), 0, to=(DESK, STRANGER))
    assert every_order(ours, his, sent) == {frozenset({"sent", "ours", "his"})}


def test_a_corrected_figure_is_another_mail_although_no_id_survived() -> None:
    wrong = inside(ACME, "The spare part costs 1200 and is sent on Monday.", 0, subject="Offer", origin="forwarded")
    right = replace(wrong, text="The spare part costs 1300 and is sent on Monday.")
    filing = Filing()
    filing.deliver(
        mail("one", DESK, "FW: Offer", "First.", 5, forwarded=(wrong,)),
        mail("two", OTHER_USER, "FW: Offer", "Then.", 9, forwarded=(right,)),
    )
    assert sum(node.author == ACME for node in filing.nodes.values()) == 2


def test_what_is_shown_is_counted_where_it_belongs_when_that_mail_comes_late() -> None:
    late = mail("late", USER, "Gate", asked("two"), 0.2, to=(STRANGER,))
    early = mail("early", USER, "Gate", asked("two"), 1.3, to=(DESK,))
    filing = Filing()
    filing.deliver(early, answer(inside(USER, asked("two"), 0)), late)
    held = next(node.holds for node in filing.nodes.values() if node.message_id == "<answer@x.test>")
    assert [filing.nodes[i].message_id for i in held] == ["<late@x.test>"]


def test_what_all_mails_of_a_long_exchange_show_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def counted(one: Node, other: Node) -> str | None:
        compared.append(one.id)
        return same_mail(one, other)

    earlier = [inside(USER, asked(place), n, origin="quoted") for n, place in enumerate(("west", "west", "east"))]
    mails = [
        mail(f"m{n}", STRANGER, "Re: Gate", f"Number {n}.", 60 + n, to=(USER,), history=(*earlier,)) for n in range(40)
    ]
    filing = Filing()
    filing.deliver(*mails)
    monkeypatch.setattr(meetings, "same_mail", counted)
    meeting(filing.nodes)
    assert sum(len(node.sightings) for node in filing.nodes.values()) == 3 * len(mails)
    assert 0 < len(compared) <= 3 * 3


# ── as hypothesis makes it up ────────────────────────────────────────────────────────────────────────────────────────

PLACES = ("two", "west", "E-7741", "E-7742", "")
AGAIN = ("", " Again!", " Sorry, I meant the other one.")


@st.composite
def like_mails(draw: st.DrawFn) -> list[Mail]:
    """Two to four mails of one or two people that are nearly the same, and mails that show one of them."""
    likes: list[Mail] = []
    when = 0.0
    for number in range(draw(st.integers(2, 4))):
        when += draw(st.sampled_from((0.1, 0.5, 1, 1.4, 2, 15, 60, 540)))
        text = asked(draw(st.sampled_from(PLACES))) + draw(st.sampled_from(AGAIN))
        author, to = draw(st.sampled_from(((USER, DESK), (USER, STRANGER), (USER, ACME), (OTHER_USER, DESK))))
        likes.append(mail(f"like{number}", author, "Gate", text, when, to=(to,)))
    showing = [_showing(draw, likes, number) for number in range(draw(st.integers(1, 4)))]
    came = [one for one in likes if draw(st.booleans())]
    return [*came, *showing]


def _showing(draw: st.DrawFn, likes: Sequence[Mail], number: int) -> Mail:
    one = draw(st.sampled_from(likes))
    assert one.from_ is not None
    assert one.date is not None
    shift = draw(st.sampled_from((timedelta(0), timedelta(0), timedelta(hours=-9), None)))
    quoted = Earlier(
        draw(st.sampled_from(("quoted", "forwarded"))),
        one.from_,
        subject=draw(st.sampled_from((None, "Gate"))),
        date=None if shift is None else one.date.replace(second=0) + shift,
        text=one.reply_text[: draw(st.sampled_from((26, 60, 200)))],
    )
    who = draw(st.sampled_from((DESK, STRANGER, ACME, OTHER_USER)))
    shows = mail(f"shows{number}", who, "Re: Gate", f"See below, {number}.", 900 + number, to=(USER,))
    return replace(shows, history=(quoted,)) if quoted.origin == "quoted" else replace(shows, forwarded=(quoted,))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(like_mails(), st.randoms(use_true_random=False))
def test_like_mails_and_what_shows_them_are_parted_alike_in_any_order(mails: list[Mail], chance: object) -> None:
    straight, other = Filing(), Filing()
    straight.deliver(*mails)
    shuffled = [*mails, *mails[:2]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    other.deliver(*shuffled)
    assert other.partition() == straight.partition()
