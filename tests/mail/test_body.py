"""A body is split into new text, quoted and forwarded mails, and signatures, in many languages."""

# ruff: noqa: E501 -- a mail a line

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.mail import client_phrases
from service.mail.address import parse_list
from service.mail.body import split_body
from service.mail.message import Mail
from tests.tables import table_beside

TOKYO = timezone(timedelta(hours=9))
NOON = datetime(2026, 11, 10, 13, 10, tzinfo=TOKYO)
TABLES: dict[str, list[Any]] = table_beside(__file__, "bodies.yaml")


def body(
    text: str, subject: str = "Re: Printer", date: datetime | None = NOON, html: str | None = None, author: str = ""
) -> Mail:
    header = Mail(subject=subject, date=date, from_=next(iter(parse_list(author)), None))
    defects: set[str] = set()
    read = split_body(header, text, html, defects)
    assert "body-unread" not in defects
    return read


@pytest.mark.parametrize("row", client_phrases.ROWS, ids=lambda row: row[0])
@pytest.mark.parametrize(
    "under", ["", "________________________________\n", "---------- Forwarded message ---------\n"]
)
def test_a_forward_is_read_in_every_known_language(row: list[str], under: str) -> None:
    from_, to, cc, subject, date = (column.split(", ")[0].title() for column in row[1:])
    read = body(
        f"Please have a look.\n\n{under}{from_}: Ada Byron <ada@maker.example>\n{date}: 2026-11-10 12:05\n"
        f"{to}: Bo Ek <bo@firm.example>\n{cc}: Cy Dee <cy@firm.example>\n{subject}: Toner [4711]\n\nThe toner is on its way.\n",
        subject="FW: Toner [4711]",
    )
    (mail,) = read.forwarded
    assert (str(mail.from_), mail.subject) == ("Ada Byron <ada@maker.example>", "Toner [4711]")
    assert [str(a) for a in (*mail.to, *mail.cc)] == ["Bo Ek <bo@firm.example>", "Cy Dee <cy@firm.example>"]
    assert mail.date == datetime(2026, 11, 10, 12, 5, tzinfo=TOKYO)
    assert mail.zone_assumed
    assert mail.text == "The toner is on its way."
    assert read.reply_text == "Please have a look."


@pytest.mark.parametrize("line", TABLES["attributions"])
@pytest.mark.parametrize("subject", ["Re: Printer", "FW: Printer"])
def test_an_attribution_line_states_author_and_date(line: str, subject: str) -> None:
    read = body(f"Thanks, done.\n\n{line}\n\n> Is it done?\n> It was due today.\n", subject)
    (mail,) = read.forwarded if subject.startswith("FW") else read.history
    assert (read.reply_text, mail.text) == ("Thanks, done.", "Is it done?\nIt was due today.")
    assert str(mail.from_) == "Ada Byron <ada@maker.example>"
    assert mail.date == datetime(2026, 11, 10, 12, 5, tzinfo=TOKYO)


@pytest.mark.parametrize("line", TABLES["more attributions"])
@pytest.mark.parametrize("mark", ["> ", ""], ids=["marked", "unmarked"])
def test_an_attribution_line_is_read_with_and_without_quote_marks(line: str, mark: str) -> None:
    read = body(f"Yes.\n\n{line}\n\n{mark}Is it done?\n", date=datetime(2016, 2, 3, 18, 0, tzinfo=UTC))
    (mail,) = read.history
    assert (read.reply_text, mail.text) == ("Yes.", "Is it done?")
    assert str(mail.from_) in ("Ada Byron <ada@maker.example>", "Ada Byron")
    assert str(mail.date)[:10] == "2016-02-03"


@pytest.mark.parametrize(("text", "new"), TABLES["new text"])
def test_text_above_between_and_below_quotes_is_new(text: str, new: str) -> None:
    read = body(text)
    assert read.reply_text == new
    assert "> " in read.quoted_text
    assert not any(line in read.quoted_text for line in new.split("\n") if line)
    assert all(line.removeprefix("> ") in read.history[0].text for line in text.splitlines() if line[:2] == "> ")


def test_a_forward_of_a_forward_is_nested_outermost_first() -> None:
    read = body(
        "FYI\n\n---------- Forwarded message ---------\nFrom: Bo Ek <bo@firm.example>\nDate: Tue, Nov 10, 2026 at 12:30 PM\n"
        "Subject: Fwd: Toner\nTo: Cy Dee <cy@firm.example>\n\nCy, yours?\n\n---------- Forwarded message ---------\n"
        "From: Ada Byron <ada@maker.example>\nDate: Tue, Nov 10, 2026 at 12:05 PM\nSubject: Toner\nTo: bo@firm.example\n\nIt comes.\n",
        "Fwd: Toner",
    )
    assert [(m.from_ and m.from_.address, m.text) for m in read.forwarded] == [
        ("bo@firm.example", "Cy, yours?"),
        ("ada@maker.example", "It comes."),
    ]


def test_a_long_subject_continues_in_an_indented_last_line() -> None:
    (mail,) = body(
        "----- Forwarded message from Ada Byron <ada@maker.example> -----\n\nDate: Tue, 10 Nov 2026 12:05:00 +0900\n"
        "From: Ada Byron <ada@maker.example>\nTo: Bo Ek <bo@firm.example>\n"
        "Subject: The printer on the third floor of the building does\n not print\n\nIt is broken.\n",
        "Fwd: Printer",
    ).forwarded
    assert (mail.subject, mail.text) == (
        "The printer on the third floor of the building does not print",
        "It is broken.",
    )


