"""Random conversations: forwards, quotes, duplicates, lost headers, crossing mails, in random order, doubled."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.mail.message import Address, Earlier, Mail
from tests.cases.filing import ACME, DESK, OTHER_USER, UMBRA, USER, Filing, content_joins_nothing, mail

WORDS = re.findall(
    r"\S+",
    """amber basalt cedar delta ember fjord garnet harbor indigo jasper kelp lagoon maple nectar onyx pebble quartz
    raven saffron tundra umber velvet willow xenon yarrow zephyr""",
)
NAMES = {USER: "Mika Tachibana", OTHER_USER: "Jun Sakata"}
PEOPLE = (DESK, USER, OTHER_USER, ACME, "chi@acme.test", UMBRA)
"""No stranger: where his mail names two cases, the one known first gets it (docs/placement.md)."""


@pytest.fixture(autouse=True)
def strong_evidence_alone() -> Iterator[None]:
    with content_joins_nothing():
        yield


@st.composite
def conversations(draw: st.DrawFn, common_words: bool = True) -> list[Mail]:
    """Mails of one to four conversations; each mail answers an earlier one of its own, by one way or several."""
    mails: list[Mail] = []
    for talk in range(draw(st.integers(1, 4))):
        words = WORDS if common_words else WORDS[talk * 5 : talk * 5 + 5]
        topic = f"{WORDS[talk * 5]} {WORDS[talk * 5 + 1]} {talk}{talk}{talk}X"
        told: list[Mail] = []
        number = f"60000{talk}" if draw(st.booleans()) else None
        for step in range(draw(st.integers(1, 6))):
            author = draw(st.sampled_from(PEOPLE))
            to = (draw(st.sampled_from(PEOPLE)),)
            name = f"t{talk}m{step}"
            when = talk * 7 + step * draw(st.integers(11, 3000))
            moods = ["", "", "", "Same here: ", "It's back: ", "SOLVED "]
            moods += ["We opened a case with acme: "] if common_words else []
            mood = draw(st.sampled_from(moods))
            people = [f"(for {one.split()[1]}) " for one in NAMES.values()] if common_words else []
            whose = draw(st.sampled_from(("", "", "", *people)))
            drawn = draw(st.lists(st.sampled_from(words), min_size=6, max_size=9))
            body = f"{mood}{whose}{topic} {name} {' '.join(drawn)}"
            if not told:
                subject = topic if number is None else f"{topic} [acme #{number}]"
                kinds = (None, None, "auto_reply", "notification") if "acme" in author else (None,)
                told.append(mail(name, author, subject, body, when, to=to, automatic=draw(st.sampled_from(kinds))))
                continue
            parent = draw(st.sampled_from(told))
            assert parent.message_id and parent.date and parent.from_ and told[0].date  # noqa: PT018
            when = max(when, int((parent.date - told[0].date).total_seconds() / 60) + 3 + talk * 7)
            names = [m.message_id[1:-8] for m in told if m.message_id]
            way = draw(st.sampled_from(("header", "header", "references", "quote", "forward", "number")))
            subject = f"Re: {topic}"
            quoted = Earlier("quoted", parent.from_, date=parent.date, text=parent.reply_text)
            handed = replace(quoted, origin="forwarded", subject=parent.subject)
            at = parent.message_id[1:-8]
            ways: dict[str, dict[str, Any]] = {
                "header": {"parent": at, "refs": names},
                "references": {"parent": f"lost{name}", "refs": names},
                "quote": {"history": (quoted,)},
                "forward": {"forwarded": (handed,)},
                "number": {} if number is not None else {"parent": at},
            }
            if way == "number" and number is not None:
                author, subject = ACME, f"[acme #{number}] {topic}"
            subject = f"FW: {topic}" if way == "forward" else subject
            told.append(mail(name, author, subject, body, when, to=to, **ways[way]))
        mails += told
    return [_named(one) for one in mails]


def _named(one: Mail) -> Mail:
    assert one.from_ is not None
    return replace(one, from_=Address(NAMES.get(one.from_.address, ""), one.from_.address))


@given(conversations(), st.randoms(use_true_random=False), st.data())
def test_any_order_any_number_of_times_gives_the_same_partition(
    mails: list[Mail], chance: object, data: st.DataObject
) -> None:
    straight = Filing()
    straight.deliver(*mails)
    shuffled = [*mails, *data.draw(st.lists(st.sampled_from(mails), max_size=6))]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    other = Filing()
    other.deliver(*shuffled)
    assert other.partition() == straight.partition()


@given(conversations(common_words=False), st.randoms(use_true_random=False))
def test_mails_of_different_conversations_never_meet(mails: list[Mail], chance: object) -> None:
    chance.shuffle(mails)  # type: ignore[attr-defined]
    filing = Filing()
    filing.deliver(*mails)
    for case in filing.partition():
        assert len({name.partition("m")[0] for name in case}) == 1


@given(st.integers(2, 4), st.integers(1, 3), st.integers(0, 2), st.randoms(use_true_random=False), st.data())
def test_an_overview_of_several_numbers_joins_none_of_them(
    cases: int, mails_each: int, repeated: int, chance: object, data: st.DataObject
) -> None:
    """A list of a vendor's numbers, before, between or after the mails of these numbers, and lists of some of them."""
    numbers = [f"60000{case}" for case in range(cases)]
    mails = [
        mail(
            f"t{case}m{step}",
            ACME,
            f"[acme #{number}] {WORDS[case * 5]}",
            f"{WORDS[case]} {step}",
            case * 9 + step * 99,
        )
        for case, number in enumerate(numbers)
        for step in range(mails_each)
    ]
    listed = data.draw(st.lists(st.lists(st.sampled_from(numbers), min_size=2, unique=True), min_size=1, max_size=2))
    for at, some in enumerate([numbers, *listed][: repeated + 1]):
        shown = " ".join(f"[acme #{number}]" for number in some)
        mails.append(mail(f"list{at}m", ACME, f"Week {at} {WORDS[20 + at]}: {shown}", f"Open {at}", at * 40))
    chance.shuffle(mails)  # type: ignore[attr-defined]
    filing = Filing()
    filing.deliver(*mails)
    expected = {frozenset(f"t{case}m{step}" for step in range(mails_each)) for case in range(cases)}
    assert {case for case in filing.partition() if not min(case).startswith("list")} == expected
