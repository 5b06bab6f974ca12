"""The mail with which a person of the team asks a requester for missing facts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailrules.fields import Bilingual
from service.errors import Conflict, NotFound, Refused
from service.outbound import policy
from service.outbound.acknowledge import OutboundConfig, items_to_ask, reply_subject
from service.outbound.texts import MAX_QUESTIONS, mail_language
from service.store import cases, outbox, sent_questions
from service.store.database import Connection
from service.store.opening_mails import OpeningMail, first_of_requester
from service.store.outbox import Draft

MAX_TIMES_ASKED = 2  # maximum number of mails that ask for the same fact: the acknowledgement, and one mail of a person
MAX_TEXT = 20_000  # maximum length of the text that a person adds, in characters
NOTHING_TO_ASK = "there is nothing to ask; choose items or write a text"
_NUMBERED = re.compile(r"^[ \t]*[0-9]{1,2}\. ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Questions:
    """A mail with questions that is not written to the outbox yet."""

    draft: Draft | None  # entry for the outbox; None if the mail must not be sent
    name: str  # name of the recipient
    address: str
    subject: str
    text: str
    language: str
    items: tuple[str, ...]
    refused: str | None  # why the mail must not be sent


def prepare(
    conn: Connection, case_id: int, items: Sequence[str], text: str, outbound: OutboundConfig, *,
    known: Mapping[str, Bilingual], language: str | None = None, who: str = "",
) -> Questions:  # fmt: skip
    """Return the mail that asks for ``items``. By default, these are the ``items_to_ask`` of the case.

    ``text`` is placed above the questions. If it has at least as many numbered lines as there are items, a person has
    edited the questions, and ``text`` is the whole body. ``known``: item → label.
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
    first = first_of_requester(conn, case_id, ("delivered", "forwarded", "attached"))
    language = mail_language(language or document.get("language") or (first.language if first else "en"))
    labels = {item: known[item].in_language(language) for item in chosen}
    body = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n")).strip()
    if chosen and len(_NUMBERED.findall(body)) >= len(chosen):
        body += "\n"
    else:
        body = outbound.text("questions", language, case_id, document, first, chosen, labels, text=body)
    subject = reply_subject(first.subject if first else document.get("title") or "", outbound.key(case_id))
    refused = _refusal(conn, case_id, chosen, text, first, outbound)
    draft = None
    if first is not None and refused is None:
        draft = outbound.reply("questions", first, body, language, chosen, made_by=who)
    name, address = (first.name, first.author) if first else ("", "")
    return Questions(draft, name, address, subject, body, language, chosen, refused)


def ask(conn: Connection, questions: Questions, outbound: OutboundConfig, now: datetime) -> int:
    """Write the mail to the outbox and return the entry's id. Raises Conflict with the reason if it may not be sent."""
    if questions.draft is None:
        raise Conflict(questions.refused or "there is nobody to ask")
    state: outbox.State = "draft" if outbound.settings.acknowledge == "draft" else "waiting"
    reason = "held: SODAN_ACKNOWLEDGE is draft" if state == "draft" else None
    number = outbox.write(conn, questions.draft, state=state, now=now, reason=reason)
    assert number is not None  # ``write`` returns None only for entries with ``once``
    return number


def _refusal(
    conn: Connection, case_id: int, items: Sequence[str], text: str, first: OpeningMail | None, outbound: OutboundConfig
) -> str | None:
    if first is None:
        return "this case has no mail from a requester, so there is nobody to ask"
    if not items and not text.strip():
        return NOTHING_TO_ASK
    if reason := policy.author_refusal(first.author, first.role, outbound.own, verified=first.verified):
        return reason
    if not outbound.can_send:
        return "SODAN_SMARTHOST and SODAN_FROM are not set, so sodan cannot send mail; copy the text instead"
    most, times = MAX_TIMES_ASKED, sent_questions.times_asked(conn, case_id)
    if often := [item for item in items if times[item] >= most]:
        return f"asked {most} times already: {', '.join(often)}; a phone call may help more than another mail"
    return None
