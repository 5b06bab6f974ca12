"""Mails with which sodan asked a requester for information, as the judgement of a case needs them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select

from service.cases.replies import Asked, question_lines
from service.store.tables import messages, outbox

KINDS = ("acknowledgement", "questions", "reminder")
_THESE: BindParameter[Any] = bindparam("these", expanding=True)
_SENT = (
    select(outbox.c.case_id, outbox.c.sent_at, outbox.c.kind, outbox.c.made_by, outbox.c["items"], outbox.c.text)
    .where(outbox.c.case_id.in_(_THESE), outbox.c.kind.in_(KINDS), outbox.c.state == "sent")
    .order_by(outbox.c.sent_at, outbox.c.id)
)


def asked_in(conn: Connection, cases: Mapping[int, int]) -> dict[int, tuple[Asked, ...]]:
    """Return the sent mails with questions by case, oldest first.

    ``cases``: id of a case, or of one that was merged into it → id of the case.
    """
    found: dict[int, list[Asked]] = defaultdict(list)
    numbers = sorted(cases)
    for start in range(0, len(numbers), 400):
        for row in conn.execute(_SENT, {"these": numbers[start : start + 400]}).all():
            asked = Asked(row.sent_at, row.kind, row.made_by, tuple(row.items), question_lines(row.text), row.text)
            found[cases[row.case_id]].append(asked)
    return {case: tuple(sorted(mails, key=lambda one: one.at)) for case, mails in found.items()}


def quoted_texts(conn: Connection, case_ids: Sequence[int]) -> dict[int, str]:
    """Return message id → quoted text of requesters' messages, since people write answers into quoted questions."""
    query = select(messages.c.id, messages.c.quoted_text).where(
        messages.c.case_id.in_(_THESE), messages.c.author_role == "requester", messages.c.automatic.is_(None)
    )
    found: dict[int, str] = {}
    for start in range(0, len(case_ids), 400):
        for row in conn.execute(query, {"these": list(case_ids[start : start + 400])}):
            found[row.id] = row.quoted_text
    return found


def times_asked(conn: Connection, case_id: int) -> Counter[str]:
    """Count how often each item was asked for, in sent and waiting mails. Reminders do not count."""
    query = select(outbox.c["items"]).where(
        outbox.c.case_id == case_id,
        outbox.c.kind.in_(("acknowledgement", "questions")),
        outbox.c.state.in_(("waiting", "sent")),
    )
    return Counter(item for items in conn.execute(query).scalars() for item in items)
