"""Extracts the messages of a mail: the mail itself and every earlier mail inside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from mailrules.thread import File, RuleInput, Side
from mailrules.vendors.case_numbers import find_matter_numbers, find_tokens
from service.cases.facts import header_facts as header
from service.cases.facts import tokens
from service.cases.facts.content_words import content_words, squashed
from service.cases.facts.extracted import ExtractedMessage
from service.cases.facts.learning import hands_on, learn_roles
from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.roles import Roles, company_of, is_freemail, registered_domain
from service.cases.facts.sender import DEFECTS, Handover, Trust, Verdicts, trust_of
from service.cases.facts.subject import read_subject
from service.cases.facts.trust import OURS
from service.mail.language import language_of
from service.mail.message import Address, Earlier, Mail

TOKYO = ZoneInfo("Asia/Tokyo")
_MOST_NUMBERS = 12
_NOT_ADDRESSED: dict[Side, frozenset[Side]] = {
    "requester": frozenset(("team", "requester")),
    "unknown": frozenset(("team", "requester")),
}
"""By writer, sides that are not addressed: what reaches sodan is for the team, also if sent to ``help@`` or a user.
A vendor writes to a user only if it does not write to the team."""


@dataclass(frozen=True, slots=True)
class IngestConfig:
    """Settings for extraction. ``zone``: for quoted dates that state no zone. ``secret``: the key that signs tokens."""

    zone: tzinfo = TOKYO
    prefix: str = "SD"
    intake: tuple[str, ...] = ()  # addresses (or ``@domain``) of sodan itself, which belong to no side
    secret: bytes = b""
    verdicts: Verdicts = field(default_factory=Verdicts)
    sends_as: str = ""  # sender address of the mail that sodan sends, in lower case


@dataclass(frozen=True, slots=True)
class _Given:
    """Values that all messages of one mail have in common."""

    mail: Mail
    roles: Roles
    ingest: IngestConfig
    received_at: datetime
    trust: Trust

    @property
    def sender(self) -> str | None:
        return self.mail.from_.key if self.mail.from_ else None

    @property
    def shown_by(self) -> str:
        """The sender, if only this sender says that the mails inside the mail exist; "" if the sender is trusted.

        A forged, unverified or unknown sender is not trusted. "?": the mail has no sender.
        """
        doubted = self.trust in ("forged", "unverified") or self.roles.role_of(self.mail.from_) == "unknown"
        return (self.sender or "?") if doubted else ""


def extract_messages(
    mail: Mail,
    roles: Roles,
    ingest: IngestConfig = IngestConfig(),
    *,
    received_at: datetime,
    recipients: Sequence[str] = (),
    handed: Handover | None = None,
) -> tuple[ExtractedMessage, ...]:
    """Return the mail, then forwarded mails (outermost first), then quoted mails (newest first).

    ``handed``: how the mail reached us. None for a file from an operator; the author of such a mail is trusted.
    """
    trust = trust_of(mail, roles.role_of(mail.from_) in OURS, ingest.verdicts, handed)
    if (defect := DEFECTS.get(trust)) is not None:
        mail = replace(mail, defects=(*mail.defects, defect))
        roles = replace(roles, distrusted=_doubted(mail, roles, trust))
    learned = learn_roles(mail, roles, ingest.intake)
    roles = replace(roles, learned=roles.learned.with_more([learned]))
    if trust != "verified":
        learned = replace(learned, team=frozenset())  # an unverified sender is a team member for this mail only
    given = _Given(mail, roles, ingest, received_at, trust)
    inner = [(f"f{i}", earlier) for i, earlier in enumerate(mail.forwarded)]
    inner += [(f"h{i}", earlier) for i, earlier in enumerate(mail.history)]
    earlier_ones = [
        _inner_message(position, part, earlier, given)
        for position, (part, earlier) in enumerate(inner, start=1)
        if (earlier.from_ is not None or earlier.message_id or earlier.date is not None)
        and not _is_ours(earlier, ingest)
    ]
    itself = _outer_message(given, recipients, tuple(one.node.id for one in earlier_ones))
    return (replace(itself, learned=learned), *earlier_ones)


def _doubted(mail: Mail, roles: Roles, trust: Trust) -> frozenset[str]:
    """Return the addresses not to trust in a mail whose author is not trusted.

    These are the author, and those authors of inner mails who are our own people. In a forged mail, all are included.
    """
    inside = [earlier.from_ for earlier in (*mail.forwarded, *mail.history) if earlier.from_]
    if trust != "forged":
        inside = [author for author in inside if roles.role_of(author) in OURS]
    return frozenset(author.key for author in (*((mail.from_,) if mail.from_ else ()), *inside))


def _is_ours(earlier: Earlier, ingest: IngestConfig) -> bool:
    """Whether sodan sent the quoted mail. It is in the outbox already, and its questions are not statements."""
    author = earlier.from_.key if earlier.from_ else ""
    if not author or not (author == ingest.sends_as or header.is_intake(author, ingest.intake)):
        return False
    return bool(header.case_keys_in(f"{earlier.subject or ''}\n{earlier.text[:2000]}", ingest.prefix))


def _sides(source: Mail | Earlier, roles: Roles) -> tuple[tuple[str, Side], ...]:
    return tuple((a.key, roles.role_of(a)) for a in (*source.to, *source.cc)[:100] if a.address)


def _others(addresses: Sequence[Address | None], roles: Roles, intake: Sequence[str]) -> tuple[str, ...]:
    """Return the author and recipients outside the team, at most six."""
    known = (a for a in addresses[:20] if a is not None and a.address and not header.is_intake(a.key, intake))
    return tuple(dict.fromkeys(a.key for a in known if roles.role_of(a) != "team"))[:6]


def _outer_message(given: _Given, recipients: Sequence[str], holds: tuple[int, ...]) -> ExtractedMessage:
    mail, roles = given.mail, given.roles
    text = mail.reply_text or mail.intro
    at, dated = header.written_at(mail.date, given.received_at)
    facts = _facts(-1, mail, text, at, given)
    node = facts.evolve(
        dated=dated,
        automatic=mail.automatic,
        bounced=mail.bounce.message_id if mail.bounce else None,
        thread_index=mail.thread_index,
        token=_token(mail, recipients, given.ingest.secret),
        holds=holds,
        hands_on=facts.side == "unknown" and "dmarc-failed" not in mail.defects and hands_on(mail, roles),
    )
    turn = _turn("0", node, mail, text, mail.date, mail.language, given)
    as_vendor = None
    if _may_be_vendor(node, given):  # never for a user, because an unknown author must not give a user something to do
        as_vendor = replace(turn, side="vendor", towards=frozenset(("team",)), partner=company_of(node.author))
    return ExtractedMessage(node, turn, mail, "", _sides(mail, roles), as_vendor=as_vendor)


def _may_be_vendor(node: MessageFacts, given: _Given) -> bool:
    """Whether an unknown author may be a vendor: a company that writes to our people, and names no mail or case."""
    roles, domain = given.roles, node.author.rpartition("@")[2]
    names_case = bool(node.claims) or node.token is not None
    first = node.side == "unknown" and not (node.doubted or node.is_reply or names_case or given.mail.forwarded)
    if not first or not registered_domain(domain) or is_freemail(domain):
        return False
    to_ours = any(roles.role_of(one) in OURS for one in (*node.to, *node.cc)[:40])
    return to_ours and company_of(node.author) not in roles.learned.refused


def _inner_message(position: int, part: str, earlier: Earlier, given: _Given) -> ExtractedMessage:
    mail, roles, ingest = given.mail, given.roles, given.ingest
    date = header.date_in_zone(earlier, mail, ingest.zone, roles.role_of(earlier.from_) in ("team", "requester"))
    at, dated = header.written_at(date, min(mail.date or given.received_at, given.received_at), header.ZONES_DIFFER)
    facts = _facts(-1 - position, earlier, earlier.text, at, given)
    # if the header block names no recipient, the forwarder received the forwarded mail
    to = facts.to or ((given.sender,) if earlier.origin != "quoted" and given.sender else ())
    node = facts.evolve(
        dated=dated,
        origin=earlier.origin,
        to=to,
        has_subject=earlier.subject is not None,
        shown_by=given.shown_by,
    )
    language = language_of(earlier.text)
    turn = _turn(
        str(position), node, earlier, earlier.text, date, mail.language if language == "und" else language, given
    )
    forwarded_by = given.sender if earlier.origin != "quoted" else None
    return ExtractedMessage(node, turn, earlier, part, _sides(earlier, roles), forwarded_by)


def _facts(id: int, source: Mail | Earlier, text: str, at: datetime, given: _Given) -> MessageFacts:
    """Return the facts that are found in the same way for a mail and for the mails inside it."""
    roles, ingest = given.roles, given.ingest
    author, others, written = source.from_, (*source.to, *source.cc), source.subject or ""
    subject = read_subject(written)
    without = header.names_on(author, (*others, given.mail.from_), roles.organisation)
    parents = tuple(dict.fromkeys(source.in_reply_to))
    return MessageFacts(
        id=id,
        at=at,
        ahead=max(0, int((at - given.received_at).total_seconds())),
        hosted=roles.is_hosted(author),
        author=author.key if author else "",
        author_name=author.name if author else "",
        side=roles.role_of(author),
        forged=given.trust == "forged",
        trust=given.trust,
        to=header.addresses_on(source.to, ingest.intake),
        cc=header.addresses_on(source.cc, ingest.intake),
        message_id=source.message_id,
        parents=parents,
        refs=tuple(r for r in dict.fromkeys(source.references) if r not in parents),
        base=subject.base,
        reply_marked=subject.reply,
        vendor=header.first_vendor((author, *others), roles),
        to_vendor=header.first_vendor(others, roles),
        partner=roles.partner(author),
        to_partner=next(filter(None, map(roles.partner, others[:20])), None),
        told=find_tokens(f"{written}\n{text[:4000]}", _MOST_NUMBERS),
        matter_numbers=find_matter_numbers(written, text[:4000], _MOST_NUMBERS),
        claims=header.case_keys_in(written, ingest.prefix),
        words=content_words(written, text, without=without)[:60],
        subject_words=content_words(subject.base, without=without)[:30],
        text=squashed(text)[:400],
        others=_others((author, *others), roles, ingest.intake),
    )


def _token(mail: Mail, recipients: Sequence[str], secret: bytes) -> int | None:
    """Return the case of a reply's signed token, from In-Reply-To, References or a recipient."""
    own = (tokens.case_of_message_id(one, secret) for one in (*mail.in_reply_to, *mail.references))
    addresses = (*recipients, *(one.address for one in (*mail.to, *mail.cc)))
    tags = (tokens.case_of_address(one, secret) for one in addresses)
    return next(filter(None, (*own, *tags)), None)


def _turn(
    id: str, node: MessageFacts, source: Mail | Earlier, text: str, date: datetime | None, language: str, given: _Given
) -> RuleInput:
    mark, intake = read_subject(source.subject or ""), given.ingest.intake
    addressed = (one for one in source.to if one.address and not header.is_intake(one.key, intake))
    towards = frozenset(map(given.roles.role_of, addressed)) - _NOT_ADDRESSED.get(node.side, frozenset())
    return RuleInput(
        id=id,
        side=node.side,
        author=node.author,
        text=text,
        subject=source.subject or "",
        subject_is_new=not (mark.reply or mark.forward or bool(node.parents)),
        is_reply=node.is_reply,
        wrapper=isinstance(source, Mail) and bool(source.forwarded),
        date=date,
        language=language,
        automatic=node.automatic,
        towards=towards - {"requester"} if node.side == "vendor" and "team" in towards else towards,
        files=tuple(File(f.filename, f.content_type, f.size, f.inline) for f in source.attachments),
        vendor=node.vendor,
        partner=node.counterpart,
    )
