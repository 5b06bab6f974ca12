"""The steps of a mail in sodan: it is received, processed, and judged again after changes.

receive      in one transaction: store the raw bytes; from now on sodan is responsible for the mail
understand   bytes → mail → messages with their readings; no transaction, independent of other mails
prepare      decide which case each mail belongs to, and judge the future state of this case; only reads
take_in      in one transaction: write the decisions (outdated: decide again); set the spool entry to done
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parseaddr
from functools import partial
from typing import TypeVar

from mailrules.engine.judge import Rules
from mailrules.library import load
from service.cases.answering import with_replies
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.extracted import read_message
from service.cases.facts.extraction import IngestConfig, extract_messages
from service.cases.facts.roles import NOTHING_LEARNED, LearnedRoles, Roles
from service.cases.facts.sender import Handover, Verdicts
from service.cases.facts.trust import counted
from service.cases.revise import revise
from service.cases.state import Overrides
from service.errors import Unavailable
from service.mail.message import NOT_FULLY_READ, Mail
from service.mail.parse import parse
from service.process import OutOfTime, cpu_limit
from service.settings import Settings
from service.store import judge_queue, placement, spool, spool_insert
from service.store.case_messages import messages_of_cases
from service.store.database import Connection, Database, one_at_a_time
from service.store.future_cases import FutureCase, future_cases, with_ids
from service.store.message_rows import ReadMail
from service.store.save import CaseSettings, CaseSnapshot, case_settings, save_cases, versions, with_quoted
from service.store.spool import Claimed, Envelope, NewEntry


def receive(database: Database, mails: Sequence[tuple[Envelope, bytes]], now: datetime) -> list[str]:
    """Store mails durably in one commit, and return their ids. Raises Unavailable.

    The caller must not acknowledge the mails before this function returns.
    """
    return receive_entries(database, [spool.new_entry(envelope, content, now) for envelope, content in mails])


def receive_entries(database: Database, entries: Sequence[NewEntry]) -> list[str]:
    """As ``receive``, for mails that already have an id."""
    transact = database.transact_alone if spool_insert.in_one_statement(entries) else database.transact
    transact(lambda conn: spool_insert.insert_entries(conn, entries))
    return [entry.id for entry in entries]


T = TypeVar("T")
BEGINNING = 16_384  # number of bytes to read of a mail if reading the whole mail takes too long
UNREAD = Mail(defects=("unreadable",))


@dataclass
class AppContext:
    """The settings and rules of an installation. ``rule_reloader`` can replace the rules between two mails."""

    settings: Settings
    rules: Rules
    ingest: IngestConfig
    refused: str | None = None  # why changed rules were refused: one line with file and line number

    @classmethod
    def of(cls, settings: Settings, *, key: bytes = b"", rules: Rules | None = None) -> AppContext:
        """Return the context for some settings. ``key`` signs case tokens. Raises Refused if a pack is invalid.

        ``rules``: the rules of the packs in the settings, if they are loaded already.
        """
        rules = rules or load(settings.packs, settings.site_file)
        ingest = IngestConfig(
            zone=settings.zone,
            prefix=settings.case_prefix,
            intake=settings.intake,
            secret=key,
            verdicts=Verdicts(settings.authserv_id, settings.trusted_networks, open=not settings.smtp_networks),
            sends_as=parseaddr(settings.from_)[1].casefold(),
        )
        return cls(settings, rules, ingest)

    @property
    def reopen(self) -> timedelta:
        """For how long after a case is solved a mail can reopen it."""
        return timedelta(days=self.settings.reopen_days)

    def key(self, case_id: int) -> str:
        return f"{self.ingest.prefix}-{case_id}"

    def roles(self, learned: LearnedRoles = NOTHING_LEARNED) -> Roles:
        """Return the side of each address. The sender address of outgoing mail belongs to the team."""
        return Roles(
            organisation=self.settings.organisation,
            team=(*self.settings.team, self.ingest.sends_as),
            learned=learned,
            known=self.rules.people,
            vendor_of=self.rules.vendors.of_address,
            is_platform=self.rules.vendors.is_platform,
        )


After = Callable[[Connection, Sequence[ReadMail], Sequence[int], datetime], None]
"""A function called when judged cases are saved: (connection, the mails saved with them, ids of the cases, now)."""


def understand(claimed: Claimed, context: AppContext, roles: Roles) -> ReadMail:
    """Parse a mail, and read each message in it. This takes most of the time of a mail.

    If this takes longer than SODAN_MAIL_SECONDS, only the first ``BEGINNING`` bytes are read. If that takes too
    long, only the header is read. The mail gets the defect ``not-fully-read``. The raw bytes stay complete.
    """
    content = claimed.content
    header = content[:BEGINNING].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    for raw in (content, content[:BEGINNING], header, None):
        with contextlib.suppress(OutOfTime), cpu_limit(context.settings.mail_seconds):
            mail = UNREAD if raw is None else parse(raw)
            if raw is not content:
                mail = replace(mail, defects=tuple(sorted({*mail.defects, NOT_FULLY_READ})))
            return _understood(claimed, mail, context, roles)
    raise RuntimeError("reading an empty text took too long")


def _understood(claimed: Claimed, mail: Mail, context: AppContext, roles: Roles) -> ReadMail:
    envelope, at = claimed.envelope, claimed.received_at
    handed = Handover(envelope.channel, envelope.peer, at, envelope.authserv)
    extracted = extract_messages(
        mail, roles, context.ingest, received_at=at, recipients=envelope.rcpt_tos, handed=handed
    )
    without_id = (replace(one, turn=replace(one.turn, id="")) for one in extracted)  # they are not stored yet
    return ReadMail(claimed, tuple(read_message(one, context.rules.read) for one in without_id))


@dataclass(frozen=True, slots=True)
class Prepared:
    """The decisions about a batch of mails, and the judged cases, before they are written.

    Another worker can make them outdated.
    """

    decided: placement.Prepared
    futures: Mapping[int, FutureCase]
    judged: Mapping[int, CaseSnapshot]  # Case → its future state. New cases and messages have temporary ids.


def prepare(
    conn: Connection, read_mails: Sequence[ReadMail], context: AppContext, now: datetime, before: Prepared | None = None
) -> Prepared:
    """Decide which cases these mails belong to, and judge those cases. Reads only, without the lock of ``take_in``.

    ``before``: outdated decisions about the same mails; their parts that are still valid are kept.
    """
    earlier = before.decided if before is not None else None
    arrived = read_mails if earlier is None else earlier.arrived
    decided = placement.prepare(conn, arrived, reopen=context.reopen, read=context.rules.read, before=earlier)
    found = future_cases(conn, decided)
    judged = {
        case: before.judged[case]
        if before and before.futures.get(case) == future
        else case_snapshot(case, future.lines, context, future.settings, now)
        for case, future in found.items()
    }
    return Prepared(decided, found, judged)


def place(
    database: Database,
    read_mails: Sequence[ReadMail],
    context: AppContext,
    *,
    by: str,
    now: datetime,
    after: Callable[[Connection, Sequence[int]], T],
) -> T:
    """Prepare and take in these mails, then call ``after`` with the cases, and return its result.

    One transaction contains ``take_in`` and ``after``. If another worker changes data on which a decision depends, the
    mails are prepared again: twice without the lock, then within the transaction. Raises the same errors as
    ``take_in``.
    """

    def write(conn: Connection, prepared: Prepared, decide_again: bool) -> T:
        return after(conn, take_in(conn, prepared, context, by=by, now=now, decide_again=decide_again))

    prepared: Prepared | None = None
    for attempt in range(3):
        prepared = database.read(partial(prepare, read_mails=read_mails, context=context, now=now, before=prepared))
        with contextlib.suppress(placement.Outdated):
            return database.transact(partial(write, prepared=prepared, decide_again=attempt == 2))
    raise RuntimeError("the last attempt decides in the transaction")


def take_in(
    conn: Connection, prepared: Prepared, context: AppContext, *, by: str, now: datetime, decide_again: bool = True
) -> list[int]:
    """Place prepared mails, save their cases, and set their spool entries to done. Returns the cases.

    Cases that changed since ``prepared`` are judged here; long cases are queued for ``judge_next``. If ``prepared`` is
    outdated, ``decide_again`` says whether to decide again or to raise Outdated. Raises LostLease if ``by`` lost the
    lease of an entry. After any error, the transaction must not commit.
    """
    one_at_a_time(conn)  # before any other lock: migrations take this lock first, too
    decided = prepared.decided
    spool.finish(conn, [mail.claimed.id for mail in decided.arrived], by, now)
    placed = placement.place_all(
        conn, decided, read=context.rules.read, now=now, reopen=context.reopen, decide_again=decide_again
    )
    long = judge_queue.long_cases(conn, placed.cases) - set(placed.opened)
    judge_queue.queue(conn, sorted(long), now)
    ready = _ready(conn, prepared, placed, context) if placed.decisions is decided else {}
    found = [ready[case] for case in placed.cases if case in ready and case not in long]
    found += snapshots(conn, [case for case in placed.cases if case not in ready and case not in long], context, now)
    save_cases(conn, sorted(found, key=lambda one: one.case_id), now, placed.opened)
    return placed.cases


def _ready(
    conn: Connection, prepared: Prepared, placed: placement.Placed, context: AppContext
) -> dict[int, CaseSnapshot]:
    """Return the prepared cases that have not changed since then. Temporary ids are replaced by the final ids."""
    current = versions(conn, [case for case in prepared.futures if case > 0])
    keys = {context.key(old): context.key(new) for old, new in placed.case_ids.items()}
    ready = {}
    for case, snapshot in prepared.judged.items():
        if case < 0 or current.get(case) == prepared.futures[case].settings.version:
            number, document = placed.case_ids.get(case, case), snapshot.document
            related = [keys.get(key, key) for key in document["related"]]
            document = {**document, "key": context.key(number), "related": related}
            ready[number] = CaseSnapshot(number, document, with_ids(document, placed.message_ids))
    return ready


def judge_next(
    database: Database, context: AppContext, now: datetime, after: Callable[[Connection, int], None]
) -> bool:
    """Judge the long case that has waited longest. Returns False if none was waiting.

    A case that has changed meanwhile is not saved and stays in the queue. ``after`` is called in the transaction that
    saves the case. Raises Unavailable. After any other error, the case leaves the queue until the next mail in it.
    """
    waiting = database.read(judge_queue.first)
    if waiting is None:
        return False

    def save(conn: Connection, judged: Sequence[CaseSnapshot]) -> None:
        one_at_a_time(conn)
        if not judged:  # it was merged meanwhile
            judge_queue.remove(conn, waiting)
        elif versions(conn, [waiting.case_id]).get(waiting.case_id) == waiting.version:
            judge_queue.remove(conn, waiting)
            save_cases(conn, judged, now)
            after(conn, waiting.case_id)

    try:
        judged = database.read(lambda conn: snapshots(conn, [waiting.case_id], context, now))
        database.transact(partial(save, judged=judged))
    except Unavailable:
        raise
    except Exception:
        database.transact(lambda conn: judge_queue.remove(conn, waiting))
        raise
    return True


def rejudge(conn: Connection, case_ids: Sequence[int], context: AppContext, *, now: datetime) -> None:
    """Judge whole cases again from the stored readings of their mails, and save them."""
    save_cases(conn, snapshots(conn, case_ids, context, now), now)


def snapshots(conn: Connection, case_ids: Sequence[int], context: AppContext, now: datetime) -> list[CaseSnapshot]:
    """Judge cases from the stored readings of their mails. Cases without messages (merged ones) are left out."""
    known = case_settings(conn, case_ids)
    lines = messages_of_cases(conn, case_ids)
    known = with_quoted(conn, known, lines)
    return [case_snapshot(id, lines[id], context, known[id], now) for id in case_ids if id in lines]


def case_snapshot(
    case_id: int, lines: Sequence[CaseMessage], context: AppContext, known: CaseSettings, now: datetime
) -> CaseSnapshot:
    lines = with_replies(lines, known.asked, known.quoted)
    counting = counted(lines)
    judgement = context.rules.judge(tuple(line.turn for line in counting), [line.reading for line in counting])
    overrides = Overrides.from_document(known.by_hand)
    document = revise(lines, judgement, overrides, now, context.rules, known.asked, known.solved)
    merged, related = (list(map(context.key, cases)) for cases in (known.merged, known.related))
    return CaseSnapshot(case_id, {"key": context.key(case_id), **document, "merged": merged, "related": related})
