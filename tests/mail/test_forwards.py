"""A forward as each client lays it out, in sixteen languages besides English: every field comes back."""

# ruff: noqa: E501 -- a layout a line

from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.mail.body import read_body
from service.mail.writer import people

# in forwards.txt: language, Apple's mark, Thunderbird's mark and labels, labels of Outlook and Apple, of Yahoo!, two dates,
# the subject's prefix, Gmail's date
ROWS = Path(__file__).with_name("forwards.txt").read_text(encoding="utf-8").splitlines()
LANGUAGES: dict[str, list[str]] = {row.partition(" / ")[0]: row.split(" / ")[1:] for row in ROWS}

FROM = "Ada Byron <ada@maker.example>"
TO = "bo@firm.example"
CC = "Cy Dee <cy@firm.example>, Di <di@office.example>"
CC_SEMICOLON = CC.replace(",", ";")
SUBJECT = "Toner for the third floor"
BODY = "The toner is on its way.\nIt takes two days.\n\nAsk for anything else."
DAYS = {(2021, 10, 28), (2021, 11, 2), (2021, 11, 3), (2021, 10, 27)}


def layouts(language: str) -> dict[str, tuple[str, str]]:
    """Layout → (text, subject of the mail around it)."""
    apple, mark, thunderbird, outlook, yahoo, day, clock, prefix, short = LANGUAGES[language]
    f, d, t, c, s = outlook.split(";")
    ts, td, tf, tt, tc = thunderbird.split(";")
    yf, yt, yc, yd, ys = yahoo.split(";")
    quoted = f"{apple}:\n\n{f}: {FROM}\n{s}: {SUBJECT}\n{d}: {day}\n{t}: {TO}\n{c}: {CC}\n\n{BODY}\n"
    return {
        "thunderbird": (
            f"-------- {mark} --------\n{ts}: \t{SUBJECT}\n{td}: \tWed, 3 Nov 2021 15:51:30 +0100\n{tf}: \t{FROM}\n{tt}: \t{TO}\n{tc}: \t{CC}\n\n\n\n{BODY}",
            "Message",
        ),
        "outlook": (
            f"{f}: {FROM}\n{d}: {day}\n{t}: {TO} <{TO}>\n{c}: {CC}\n{s}: {SUBJECT}\n{BODY}",
            f"{prefix}: {SUBJECT}",
        ),
        "outlook-web": (
            f"________________________________\n{f}: {FROM}\n{yd}: {day}\n{t}: {TO} <{TO}>\n{c}: {CC_SEMICOLON}\n{s}: {SUBJECT}\n\n{BODY}",
            f"{prefix}: {SUBJECT}",
        ),
        "apple": ("\n".join(f"> {line}" for line in quoted.split("\n")), "Message"),
        "iphone": (
            f"{apple}:\n\n{f}: {FROM}\n{d}: {day}\n{t}: {TO}\n{c}: {CC}\n{s}: {SUBJECT}\n\n{BODY}\n",
            f"Fwd: {SUBJECT}",
        ),
        "gmail": (
            f"---------- Forwarded message ---------\n{f}: {FROM}\nDate: {short}\nSubject: {SUBJECT}\nTo: <{TO}>\nCc: {CC}\n\n\n{BODY}",
            "Message",
        ),
        "hubspot": (
            f"---------- {mark} ---------\n{f}: {FROM}\n{d}: {clock}\n{s}: {SUBJECT}\n{t}: {TO}\n{c}: {CC}\n\n{BODY}",
            "Message",
        ),
        "yahoo": (
            f'   ----- {mark} ----- {yf}: {FROM}{yt}: "{TO}" <{TO}>{yc}: {CC_SEMICOLON}{yd}: {clock}{ys}: {SUBJECT}\n{BODY}',
            "Message",
        ),
    }


@pytest.mark.parametrize("intro", ["", "Please have a look.\n\nIt is urgent for Bo."], ids=["bare", "with-note"])
@pytest.mark.parametrize(
    "layout", ["thunderbird", "outlook", "outlook-web", "apple", "iphone", "gmail", "hubspot", "yahoo"]
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_of_a_forward_comes_back(language: str, layout: str, intro: str) -> None:
    text, subject = layouts(language)[layout]
    read = read_body(
        f"{intro}\n\n{text}" if intro else text, None, subject=subject, date=datetime(2025, 2, 3, 9, 30, tzinfo=UTC)
    )
    (mail,) = read.forwarded
    assert read.intro == intro
    assert str(mail.from_) == FROM
    assert [a.address for a in mail.to] == [TO]
    assert [str(a) for a in mail.cc] == CC.split(", ")
    assert mail.subject == SUBJECT
    assert mail.text == BODY
    assert mail.date is not None
    assert (mail.date.year, mail.date.month, mail.date.day) in DAYS


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Ann Lee (IT) <ann@x.test>", "Ann Lee (IT)"),
        ('"Lee, Ann (alee)" <ann@x.test>', "Lee, Ann (alee)"),
        ("(ann@x.test)", ""),
        ("Ann <ann@x.test>)", "Ann"),
    ],
)
def test_a_bracket_that_belongs_to_a_name_stays_with_it(line: str, name: str) -> None:
    [person] = people(line)
    assert (person.name, person.address) == (name, "ann@x.test")
