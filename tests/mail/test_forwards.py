"""Every field of a forwarded mail is read, in the layout of each mail client and in 17 languages."""

# ruff: noqa: E501 -- a layout a line

from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.mail.authors import people
from service.mail.body import split_body
from service.mail.message import Mail
from service.mail.word_lists import fold, load
from tests.tables import table_beside

# in forwards.txt: language, Apple's mark, Thunderbird's mark and labels, labels of Outlook and Apple, of Yahoo!, two dates,
# the subject's prefix, Gmail's date
ROWS = Path(__file__).with_name("forwards.txt").read_text(encoding="utf-8").splitlines()
LAYOUTS: dict[str, list[str]] = table_beside(__file__, "layouts.yaml")
LANGUAGES: dict[str, list[str]] = {row.partition(" / ")[0]: row.split(" / ")[1:] for row in ROWS}

FROM = "Ada Byron <ada@maker.example>"
TO = "bo@firm.example"
CC = "Cy Dee <cy@firm.example>, Di <di@office.example>"
SUBJECT = "Toner for the third floor"
BODY = "The toner is on its way.\nIt takes two days.\n\nAsk for anything else."
DAYS = {(2021, 10, 28), (2021, 11, 2), (2021, 11, 3), (2021, 10, 27)}


def layout(language: str, name: str) -> tuple[str, str]:
    """Return (text of a forward as this client writes it, subject of the mail that contains it)."""
    apple, mark, thunderbird, outlook, yahoo, day, clock, prefix, short = LANGUAGES[language]
    words = dict(zip("fdtcs", outlook.split(";"), strict=True))
    words |= {f"t_{name}": word for name, word in zip("sdftc", thunderbird.split(";"), strict=True)}
    words |= {f"y_{name}": word for name, word in zip("ftcds", yahoo.split(";"), strict=True)}
    words |= {"apple": apple, "mark": mark, "day": day, "clock": clock, "prefix": prefix, "short": short}
    words |= {"from": FROM, "to": TO, "cc": CC, "cc_semicolon": CC.replace(",", ";"), "subject": SUBJECT, "body": BODY}
    text, subject = (written.format(**words) for written in LAYOUTS[name])
    return "\n".join(f"> {line}" for line in text.split("\n")) if name == "apple" else text, subject


def test_a_header_word_means_the_same_field_in_all_languages() -> None:
    columns = [column for row in load("clients")["labels"].splitlines() for column in enumerate(row.split(" | ")[1:])]
    others = [row.split(" | ") for row in load("clients")["other_labels"].splitlines()]
    meanings = {(fold(word), str(field)) for field, words in (*columns, *others) for word in words.split(", ")}
    assert len(meanings) == len({word for word, _ in meanings})


@pytest.mark.parametrize("intro", ["", "Please have a look.\n\nIt is urgent for Bo."], ids=["bare", "with-note"])
@pytest.mark.parametrize("client", LAYOUTS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_of_a_forward_is_read(language: str, client: str, intro: str) -> None:
    text, subject = layout(language, client)
    header = Mail(subject=subject, date=datetime(2025, 2, 3, 9, 30, tzinfo=UTC))
    read = split_body(header, f"{intro}\n\n{text}" if intro else text, None, set())
    (mail,) = read.forwarded
    assert read.reply_text == intro
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
def test_brackets_in_a_name_are_kept(line: str, name: str) -> None:
    [person] = people(line)
    assert (person.name, person.address) == (name, "ann@x.test")
