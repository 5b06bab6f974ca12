"""Reads from the outbox which facts sodan asked a requester for by mail."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from service.cases.facts.trust import OURS
from service.cases.replies import Asked, question_lines
from service.store.sql import THESE, in_chunks
from service.store.tables import messages, outbox

KINDS = ("acknowledgement", "questions", "reminder")  # kinds of outbox entries that contain questions
_SENT = (
    select(outbox.c.case_id, outbox.c.sent_at, outbox.c.kind, outbox.c.made_by, outbox.c["items"], outbox.c.text)
    .where(outbox.c.case_id.in_(THESE), outbox.c.kind.in_(KINDS), outbox.c.state == "sent")
    .order_by(outbox.c.sent_at, outbox.c.id)
)


def questions_sent_in(conn: Connection, cases: Mapping[int, int]) -> dict[int, tuple[Asked, ...]]:
    """Return case id → sent mails with questions, oldest first. ``cases``: case or merged case → remaining case."""
    by_case: dict[int, list[Asked]] = defaultdict(list)
    for case, at, kind, made_by, items, text in in_chunks(conn, _SENT, sorted(cases)):
        by_case[cases[case]].append(Asked(at, kind, made_by, tuple(items), question_lines(text), text))
    return {case: tuple(sorted(mails, key=lambda mail: mail.at)) for case, mails in by_case.items()}


def quoted_texts(conn: Connection, case_ids: Sequence[int]) -> dict[int, str]:
    """Return message id → quoted text of the messages of our side. People write answers into quoted questions."""
    ours = (messages.c.author_role.in_(OURS), messages.c.automatic.is_(None))
    query = select(messages.c.id, messages.c.quoted_text).where(messages.c.case_id.in_(THESE), *ours)
    return dict(map(tuple, in_chunks(conn, query, case_ids)))


def times_asked(conn: Connection, case_id: int) -> Counter[str]:
    """Return item → number of sent and waiting mails that ask for it. Reminders do not count."""
    query = select(outbox.c["items"]).where(
        outbox.c.case_id == case_id,
        outbox.c.kind.in_(("acknowledgement", "questions")),
        outbox.c.state.in_(("waiting", "sent")),
    )
    return Counter(item for items in conn.execute(query).scalars() for item in items)
