"""Extracts the messages of a mail: the mail itself and every earlier mail inside it, ready for placement and rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from mailrules.thread import File, RuleInput, Side
from service.cases.facts import tokens
from service.cases.facts.addressed import addresses_on, first_vendor, is_intake, names_on
from service.cases.facts.content_words import about, content_words, squashed
from service.cases.facts.dating import ZONES_DIFFER, in_zone, moment
from service.cases.facts.extracted import ExtractedMessage
from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.numbers import claims_in, matter_numbers_in, numbers_in, told_in
from service.cases.facts.roles import LearnedRoles, Roles, company_of
from service.cases.facts.sender import DEFECTS, Handover, Trust, Verdicts, trust_of
from service.cases.facts.subject import read_subject
from service.cases.facts.topic import begins_new_topic
from service.cases.facts.trust import OURS
from service.mail.message import Address, Attachment, Earlier, Mail

TOKYO = ZoneInfo("Asia/Tokyo")
_KANA = re.compile("[\u3040-\u30ff]")


@dataclass(frozen=True, slots=True)
class IngestConfig:
    """Settings for extraction: zone of quoted dates that state none, prefix of case keys, secret that signs tokens."""

    zone: tzinfo = TOKYO
    prefix: str = "SD"
    intake: tuple[str, ...] = ()
    """Addresses (or ``@domain``) of sodan itself; they are on no side."""
    organisation: tuple[str, ...] = ()
    secret: bytes = b""
    verdicts: Verdicts = field(default_factory=Verdicts)
    sends_as: str = ""
    """Sender address of the mail that sodan sends, in lower case."""


def extract_messages(
    mail: Mail,
    roles: Roles,
    ingest: IngestConfig = IngestConfig(),
    *,
    received_at: datetime,
    recipients: Sequence[str] = (),
    handed: Handover | None = None,
) -> tuple[ExtractedMessage, ...]:
    """Return the mail first, then the mails found inside: forwarded (outermost first), then quoted (newest first).

    ``handed``: how the mail reached us; None for a file that an operator names, whose author is trusted.
    """
    trust = trust_of(mail, roles.role_of(mail.from_) in OURS, ingest.verdicts, handed)
    if (defect := DEFECTS.get(trust)) is not None:
        mail = replace(mail, defects=(*mail.defects, defect))
        roles = replace(roles, distrusted=_doubted(mail, roles, trust))
    asked = _asked_companies(mail, roles, ingest)
    forwarder = _forwarder_of_a_vendor(mail, roles)
    roles = replace(roles, learned=roles.learned.with_more([LearnedRoles(forwarder, asked)]))
    # an unverified sender is a team member for this mail only
    learned = LearnedRoles(forwarder if trust == "verified" else frozenset(), asked)
    inner = [(f"f{i}", earlier) for i, earlier in enumerate(mail.forwarded)]
    inner += [(f"h{i}", earlier) for i, earlier in enumerate(mail.history)]
    outer_key = mail.from_.key if mail.from_ else None
    doubted = trust in ("forged", "unverified") or roles.role_of(mail.from_) == "unknown"
    stranger = (outer_key or "?") if doubted else ""
    earlier_ones = [
        _inner_message(position, part, earlier, mail, roles, ingest, received_at, outer_key)
        for position, (part, earlier) in enumerate(inner, start=1)
        if (earlier.from_ is not None or earlier.message_id or earlier.date is not None)
        and not _is_ours(earlier, ingest)
    ]
    earlier_ones = [
        replace(
            b,
            node=replace(b.node, forged=trust == "forged", trust=trust, shown_by=stranger),
            sides=_sides((*b.source.to, *b.source.cc), roles),
        )
        for b in earlier_ones
    ]
    itself = _outer_message(
        mail, roles, ingest, received_at, recipients, tuple(b.node.id for b in earlier_ones), learned
    )
    itself = replace(itself, node=replace(itself.node, forged=trust == "forged", trust=trust))
    return (replace(itself, sides=_sides((*mail.to, *mail.cc), roles)), *earlier_ones)


def _doubted(mail: Mail, roles: Roles, trust: Trust) -> frozenset[str]:
    """Return the addresses not to be trusted in this mail: its author and the authors of the mails inside it. If the
    sender is only unverified (not forged), inner authors are included only if they are our own people."""
    inside = [earlier.from_ for earlier in (*mail.forwarded, *mail.history) if earlier.from_]
    if trust != "forged":
        inside = [author for author in inside if roles.role_of(author) in OURS]
    return frozenset(author.key for author in (*((mail.from_,) if mail.from_ else ()), *inside))


def _ahead(at: datetime, received_at: datetime) -> int:
    return max(0, int((at - received_at).total_seconds()))


def _is_ours(earlier: Earlier, ingest: IngestConfig) -> bool:
    """Whether a quoted mail was sent by sodan: it is stored in the outbox, and its questions are not statements."""
    author = earlier.from_.key if earlier.from_ else ""
    if not author or not (author == ingest.sends_as or is_intake(author, ingest.intake)):
        return False
    return bool(claims_in(f"{earlier.subject or ''}\n{earlier.text[:2000]}", ingest.prefix))


def _sides(addresses: Sequence[Address], roles: Roles) -> tuple[tuple[str, Side], ...]:
    return tuple((a.key, roles.role_of(a)) for a in addresses[:100] if a.address)


def _others(addresses: Sequence[Address | None], roles: Roles, intake: Sequence[str]) -> tuple[str, ...]:
    """Return the author and recipients outside the team, at most six."""
    known = (a for a in addresses[:20] if a is not None and a.address and not is_intake(a.key, intake))
    return tuple(dict.fromkeys(a.key for a in known if roles.role_of(a) != "team"))[:6]


def _forwarder_of_a_vendor(mail: Mail, roles: Roles) -> frozenset[str]:
    """Return the author's address if they are one of our people and forward a vendor's mail; otherwise an empty set."""
    if mail.from_ is None or roles.role_of(mail.from_) not in ("requester", "team"):
        return frozenset()
    return frozenset({mail.from_.key}) if _hands_on(mail, roles) else frozenset()


def _asked_companies(mail: Mail, roles: Roles, ingest: IngestConfig) -> frozenset[str]:
    """Return the unknown companies that the team contacts first; who wrote to us first may be a user at a private
    address."""
    if roles.role_of(mail.from_) != "team" or mail.automatic or mail.in_reply_to or mail.references:
        return frozenset()
    to = [a for a in mail.to[:20] if a.address and not is_intake(a.key, ingest.intake)]
    if any(roles.role_of(a) == "requester" for a in to):
        return frozenset()
    found = {company_of(a.key) for a in to if roles.role_of(a) == "unknown" and "[" not in a.key}
    return frozenset(found - roles.learned.refused)


def _hands_on(mail: Mail, roles: Roles) -> bool:
    handed_on = [e for e in mail.forwarded if e.origin in ("forwarded", "attached")]
    return not mail.automatic and any(roles.knows_vendor(e.from_) for e in handed_on)


def _outer_message(
    mail: Mail,
    roles: Roles,
    ingest: IngestConfig,
    received_at: datetime,
    recipients: Sequence[str],
    holds: tuple[int, ...],
    learned: LearnedRoles,
) -> ExtractedMessage:
    text = mail.reply_text or mail.intro
    subject = read_subject(mail.subject)
    role = roles.role_of(mail.from_)
    at, dated = moment(mail.date, received_at)
    to, cc = addresses_on(mail.to, ingest.intake), addresses_on(mail.cc, ingest.intake)
    own = [
        case
        for case in (tokens.case_of_message_id(i, ingest.secret) for i in (*mail.in_reply_to, *mail.references))
        if case
    ]
    tags = [
        case
        for case in (
            tokens.case_of_address(a, ingest.secret) for a in (*recipients, *(x.address for x in (*mail.to, *mail.cc)))
        )
        if case
    ]
    vendor = first_vendor((mail.from_, *mail.to, *mail.cc), roles)
    without = names_on(mail.from_, (*mail.to, *mail.cc), ingest.organisation)
    parents = tuple(dict.fromkeys(mail.in_reply_to))
    node = MessageFacts(
        id=-1,
        at=at,
        dated=dated,
        ahead=_ahead(at, received_at),
        hosted=roles.is_hosted(mail.from_),
        author=mail.from_.key if mail.from_ else "",
        author_name=mail.from_.name if mail.from_ else "",
        side=role,
        to=to,
        cc=cc,
        message_id=mail.message_id,
        parents=parents,
        refs=tuple(r for r in dict.fromkeys(mail.references) if r not in parents),
        base=subject.base,
        reply_marked=subject.reply,
        automatic=mail.automatic,
        bounced=mail.bounce.message_id if mail.bounce else None,
        thread_index=mail.thread_index,
        vendor=vendor,
        to_vendor=first_vendor((*mail.to, *mail.cc), roles),
        partner=roles.partner(mail.from_),
        to_partner=_first_partner((*mail.to, *mail.cc), roles),
        numbers=numbers_in(mail.subject),
        told=told_in(mail.subject, text),
        matter_numbers=matter_numbers_in(mail.subject, text),
        claims=claims_in(mail.subject, ingest.prefix),
        token=next(iter((*own, *tags)), None),
        fresh=role != "vendor" and begins_new_topic(text),
        words=about(mail.subject, text, without),
        subject_words=content_words(subject.base, without=without)[:30],
        text=squashed(text)[:400],
        others=_others((mail.from_, *mail.to, *mail.cc), roles, ingest.intake),
        holds=holds,
        hands_on=role == "unknown" and "dmarc-failed" not in mail.defects and _hands_on(mail, roles),
    )
    turn = _turn(
        "0", node, roles, ingest, mail.from_, mail.to, text, mail.subject, mail.date, mail.language, mail.attachments
    )
    turn = replace(turn, headers=tuple(sorted(mail.headers.items())), begins=node.fresh)
    return ExtractedMessage(
        node, turn, mail, "", text, mail.quoted_text, mail.from_, role, None, mail.date, False, mail.language, learned
    )


def _inner_message(
    position: int,
    part: str,
    earlier: Earlier,
    mail: Mail,
    roles: Roles,
    ingest: IngestConfig,
    received_at: datetime,
    outer: str | None,
) -> ExtractedMessage:
    role = roles.role_of(earlier.from_)
    date = in_zone(earlier, mail, ingest.zone, role in ("team", "requester"))
    subject = read_subject(earlier.subject or "")
    at, dated = moment(date, min(mail.date or received_at, received_at), ZONES_DIFFER)
    vendor = first_vendor((earlier.from_, *earlier.to, *earlier.cc), roles)
    without = names_on(
        earlier.from_, (*earlier.to, *earlier.cc, *((mail.from_,) if mail.from_ else ())), ingest.organisation
    )
    parents = tuple(dict.fromkeys(earlier.in_reply_to))
    # a forwarded mail was addressed to the forwarder unless its header block names a recipient
    to = addresses_on(earlier.to, ingest.intake) or ((outer,) if earlier.origin != "quoted" and outer else ())
    node = MessageFacts(
        id=-1 - position,
        at=at,
        dated=dated and date is not None,
        ahead=_ahead(at, received_at),
        hosted=roles.is_hosted(earlier.from_),
        origin=earlier.origin,
        author=earlier.from_.key if earlier.from_ else "",
        author_name=earlier.from_.name if earlier.from_ else "",
        side=role,
        to=to,
        cc=addresses_on(earlier.cc, ingest.intake),
        message_id=earlier.message_id,
        parents=parents,
        refs=tuple(r for r in dict.fromkeys(earlier.references) if r not in parents),
        base=subject.base,
        has_subject=earlier.subject is not None,
        reply_marked=subject.reply,
        vendor=vendor,
        to_vendor=first_vendor((*earlier.to, *earlier.cc), roles),
        partner=roles.partner(earlier.from_),
        to_partner=_first_partner((*earlier.to, *earlier.cc), roles),
        numbers=numbers_in(earlier.subject or ""),
        told=told_in(earlier.subject or "", earlier.text),
        matter_numbers=matter_numbers_in(earlier.subject or "", earlier.text),
        claims=claims_in(earlier.subject or "", ingest.prefix),
        words=about(earlier.subject or "", earlier.text, without),
        subject_words=content_words(subject.base, without=without)[:30],
        text=squashed(earlier.text)[:400],
        others=_others((earlier.from_, *earlier.to, *earlier.cc), roles, ingest.intake),
    )
    language = language_of_earlier(earlier.text, mail.language)
    forwarded_by = outer if earlier.origin in ("forwarded", "attached") else None
    turn = _turn(
        str(position),
        node,
        roles,
        ingest,
        earlier.from_,
        earlier.to,
        earlier.text,
        earlier.subject or "",
        date,
        language,
        earlier.attachments,
    )
    turn = replace(turn, forwarded_by=forwarded_by)
    return ExtractedMessage(
        node,
        turn,
        earlier,
        part,
        earlier.text,
        "",
        earlier.from_,
        role,
        forwarded_by,
        date,
        earlier.zone_assumed,
        language,
    )


def _turn(
    id: str,
    node: MessageFacts,
    roles: Roles,
    ingest: IngestConfig,
    author: Address | None,
    to: Sequence[Address],
    text: str,
    subject: str,
    date: datetime | None,
    language: str,
    files: Sequence[Attachment],
) -> RuleInput:
    mark = read_subject(subject)
    towards: frozenset[Side] = frozenset(
        roles.role_of(a) for a in to if a.address and not is_intake(a.key, ingest.intake)
    )
    return RuleInput(
        id=id,
        side=node.side,
        author=author.key if author else "",
        text=text,
        subject=subject,
        subject_is_new=not (mark.reply or mark.forward or bool(node.parents)),
        date=date,
        language=language,
        automatic=node.automatic,
        towards=towards,
        files=tuple(File(f.filename, f.content_type, f.size, f.inline) for f in files),
        vendor=node.vendor,
        partner=node.counterpart,
    )


def _first_partner(addresses: Sequence[Address], roles: Roles) -> str | None:
    return next(filter(None, map(roles.partner, addresses[:20])), None)


def language_of_earlier(text: str, otherwise: str) -> str:
    letters = sum(map(str.isalpha, text))
    if not letters:
        return otherwise
    kana = len(_KANA.findall(text))
    return "ja" if kana >= max(2, letters * 0.05) else ("en" if otherwise in ("ja", "und") else otherwise)
