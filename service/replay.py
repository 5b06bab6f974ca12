"""Replays cases: reads their raw mails and judges them again with the current rules."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from mailrules import model_reading
from mailrules.reader.model_answer import AnswerRefused
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.extracted import ExtractedMessage, read_message
from service.cases.facts.extraction import extract_messages
from service.cases.facts.roles import Roles
from service.errors import NotFound
from service.intake import AppContext, case_snapshot, rejudge
from service.mail.parse import parse
from service.store import contents, replaying, second_readings
from service.store.blob_store import BlobStore
from service.store.case_messages import messages_of_case
from service.store.database import Connection, Database, one_at_a_time
from service.store.learned_roles import learn, learned
from service.store.save import case_settings, save_cases, with_quoted


def replay(
    database: Database, context: AppContext, store: BlobStore | None, since: datetime | None, apply: bool, now: datetime
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield (key, stored document, new document) of each case. With ``apply``, the new document is saved.

    Manual changes are kept, and mails stay in their cases. An interrupted run can be repeated.
    """
    last = 0
    while chunk := database.read(partial(replaying.cases_changed_since, since=since, after=last, limit=100)):
        for last, before in chunk:
            reread = _read_again(database, context, store, last)
            run = database.transact if apply else database.read
            after = run(partial(_judge_again, case_id=last, reread=reread, context=context, apply=apply, now=now))
            yield context.key(last), before, before if after is None else after


def _read_again(
    database: Database, context: AppContext, store: BlobStore | None, case_id: int
) -> dict[int, ExtractedMessage]:
    """Return message id → message, extracted again from the raw mail. Messages without raw mail are left out."""
    origins = database.read(partial(replaying.origins, case_id=case_id))
    known = database.read(learned)
    mails = {}
    for origin in origins.values():
        if origin.spool_id not in mails:
            with contextlib.suppress(NotFound, contents.Damaged):
                mails[origin.spool_id] = origin, parse(contents.content(database, store, origin.spool_id))

    def extract_all(roles: Roles) -> dict[tuple[str, str], ExtractedMessage]:
        return {
            (spool_id, message.part): message
            for spool_id, (origin, mail) in mails.items()
            for message in extract_messages(
                mail,
                roles,
                context.ingest,
                received_at=origin.received_at,
                recipients=origin.recipients,
                handed=origin.handed,
            )
        }

    extracted = extract_all(context.roles(known))
    more = known.with_more(message.learned for message in extracted.values())
    if more != known:
        again = extract_all(context.roles(more))
        extracted = {part: replace(again[part], learned=message.learned) for part, message in extracted.items()}
    return {
        id: read_message(replace(message, turn=replace(message.turn, id=str(id))), context.rules.read)
        for id, origin in origins.items()
        if (message := extracted.get((origin.spool_id, origin.part))) is not None
    }


def _judge_again(
    conn: Connection, case_id: int, reread: dict[int, ExtractedMessage], context: AppContext, apply: bool, now: datetime
) -> dict[str, Any] | None:
    """Return the new document of the case; None if it has no messages."""
    if apply:
        one_at_a_time(conn)
        # people and partners that the mails show by the current rules may change other cases
        changed = {*learn(conn, [*reread.values()], context.rules.read, now)} - {case_id}
        rejudge(conn, sorted(changed), context, now=now)
    before = messages_of_case(conn, case_id)
    if not before:
        return None
    answers = second_readings.answers(conn, [message.id for message in before])
    messages = [
        _read_message_again(message, reread.get(message.id), context, answers.get(message.id)) for message in before
    ]
    known = with_quoted(conn, case_settings(conn, [case_id]), {case_id: messages})
    snapshot = case_snapshot(case_id, messages, context, known[case_id], now)
    if apply and not (messages == before and replaying.is_unchanged(conn, case_id, snapshot.document)):
        replaying.save_messages(conn, messages, {message.id: message for message in before})
        save_cases(conn, [snapshot], now)
    return snapshot.document


def _read_message_again(
    message: CaseMessage, extracted: ExtractedMessage | None, context: AppContext, answer: tuple[str, str] | None
) -> CaseMessage:
    """Return the message with a new reading. A stored answer of a language model is used, but none is requested."""
    if extracted is not None:
        message = replaying.with_new_facts(message, extracted)
    if answer is not None:
        with contextlib.suppress(AnswerRefused):
            checked = model_reading.checked_answer(context.rules, message.turn, answer[0])
            return replace(message, reading=model_reading.reading_of(context.rules, message.turn, checked, answer[1]))
    return replace(message, reading=context.rules.read(message.turn))
