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


OUTER = head(GOOD, 'multipart/mixed; boundary="b"')
QUOTES = (
    "It still does not print.\r\n\r\nOn {}, Taro <taro@corp.example> wrote:\r\n> The printer is dead.\r\n",
    "See below.\r\n\r\n-----Original Message-----\r\nFrom: Taro <taro@corp.example>\r\nSent: {}\r\n"
    "To: help@intake.example\r\nSubject: Printer\r\n\r\nThe printer is dead.\r\n",
    "転送します。\r\n\r\n差出人: 太郎 <taro@corp.example>\r\n送信日時: {}\r\n"
    "宛先: 窓口\r\n件名: 印刷\r\n\r\n動きません。\r\n",
    "Still dead.\r\n\r\n"  # several that must be put in order
    + "".join(f"On {{0}}, Taro <t{n}@corp.example> wrote:\r\n{'>' * n} It is dead, {n}.\r\n" for n in (1, 2, 3)),
)
CONTENTS = (
    *(head(date) + "The printer prints nothing." for date in DATES),
    *(
        f"{OUTER}--b\r\nContent-Type: message/rfc822\r\n\r\n{head(date, id='inner')}It is dead.\r\n--b--\r\n"
        for date in DATES
    ),
    *(head(GOOD) + quote.format(stamp) for quote in QUOTES for stamp in STAMPS),
)


@pytest.mark.parametrize("content", CONTENTS, ids=range(len(CONTENTS)))
def test_a_date_out_of_range_is_no_date(sqlite: Database, content: str) -> None:
    """In the header, in an attached mail, and in quotes."""
    plain = head(GOOD, id="plain") + "The scanner is jammed."
    intake.receive(sqlite, [(ENVELOPE, one.encode()) for one in (content, plain)], RECEIVED)
    worker(sqlite, now=RECEIVED).step()
    ledger = sqlite.read(spool_view.ledger)
    assert (ledger.taken_in, ledger.waiting, ledger.shunted) == (2, 0, 0)
    dates = sqlite.read(lambda conn: conn.execute(select(messages.c.date)).scalars().all())
    assert {date.year for date in dates if date is not None} == {2026}