def test_blank_lines_between_all_lines_are_removed() -> None:
    read = body("One.\n\nTwo.\n\n\n\nThree.\n\nFour.\n\n\n\n情報システム部\n\n内線 3110 / desk@firm.example\n")
    assert read.reply_text == "One.\nTwo.\n\nThree.\nFour."


def test_the_subject_tells_forwards_from_replies() -> None:
    assert body(EXCHANGE, "FW: Toner").forwarded
    assert body(EXCHANGE, "RE: Toner").history
    assert not body(EXCHANGE, "RE: Toner").forwarded
    assert not body(EXCHANGE, "RE: FW: Toner").forwarded


@pytest.mark.parametrize("facts", TABLES["listed"])
def test_header_lines_that_the_author_lists_are_no_quote(facts: str) -> None:
    read = body(f"お世話になっております。\n\n{facts}", "お問い合わせ")
    assert not read.forwarded
    assert not read.history
    assert read.reply_text == f"お世話になっております。\n\n{facts}".strip()


EXCHANGE = "Seen.\n\nFrom: Ada <ada@maker.example>\nSent: Tuesday, November 10, 2026 12:05 PM\nTo: Bo\nSubject: Toner\n\nIt comes.\n"
JAPANESE = "OK\n\n差出人: Ada <ada@maker.example>\n送信日時: 2026年11月10日 12:05\n宛先: Bo\n件名: Toner\n\nIt comes.\n"


@pytest.mark.parametrize(
    ("text", "html", "zone"),
    [
        (EXCHANGE, '<html><body lang="JA">x</body></html>', TOKYO),
        (EXCHANGE, '<html><body lang="EN-GB">x</body></html>', UTC),
        (JAPANESE, None, TOKYO),
    ],
)
def test_a_date_without_zone_in_a_mail_dated_in_utc_follows_the_language(
    text: str, html: str | None, zone: tzinfo
) -> None:
    (mail,) = body(text, "FW: Toner", datetime(2026, 11, 10, 4, 0, tzinfo=UTC), html).forwarded
    assert mail.date == datetime(2026, 11, 10, 12, 5, tzinfo=zone)


NOT_NEW = (
    *(f"It prints.\n\n{below}\n" for kind in ("signatures", "footers") for below in TABLES[kind]),
    *(f"{banner}\n\nIt prints." for banner in TABLES["banners"]),
    *(f"It prints.\n\n{line}\n\nYour request (12) was updated." for line in TABLES["reply lines"]),
    *(f"{line}\n\nIt prints." for line in TABLES["reply lines"]),
)


@pytest.mark.parametrize("text", NOT_NEW)
def test_signatures_footers_banners_and_text_below_a_reply_line_are_not_new(text: str) -> None:
    assert body(text).reply_text == "It prints."


@pytest.mark.parametrize("text", TABLES["kept"])
def test_text_that_resembles_a_signature_is_new(text: str) -> None:
    assert body(f"Dear all,\n\n{text}").reply_text == f"Dear all,\n\n{text}"


@pytest.mark.parametrize("text", TABLES["greetings"])
def test_a_greeting_in_the_first_line_is_no_closing(text: str) -> None:
    assert body(text, author="Ada Byron <ada@maker.example>").reply_text == text


def test_a_closing_with_the_authors_name_below_a_quote_is_a_signature() -> None:
    text = "Yes.\n\nOn 2026/11/10 12:05, Bo wrote:\n> Done?\n\nRegards,\n\nAda\n"
    assert body(text, author="Ada Byron <ada@maker.example>").reply_text == "Yes."


def test_a_sentence_with_an_address_above_a_quote_is_new_text() -> None:
    text = "this is the answer of the support team of the maker (help@maker.example):"
    assert body(f"{text}\n> Restart it.\n\nShall we?").reply_text == f"{text}\n\nShall we?"


@pytest.mark.parametrize(("author", "above", "last"), TABLES["answered"])
def test_the_authors_name_below_an_announcement_is_new_text(author: str, above: str, last: str) -> None:
    text = f"It prints.\n{above}\n\n{last}"
    assert body(text, author=author).reply_text == text


@pytest.mark.parametrize("sign", [True, False])
def test_the_authors_name_alone_at_the_end_is_a_signature(sign: bool) -> None:
    for author, last in TABLES["signed" if sign else "not signed"]:
        text = f"It prints.\n\n{last}"
        read = body(text, author=author).reply_text
        assert read == ("It prints." if sign else text), (author, last)
        assert body(text.replace("\n\n", "\n"), author=author).reply_text == read.replace("\n\n", "\n"), (author, last)
    unfinished = "The printer of\nAda"
    assert body(unfinished, author="Ada Byron <ada@maker.example>").reply_text == unfinished
    quoting = "It prints.\n\nOn Tue, Nov 10, 2026 at 12:05 PM Bob <b@x.example> wrote:\n> No.\n>\n> Bob"
    assert body(quoting).history[0].text == "No."


@given(
    st.text(alphabet=st.sampled_from(list("> \n\t-_*:：<>@.,'\"()[]0123456789aZé件名差出人FromTDatewrote\ufeff\r"))),
    st.booleans(),
)
def test_the_new_text_of_any_body_is_part_of_the_body(text: str, forwarded: bool) -> None:
    read = body(text, "FW: x" if forwarded else "Re: x")
    for line in read.reply_text.split("\n"):
        assert line in text.replace("\ufeff", "")
