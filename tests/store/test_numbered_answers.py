"""Answers that a mail gives between the numbered questions that it quotes, through the whole pipeline."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from service import intake
from service.intake import AppContext
from service.replay import replay
from service.store.database import Database
from service.store.spool import Envelope
from service.store.tables import cases
from tests.running import take_in

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ENVELOPE = Envelope("smtp", "x@corp.example", ("intake@corp.example",), peer="127.0.0.1")
INQUIRY = """From: Aiko <aiko@corp.example>
To: support@cisco.com
Cc: intake@corp.example
Subject: Gateway loses its connection
Message-ID: <inquiry@corp.example>
Date: Mon, 23 Nov 2026 09:00:00 +0900

The gateway loses its connection every evening. What should we check?
"""
QUESTIONS = """From: Mika <mika@cisco.com>
To: aiko@corp.example
Cc: intake@corp.example
Subject: Re: Gateway loses its connection
Message-ID: <questions@cisco.com>
In-Reply-To: <inquiry@corp.example>
Date: Mon, 23 Nov 2026 10:00:00 +0900

Hello Aiko,

1. Was the antenna covered during painting?
2. Could you please send us the log files?

Best regards
Mika
"""
ANSWERS = """From: Aiko <aiko@corp.example>
To: mika@cisco.com
Cc: intake@corp.example
Subject: RE: Gateway loses its connection
Message-ID: <answers@corp.example>
In-Reply-To: <questions@cisco.com>
Date: Mon, 23 Nov 2026 11:00:00 +0900

Please see inline.

-----Original Message-----
From: Mika <mika@cisco.com>
Sent: Monday, November 23, 2026 10:00 AM
To: Aiko <aiko@corp.example>
Subject: Re: Gateway loses its connection

Hello Aiko,

1. Was the antenna covered during painting?
-> yes, by foil
2. Could you please send us the log files?

Best regards
Mika
"""


def asks(database: Database) -> list[Any]:
    documents = database.read(
        lambda conn: list(conn.execute(select(cases.c.document).where(cases.c.merged_into.is_(None))).scalars())
    )
    return [(ask["what"], ask["quote"][:6], ask["state"]) for one in documents for ask in one["asks"]]


@pytest.mark.parametrize("order", list(permutations((INQUIRY, QUESTIONS, ANSWERS))))
def test_an_answer_below_a_quoted_question_closes_it_whatever_arrives_first(
    database: Database, context: AppContext, order: tuple[str, ...]
) -> None:
    expected = [("something", "1. Was", "answered"), ("logs", "2. Cou", "open")]
    for n, mail in enumerate(order):
        intake.receive(database, [(ENVELOPE, mail.encode())], NOW + timedelta(minutes=n))
        take_in(database, context, NOW + timedelta(minutes=n))
    assert asks(database) == expected
    list(replay(database, context, None, since=None, apply=True, now=NOW + timedelta(hours=1)))
    assert asks(database) == expected
