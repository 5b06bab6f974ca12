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
from tests.tables import table_beside

RECEIVED = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)
ENVELOPE = Envelope("smtp", "aiko@corp.example", ("help@intake.example",))
GOOD = "Mon, 02 Mar 2026 09:00:00 +0900"
TABLES = table_beside(__file__, "dates_out_of_range.yaml")
DATES: list[str] = TABLES["fields"]


def head(date: str, kind: str = "text/plain; charset=utf-8", id: str = "old") -> str:
    return (
        f"From: Aiko <aiko@corp.example>\r\nTo: help@intake.example\r\nSubject: Printer\r\n"
        f"Message-ID: <{id}@corp.example>\r\nDate: {date}\r\nMIME-Version: 1.0\r\nContent-Type: {kind}\r\n\r\n"
    )


OUTER = head(GOOD, 'multipart/mixed; boundary="b"')
CONTENTS = (
    *(head(date) + "The printer prints nothing." for date in DATES),
    *(
        f"{OUTER}--b\r\nContent-Type: message/rfc822\r\n\r\n{head(date, id='inner')}It is dead.\r\n--b--\r\n"
        for date in DATES
    ),
    *(head(GOOD) + quote.format(stamp) for quote in TABLES["bodies"] for stamp in TABLES["times"]),
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
