"""Acknowledgements: the automatic replies to mails that opened a case."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from service.cases.facts import tokens
from service.mail.hops import hops
from service.outbound import policy
from service.outbound.texts import MAX_QUESTIONS, Templates, mail_language
from service.settings import Settings
from service.store import outbox
from service.store.database import Connection
from service.store.message_rows import ReadMail
from service.store.opening_mails import OpeningMail, opening_mails
from service.store.outbox import Draft

IMPACT_ITEMS = ("impact_scope", "business_impact")


@dataclass(frozen=True)
class OutboundConfig:
    """Settings for mail that sodan writes in a case."""

    settings: Settings
    sender: str  # SODAN_FROM
    reply_to: str  # the intake address that receives replies; ``reply_address`` adds a token to it
    own: policy.OwnAddresses
    templates: Templates
    secret: bytes  # key that signs the tokens in reply addresses and Message-IDs
    can_send: bool  # whether SODAN_SMARTHOST and SODAN_FROM are set

    def reply_address(self, case: int) -> str:
        """Return ``intake+<token>@…``, an address whose signed token assigns replies to this case."""
        local, _, domain = self.reply_to.rpartition("@")
        return f"{local}+{tokens.token(case, self.secret)}@{domain}"

    def message_id(self, case: int) -> str:
        """Return a new Message-ID that contains the case and a signature."""
        return tokens.own_message_id(case, secrets.token_hex(6), self.reply_to.rpartition("@")[2], self.secret)

    def key(self, case: int) -> str:
        return f"{self.settings.case_prefix}-{case}"

    def text(
        self, template: str, language: str, case: int, document: Mapping[str, Any], first: OpeningMail | None,
        items: Sequence[str], labels: Mapping[str, str] | None = None, **values: str,
    ) -> str:  # fmt: skip
        """Return the text of a mail in a case. ``items``: those that the mail asks for; ``labels``: item → label."""
        if labels is None:
            labels = {row["item"]: row["label"] for row in document.get("checklist") or []}
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

    def reply(
        self, kind: str, first: OpeningMail, text: str, language: str, items: Sequence[str], **more: Any
    ) -> Draft:
        """Return a reply to the first mail of a case (RFC 5322 §3.6.4). ``more``: further fields of the draft."""
        case = first.case_id
        headers = {"Reply-To": self.reply_address(case)}
        if first.message_id:
            earlier = [id for id in first.references if id != first.message_id][-20:]
            headers |= {"In-Reply-To": first.message_id, "References": " ".join([*earlier, first.message_id])}
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
    conn: Connection, read_mails: Sequence[ReadMail], case_ids: Sequence[int], outbound: OutboundConfig, now: datetime
) -> None:
    """Write acknowledgements for the cases that these mails opened, if policy.py allows it."""
    if outbound.settings.acknowledge == "off":
        return
    contents = {mail.claimed.id: mail.claimed.content for mail in read_mails}
    for opening in opening_mails(conn, case_ids, contents):
        if policy.refusal(opening, outbound.own, hops(contents[opening.spool_id])) is None:
            hold_reason = _hold_reason(conn, opening.author, outbound.settings, now)
            send = outbound.settings.acknowledge == "on" and hold_reason is None
            draft = acknowledgement(opening, outbound)
            outbox.write(conn, draft, state="waiting" if send else "draft", now=now, reason=hold_reason)


def acknowledgement(first: OpeningMail, outbound: OutboundConfig) -> Draft:
    """Return a mail that confirms receipt, with the case key, the problem and the missing facts."""
    document: Mapping[str, Any] = first.document
    language = mail_language(document.get("language") or first.language)
    items = items_to_ask(document)
    excerpt = document.get("excerpt") or ""
    text = outbound.text("acknowledgement", language, first.case_id, document, first, items, excerpt=excerpt)
    return outbound.reply("acknowledgement", first, text, language, items, once=f"ack:{first.case_id}")


def items_to_ask(document: Mapping[str, Any]) -> list[str]:
    """Return at most five missing checklist items to ask for. In a case that needs triage, the impact comes first."""
    known = {row["item"] for row in document.get("checklist") or [] if row["state"] in ("present", "unknown", "waived")}
    impact = [item for item in IMPACT_ITEMS if item not in known] if document.get("needs_triage") else []
    return list(dict.fromkeys([*impact, *(document.get("questions") or document.get("missing") or ())]))[:MAX_QUESTIONS]


def reply_subject(subject: str, key: str) -> str:
    """Return ``Re: SUBJECT [KEY]``. Prefix and key are not added again if the subject contains them."""
    bare = subject.strip() or key
    reply = bare if bare[:3].casefold() == "re:" else f"Re: {bare}"
    return reply if f"[{key}]" in reply else f"{reply} [{key}]"


def _hold_reason(conn: Connection, address: str, settings: Settings, now: datetime) -> str | None:
    """Return which limit of automatic mails is reached, or None. If one is, a person must release the mail."""
    if outbox.written_since(conn, now - timedelta(days=1), address) >= settings.acknowledge_per_address:
        return outbox.held_reason(settings.acknowledge_per_address, to_address=True)
    if outbox.written_since(conn, now - timedelta(hours=1)) >= settings.acknowledge_per_hour:
        return outbox.held_reason(settings.acknowledge_per_hour, to_address=False)
    return None
