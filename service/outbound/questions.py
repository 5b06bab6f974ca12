"""Questions to a requester that a person of the team sends by mail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.errors import Conflict, NotFound, Refused
from service.outbound import policy
from service.outbound.acknowledge import Outbound, items_to_ask, reply_subject
from service.outbound.texts import MAX_QUESTIONS, spoken
from service.store import asked, cases, outbox
from service.store.database import Connection
from service.store.opening_mails import Opening, opening
from service.store.outbox import Draft

ASKED_AT_MOST = 2
"""How often one fact is asked for by mail: by the acknowledgement, and once by a person."""
MAX_TEXT = 20_000
_NUMBERED = re.compile(r"^[ \t]*[0-9]{1,2}\. ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Questions:
    """A mail with questions before it is sent. ``refused`` is the reason if it may not be sent."""

    draft: Draft | None
    name: str
    address: str
    subject: str
    text: str
    language: str
    items: tuple[str, ...]
    refused: str | None


def prepare(
    conn: Connection,
    case_id: int,
    items: Sequence[str],
    text: str,
    outbound: Outbound,
    *,
    known: Mapping[str, Mapping[str, str]],
    language: str | None = None,
    who: str = "",
) -> Questions:
    """Prepare the mail that asks for ``items``; if that is empty, ``items_to_ask`` chooses them.

    ``known``: item → language → label. ``text`` is placed above the questions. If it has at least as many numbered
    lines as there are items, it is the whole body.
    Raises NotFound for an unknown case or item, and Refused for more than five items or a text that is too long.
    """
    document = cases.find(conn, case_id).document
    chosen = tuple(dict.fromkeys(items or items_to_ask(document)))
    for item in chosen:
        if item not in known:
            raise NotFound(f"items: {item[:40]!r} is not a checklist item; docs/meanings.md lists them as item.…")
    if len(chosen) > MAX_QUESTIONS:
        raise Refused(f"items: at most {MAX_QUESTIONS} items can be asked for at once")
    if len(text) > MAX_TEXT:
        raise Refused(f"text: at most {MAX_TEXT} characters")
    first = opening(conn, case_id, ("delivered", "forwarded", "attached"))
    spoken_in = spoken(language or document.get("language") or (first.language if first else "en"))
    labels = {item: known[item].get(spoken_in, item) for item in chosen}
    whole = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n")).strip()
    if chosen and len(_NUMBERED.findall(whole)) >= len(chosen):
        whole += "\n"
    else:
        whole = outbound.text("questions", spoken_in, case_id, document, first, chosen, labels, text=whole)
    subject = reply_subject(first.subject if first else document.get("title") or "", outbound.key(case_id))
    refused = _refusal(conn, case_id, chosen, text, first, outbound)
    draft = None
    if first is not None and refused is None:
        draft = outbound.reply("questions", first, whole, spoken_in, chosen, made_by=who)
    name, address = (first.name, first.author) if first else ("", "")
    return Questions(draft, name, address, subject, whole, spoken_in, chosen, refused)


def ask(conn: Connection, questions: Questions, outbound: Outbound, now: datetime) -> int:
    """Write the mail to the outbox and return its number.

    Raises Conflict with the reason if it may not be sent.
    """
    if questions.draft is None:
        raise Conflict(questions.refused or "there is nobody to ask")
    state: outbox.State = "draft" if outbound.mode == "draft" else "waiting"
    reason = "held: SODAN_ACKNOWLEDGE is draft" if state == "draft" else None
    number = outbox.write(conn, questions.draft, state=state, now=now, reason=reason)
    assert number is not None  # None is returned only for entries with ``once``
    return number


def _refusal(
    conn: Connection, case_id: int, items: Sequence[str], text: str, first: Opening | None, outbound: Outbound
) -> str | None:
    if first is None:
        return "this case has no mail from a requester, so there is nobody to ask"
    if reason := policy.refused_author(first.author, first.role, outbound.own, verified=first.verified):
        return reason
    if not outbound.can_send:
        return "SODAN_SMARTHOST and SODAN_FROM are not set, so sodan cannot send mail; copy the text instead"
    if not items and not text.strip():
        return "there is nothing to ask; choose items or write a text"
    often = asked.times_asked(conn, case_id)
    if twice := [item for item in items if often[item] >= ASKED_AT_MOST]:
        return f"asked {ASKED_AT_MOST} times already: {', '.join(twice)}; a phone call may help more than another mail"
    return None
