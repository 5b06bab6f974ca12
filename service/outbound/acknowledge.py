"""Writes an acknowledgement in the transaction that saves a mail, if its author may be answered."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from service.cases.facts import tokens
from service.intake import ReadMail
from service.mail.hops import hops
from service.outbound import policy
from service.outbound.texts import MAX_QUESTIONS, Templates, spoken
from service.store import outbox
from service.store.database import Connection
from service.store.opening_mails import Opening, openings
from service.store.outbox import Draft

Mode = Literal["off", "draft", "on"]
IMPACT = ("impact_scope", "business_impact")
"""Items that describe the impact."""


@dataclass(frozen=True)
class Outbound:
    """Configuration for writing mail in cases."""

    mode: Mode
    sender: str
    """SODAN_FROM."""
    reply_to: str
    """The intake address for replies, without a tag."""
    own: policy.OwnAddresses
    templates: Templates
    secret: bytes
    """Key for signing the token that links a reply to its case."""
    prefix: str
    hostname: str
    per_address: int
    """Maximum number of automatic mails to one address within 24 hours; more are held as drafts."""
    per_hour: int
    """Maximum number of automatic mails of the whole installation within an hour; more are held as drafts."""
    can_send: bool = False
    """Whether SODAN_SMARTHOST and SODAN_FROM are set."""

    def reply_address(self, case: int) -> str:
        """Return ``intake+<token>@…``, the address that links replies from any mail client to this case."""
        local, _, domain = self.reply_to.rpartition("@")
        return f"{local}+{tokens.token(case, self.secret)}@{domain}"

    def message_id(self, case: int) -> str:
        """Return a new Message-ID that contains the case and a signature."""
        return tokens.own_message_id(case, secrets.token_hex(6), self.reply_to.rpartition("@")[2], self.secret)

    def key(self, case: int) -> str:
        return f"{self.prefix}-{case}"

    def text(
        self, template: str, language: str, case: int, document: Mapping[str, Any], first: Opening | None,
        items: Sequence[str], labels: Mapping[str, str] | None = None, **values: str,
    ) -> str:  # fmt: skip
        """Render a template about a case. ``labels`` of the items; None: those of its checklist."""
        if labels is None:
            labels = {line["item"]: line["label"] for line in document.get("checklist") or []}
        return self.templates.text(
            template,
            language,
            name=first.name if first else "",
            key=self.key(case),
            title=document.get("title") or (first.subject if first else ""),
            questions=self.templates.questions(items, language, labels),
            signature=self.sender,
            **values,
        )

    def reply(self, kind: str, first: Opening, text: str, language: str, items: Sequence[str], **more: Any) -> Draft:
        """Return a mail to the author of the first mail of a case, as a reply to it (RFC 5322 §3.6.4)."""
        case = first.case_id
        headers = {"Reply-To": self.reply_address(case)}
        if first.message_id:
            kept = [one for one in first.references if one != first.message_id][-20:]
            headers |= {"In-Reply-To": first.message_id, "References": " ".join([*kept, first.message_id])}
        return Draft(
            kind=kind,
            case_id=case,
            recipient=first.author,
            language=language,
            subject=reply_subject(first.subject, self.key(case)),
            text=text,
            html=self.templates.html(text, language),
            headers=headers,
            items=items,
            message_id=self.message_id(case),
            answers=first.message,
            **more,
        )


def acknowledge(
    conn: Connection, read_mails: Sequence[ReadMail], case_ids: Sequence[int], outbound: Outbound, now: datetime
) -> None:
    """Write an acknowledgement for each case that one of these mails opened, if its author may be answered."""
    if outbound.mode == "off":
        return
    claimed = {one.claimed.id: one for one in read_mails}
    for opening in openings(conn, case_ids, claimed):
        mail = claimed[opening.spool_id].claimed
        if policy.refusal(opening, mail.envelope, hops(mail.content), outbound.own) is None:
            held = _held(conn, opening.author, outbound, now)
            waiting = outbound.mode == "on" and held is None
            draft = acknowledgement(opening, outbound)
            outbox.write(conn, draft, state="waiting" if waiting else "draft", now=now, reason=held)


def acknowledgement(first: Opening, outbound: Outbound) -> Draft:
    """Return a mail that confirms receipt and gives the case key, the understood problem and the missing facts."""
    document: Mapping[str, Any] = first.document
    language = spoken(document.get("language") or first.language)
    items = items_to_ask(document)
    excerpt = document.get("excerpt") or ""
    text = outbound.text("acknowledgement", language, first.case_id, document, first, items, excerpt=excerpt)
    return outbound.reply("acknowledgement", first, text, language, items, once=f"ack:{first.case_id}")


def items_to_ask(document: Mapping[str, Any]) -> list[str]:
    """Return at most five items to ask a requester for, most important first.

    If the case needs triage, impact items that nobody has given are first, then the missing items.
    """
    known = {
        line["item"] for line in document.get("checklist") or [] if line["state"] in ("present", "unknown", "waived")
    }
    impact = [item for item in IMPACT if item not in known] if document.get("needs_triage") else []
    return list(dict.fromkeys([*impact, *(document.get("questions") or document.get("missing") or ())]))[:MAX_QUESTIONS]


def reply_subject(subject: str, key: str) -> str:
    """Return ``Re: … [SD-12]``, without repeating a key that is already in the subject."""
    bare = subject.strip() or key
    reply = bare if bare[:3].casefold() == "re:" else f"Re: {bare}"
    return reply if f"[{key}]" in reply else f"{reply} [{key}]"


def _held(conn: Connection, address: str, outbound: Outbound, now: datetime) -> str | None:
    """Return why the mail is held for a person: too many to this address, or from the whole installation."""
    if outbox.written_since(conn, now - timedelta(days=1), address) >= outbound.per_address:
        return outbox.held_reason(outbound.per_address, to_address=True)
    if outbox.written_since(conn, now - timedelta(hours=1)) >= outbound.per_hour:
        return outbox.held_reason(outbound.per_hour, to_address=False)
    return None
