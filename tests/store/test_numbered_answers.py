"""Answers that a mail gives between the numbered questions that it quotes."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from service.intake import AppContext
from service.replay import replay
from service.store.database import Database
from service.store.tables import cases
from tests.store.desk import deliver, letter

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
AIKO, MIKA = "Aiko <aiko@corp.example>", "Mika <mika@cisco.com>"
LIST = (
    "Hello Aiko,\n\n1. Was the antenna covered during painting?{}\n2. Could you please send us the log files?\n\n"
    "Best regards\nMika\n"
)
INQUIRY = letter(
    "inquiry", AIKO, "support@cisco.com", "Gateway loses its connection",
    "The gateway loses its connection every evening. What should we check?",
)  # fmt: skip
QUESTIONS = letter(
    "questions", MIKA, AIKO, "Re: Gateway loses its connection", LIST.format(""), 60, In_Reply_To="<inquiry@x.test>"
)
ANSWERS = letter(
    "answers", AIKO, MIKA, "RE: Gateway loses its connection",
    f"Please see inline.\n\n-----Original Message-----\nFrom: {MIKA}\nSent: Monday, November 23, 2026 7:00 PM\n"
    f"To: {AIKO}\nSubject: Re: Gateway loses its connection\n\n" + LIST.format("\n-> yes, by foil"),
    120, In_Reply_To="<questions@x.test>",
)  # fmt: skip


def asks(database: Database) -> list[Any]:
    query = select(cases.c.document).where(cases.c.merged_into.is_(None))
    documents = database.read(lambda conn: conn.execute(query).scalars().all())
    return [(ask["what"], ask["quote"][:6], ask["state"]) for one in documents for ask in one["asks"]]


@pytest.mark.parametrize("order", list(permutations((INQUIRY, QUESTIONS, ANSWERS))))
def test_an_answer_below_a_quoted_question_answers_it_in_any_order_of_arrival(
    database: Database, context: AppContext, order: tuple[bytes, ...]
) -> None:
    expected = [("something", "1. Was", "answered"), ("logs", "2. Cou", "open")]
    for n, mail in enumerate(order):
        deliver(database, context, mail, at=NOW + timedelta(minutes=n))
    assert asks(database) == expected
    list(replay(database, context, None, since=None, apply=True, now=NOW + timedelta(hours=1)))
    assert asks(database) == expected
