"""Reads the raw mails of cases again and judges the cases again, with the current rules."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from mailrules import second
from mailrules.reader.model_answer import AnswerRefused
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.extracted import ExtractedMessage, with_reading
from service.cases.facts.extraction import extract_messages
from service.cases.facts.roles import Roles
from service.errors import NotFound
from service.intake import AppContext, case_snapshot, rejudge
from service.mail.parse import parse
from service.store import contents, placement, replaying, second_readings
from service.store.blob_store import BlobStore
from service.store.database import Connection, Database, one_at_a_time
from service.store.learning import learn
from service.store.save import case_settings, save_cases


def replay(
    database: Database,
    context: AppContext,
    blob_store: BlobStore | None,
    *,
    since: datetime | None,
    apply: bool,
    now: datetime,
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Read and judge cases again, one by one; yields (key, document before, document with the current rules).

    With ``apply`` the result is saved, one transaction per case; mails are read before it, so workers continue. What
    people set is kept, no mail changes its case, and a case without changes is not written, so an interrupted run can
    be repeated.
    """
    last = 0
    while chunk := database.read(partial(replaying.standing_since, since=since, after=last, limit=100)):
        for last, before in chunk:
            anew = _read_anew(database, context, blob_store, last)
            run = database.transact if apply else database.read
            after = run(partial(_judged_anew, case_id=last, anew=anew, context=context, apply=apply, now=now))
            yield context.key(last), before, before if after is None else after


def _read_anew(
    database: Database, context: AppContext, blob_store: BlobStore | None, case_id: int
) -> dict[int, ExtractedMessage]:
    """Return message id → the message as its raw mail is read now; messages without raw mail are left out."""
    origins = database.read(partial(replaying.origins, case_id=case_id))
    known = database.read(placement.learned)
    mails = {}
    for origin in origins.values():
        if origin.spool_id not in mails:
            with contextlib.suppress(NotFound, contents.Damaged):
                mails[origin.spool_id] = parse(contents.content(database, blob_store, origin.spool_id))
    envelopes = {origin.spool_id: origin for origin in origins.values()}

    def extract_all(roles: Roles) -> dict[tuple[str, str], ExtractedMessage]:
        return {
            (spool_id, one.part): one
            for spool_id, mail in mails.items()
            for one in extract_messages(
                mail,
                roles,
                context.ingest,
                received_at=envelopes[spool_id].received_at,
                recipients=envelopes[spool_id].recipients,
                handed=envelopes[spool_id].handed,
            )
        }

    found = extract_all(context.roles(known))
    whole = known.with_more(one.learned for one in found.values())
    if whole != known:
        found = {
            key: replace(one, learned=found[key].learned) for key, one in extract_all(context.roles(whole)).items()
        }
    there = {message: found.get((origin.spool_id, origin.part)) for message, origin in origins.items()}
    return {
        message: with_reading(one, context.rules.read(replace(one.turn, id=str(message))))
        for message, one in there.items()
        if one is not None
    }


def _judged_anew(
    conn: Connection,
    case_id: int,
    anew: Mapping[int, ExtractedMessage],
    context: AppContext,
    apply: bool,
    now: datetime,
) -> dict[str, Any] | None:
    """Return the new document of the case; None if it has no messages any more."""
    if apply:
        one_at_a_time(conn)
        _learn(conn, case_id, anew, context, now)
    before = placement.lines(conn, case_id)
    if not before:
        return None
    answers = second_readings.answers(conn, [line.id for line in before])
    lines = [_line_anew(line, anew.get(line.id), context, answers.get(line.id)) for line in before]
    standing = case_snapshot(case_id, lines, context, case_settings(conn, [case_id])[case_id], now)
    if apply and not (lines == before and replaying.stands(conn, case_id, standing.document)):
        replaying.keep(conn, lines, {line.id: line for line in before})
        save_cases(conn, [standing], now)
    return standing.document


def _line_anew(
    line: CaseMessage, extracted: ExtractedMessage | None, context: AppContext, answer: tuple[str, str] | None
) -> CaseMessage:
    """Read a message again. A stored answer of a language model is checked again, but not requested again."""
    if extracted is not None:
        line = replaying.as_read_anew(line, extracted)
    if answer is not None:
        with contextlib.suppress(AnswerRefused):
            checked = second.checked(context.rules, line.turn, answer[0])
            return replace(line, reading=second.reading_of(context.rules, line.turn, checked, answer[1]))
    return replace(line, reading=context.rules.read(line.turn))


def _learn(
    conn: Connection, case_id: int, anew: Mapping[int, ExtractedMessage], context: AppContext, now: datetime
) -> None:
    """Store the team members and partners found by the current rules, and judge other affected cases again."""
    changed = learn(conn, [placement.ArrivedMail("", now, tuple(anew.values()))], context.rules.read, now)
    if others := sorted(set(changed) - {case_id}):
        rejudge(conn, others, context, now=now)
