"""A date that no calendar arithmetic survives is no date: the mail is filed by its receipt, and the next mail too."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from service import intake
from service.store import spool_view
from service.store.database import Database
from service.store.spool import Envelope
from service.store.tables import messages
from tests.flow.crew import worker

RECEIVED = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)
ENVELOPE = Envelope("smtp", "aiko@corp.example", ("help@intake.example",))
DATES = (
    "Mon, 01 Jan 0001 00:00:00 +0900",
    "Mon, 01 Jan 0001 00:00:00 +0000",
    "Sun, 31 Dec 0001 23:59:59 +1400",
    "Fri, 31 Dec 9999 23:59:59 -1200",
    "Fri, 31 Dec 9999 23:59:59 +0000",
    "Fri, 31 Dec 9999 00:00:00 -0001",
    "1 Jan 0001 00:00 +2359",
    "31 Dec 9999 23:59 -2359",
)
STAMPS = ("0001-01-01 00:00", "9999-12-31 23:59", "9999年12月31日 23:59", "昭和999年1月1日 0:00", "0001/01/01 00:00")


def head(date: str, kind: str = "text/plain; charset=utf-8", id: str = "old") -> str:
    return (
        f"From: Aiko <aiko@corp.example>\r\nTo: help@intake.example\r\nSubject: Printer\r\n"
        f"Message-ID: <{id}@corp.example>\r\nDate: {date}\r\nMIME-Version: 1.0\r\nContent-Type: {kind}\r\n\r\n"
    )


GOOD = "Mon, 02 Mar 2026 09:00:00 +0900"


def filed(database: Database, content: str) -> list[datetime]:
    """Takes in the mail and an ordinary one beside it; returns the dates that the messages have, in UTC."""
    plain = head(GOOD, id="plain") + "The scanner is jammed."
    received = [(ENVELOPE, one.encode()) for one in (content, plain)]
    intake.receive(database, received, RECEIVED)
    worker(database, now=RECEIVED).step()
    ledger = database.read(spool_view.ledger)
    assert (ledger.taken_in, ledger.waiting, ledger.shunted) == (2, 0, 0)
    dates = database.read(lambda conn: conn.execute(select(messages.c.date)).scalars().all())
    return [date for date in dates if date is not None]


@pytest.mark.parametrize("date", DATES)
def test_a_date_field_out_of_range_is_no_date(sqlite: Database, date: str) -> None:
    times = filed(sqlite, head(date) + "The printer prints nothing.")
    assert {one.year for one in times} == {2026}


@pytest.mark.parametrize("date", DATES)
def test_a_date_out_of_range_in_an_attached_mail_is_no_date(sqlite: Database, date: str) -> None:
    inner = head(date, id="inner") + "It prints nothing."
    outer = head(GOOD, 'multipart/mixed; boundary="b"')
    times = filed(sqlite, f"{outer}--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--\r\n")
    assert {one.year for one in times} == {2026}


@pytest.mark.parametrize("stamp", STAMPS)
@pytest.mark.parametrize(
    "quote",
    [
        "It still does not print.\r\n\r\nOn {}, Taro <taro@corp.example> wrote:\r\n> The printer is dead.\r\n",
        "See below.\r\n\r\n-----Original Message-----\r\nFrom: Taro <taro@corp.example>\r\nSent: {}\r\n"
        "To: help@intake.example\r\nSubject: Printer\r\n\r\nThe printer is dead.\r\n",
        "転送します。\r\n\r\n差出人: 太郎 <taro@corp.example>\r\n送信日時: {}\r\n"
        "宛先: 窓口\r\n件名: 印刷\r\n\r\n動きません。\r\n",
    ],
    ids=["attribution", "block-en", "block-ja"],
)
def test_a_date_out_of_range_in_a_quote_is_no_date(sqlite: Database, stamp: str, quote: str) -> None:
    times = filed(sqlite, head(GOOD) + quote.format(stamp))
    assert {one.year for one in times} == {2026}


@pytest.mark.parametrize("stamp", ["0001-01-01 00:00", "9999-12-31 23:59"])
def test_two_quotes_out_of_range_can_be_put_in_order(sqlite: Database, stamp: str) -> None:
    quotes = "".join(
        f"On {stamp}, Taro <t{n}@corp.example> wrote:\r\n{'>' * n} The printer {n} is dead.\r\n" for n in (1, 2, 3)
    )
    assert {one.year for one in filed(sqlite, head(GOOD) + "Still dead.\r\n\r\n" + quotes)} == {2026}
