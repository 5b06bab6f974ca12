"""The brief of a case: what its reader needs to know, in the words of the mails.

Every entry quotes a mail and names the message. Unknown items are left out and listed in `gaps`. `brief_text` renders
the brief as plain text or Markdown.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mailrules.engine.problem import columns, without_opening
from service.cases.brief_input import TEXTS, BriefInput, Document, one_line, unmarked, words_of
from service.cases.brief_standing import standing, withdrawn
from service.cases.facts.subject import shown_subject

SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("problem", ("symptom", "error_message", "change_target")),
    ("expected", ("expected",)),
    ("impact", ("impact_scope", "business_impact", "workaround", "deadline")),
    ("since_when", ("occurred_at", "timezone", "ongoing_state", "frequency", "last_known_good", "recent_changes")),
    ("environment", ("product", "version", "environment", "location", "resource_id", "device_id", "contract_id")),
    ("tried", ("repro_steps", "tried", "refs_checked")),
    ("question", ("question", "background")),
    ("other", ()),
)
_VENDOR_NEVER = ("requester", "contact", "approval")  # for a vendor only if it asked, or the team gave them
_FOR_REQUESTER = ("symptom", "change_target", "question", "occurred_at", "impact_scope", "workaround", "deadline")
_BY_REQUESTER = (*_FOR_REQUESTER, "product", "device_id", "requester", "approval", "billing_period")
_THE_PROBLEM = ("symptom", "change_target", "question")
_DESCRIBES = {"howto": ("question", "symptom"), "request": ("change_target", "question"), "billing": ("question",)}
"""Kind → items that describe the problem, best first; for other kinds, symptom and question."""
_LONG_QUESTION = 32  # minimum width in columns of a question that is meaningful by itself ("Which is it?" is not)


def brief(source: BriefInput, now: datetime | None = None) -> dict[str, Any]:
    """Return the brief as JSON values. Promises due before `now` are left out.

    A brief for a vendor contains no internal remarks, tone hints or priority. It contains no items with a tone hint;
    `reword` lists them. It contains parked topics only if the problem is solved. A brief for the requester contains
    the known facts and the next steps, without what the team wrote to a vendor about the problem.
    """
    case, for_ = source.case, source.reader
    known = {
        line["item"]: {**line, "label": source.label(line["item"]), "value": source.without_label(words_of(line))}
        for line in case["checklist"]
    }
    hints = {item: source.tone_hint(line.get("quote"), line["value"]) for item, line in known.items()}
    reword = {item: hint for item, hint in hints.items() if hint and for_ == "vendor"}
    denied = [(message, one_line(quote)) for message, quote in withdrawn(source)]
    lines = {
        item: line
        for item, line in known.items()
        if item not in reword and _is_stated(line, denied) and _is_needed(source, line)
    }
    made: dict[str, Any] = {
        "for": for_,
        "lang": source.lang,
        "case": case.get("key"),
        "title": shown_subject(case.get("title") or ""),
        "problem": _problem_of(source, lines),
        "vendor": case.get("vendor"),
        "references": _references(case),
        "sections": [*_standing(source), *_sections(source, lines)],
        "gaps": [{"item": item, "label": source.label(item)} for item in _gaps(source)],
        "reword": [
            {"item": item, "label": known[item]["label"], "tone": hint["id"], "advice": hint["advice"]}
            for item, hint in reword.items()
        ],
        "attached": _attached(source.messages),
        "titles": {name: source.title(name) for name in TEXTS["titles"]},
        **{name: case.get(name) for name in ("status", "waiting_on", "waiting_since")},
        "promised": _promised(case, now),
    }
    return made | _for_team(source) if for_ == "team" else made


def _is_stated(line: Document, denied: Sequence[tuple[str, str]]) -> bool:
    """Whether an item has a value, or is stated to be unknown.

    ``denied``: (message, quote) of statements that the problem was solved, which a later mail denies.
    """
    if line["state"] not in ("present", "unknown") and not (line["state"] == "missing" and line.get("partial")):
        return False
    if line["item"] == "workaround" and line.get("partial"):  # people only do other work meanwhile
        return False
    said, message = one_line(line.get("quote")), line.get("message")
    if said and any(message == other and said in quote for other, quote in denied):
        return False
    return bool(words_of(line) or line.get("none") or line["state"] == "unknown")


def _is_needed(source: BriefInput, line: Document) -> bool:
    """Whether the reader needs a checklist line."""
    item, case, mail = line["item"], source.case, source.mails.get(str(line.get("message")))
    if source.reader == "team":
        return True
    if source.reader == "requester":
        internal = mail is not None and (
            source.is_foreign(mail) or (item in _THE_PROBLEM and source.is_to_vendor(mail))
        )
        return item in _FOR_REQUESTER and not internal
    if item == "related_case":
        return not any(ref["ref"] in words_of(line) for ref in case.get("vendor_refs", []) if ref.get("ref"))
    if item not in _VENDOR_NEVER or (item == "requester" and case.get("kind") == "request"):
        return True
    if any(ask["what"] == f"info:{item}" for ask in case.get("asks", [])):
        return True
    return item == "contact" and mail is not None and mail["author"]["role"] == "team"


def _problem_of(source: BriefInput, lines: Mapping[str, Document]) -> dict[str, Any]:
    """Return the problem in one sentence: a problem statement, else a symptom or question.

    A sentence that is not meant for the reader, only repeats the subject or has a tone hint is not used.
    """
    case, title, impolite = source.case, shown_subject(source.case.get("title") or ""), False
    for words, message in _problem_sentences(source):
        statement = one_line(words)
        has_hint = source.tone_hint(statement) is not None
        impolite = impolite or has_hint
        clear = statement and (columns(statement) >= _LONG_QUESTION or statement[-1] not in "?？")
        if clear and not has_hint and shown_subject(statement) != title:
            statement = source.dated(source.without_label(statement), message)
            return {"statement": statement, "message": message, "item": None}
    for item in _DESCRIBES.get(str(case.get("kind")), ("symptom", "question")):
        line = lines.get(item, {})
        words, message = words_of(line), line.get("message")
        if columns(words) >= _LONG_QUESTION or (words and item != "question"):
            return {"statement": source.dated(words, message), "message": message, "item": item}
    message = (case.get("problem") or {}).get("message")
    return {"statement": "" if impolite else title, "message": message, "item": None}


def _problem_sentences(source: BriefInput) -> Iterator[tuple[Any, Any]]:
    """Yield sentences that may state the problem, best first, with the ids of their messages."""
    stated, excerpt = source.case.get("problem") or {}, source.case.get("excerpt") or ""
    if _is_meant(source, source.mails.get(str(stated.get("message")))):
        yield stated.get("statement"), stated.get("message")
    if source.reader != "vendor":
        quoted = (mail["id"] for mail in source.messages if excerpt and excerpt in mail.get("text", ""))
        yield excerpt, next(quoted, None)


def _is_meant(source: BriefInput, mail: Document | None) -> bool:
    """Whether the problem statement, which quotes this mail, is meant for the reader.

    The requester and the team do not need the team's words to a vendor in another language. The requester needs none
    of its words to a vendor. The vendor's words state the problem only if it asked whether they are right.
    """
    if mail is None:
        return True
    if mail["author"]["role"] == "vendor":
        asked = (ask["message"] for ask in source.case.get("asks", []) if ask["what"] == "confirm_scope")
        return source.reader != "requester" and mail["id"] in asked
    internal = source.reader == "requester" and source.is_to_vendor(mail)
    return source.reader == "vendor" or not (source.is_foreign(mail) or internal)


def _standing(source: BriefInput) -> list[dict[str, Any]]:
    """Return the section about where the case stands, with the dates of the mails.

    Without news, there is no section.
    """
    entries = []
    for one in standing(source):
        text = without_opening(unmarked(one_line(one.text)))
        if source.reader != "vendor" or not source.tone_hint(text):
            label = TEXTS["standing"][one.name][source.lang]
            entries.append(_plain_entry(one.meaning, label, source.dated(text, one.message, always=True), one.message))
    return [{"id": "standing", "title": source.title("standing"), "entries": entries}] if entries else []


def _sections(source: BriefInput, lines: Mapping[str, Document]) -> list[dict[str, Any]]:
    placed = {item for _, items in SECTIONS for item in items}
    made = []
    for name, items in SECTIONS:
        wanted = items or tuple(item for item in lines if item not in placed)
        entries = [_entry(source, lines[item]) for item in wanted if item in lines]
        if name == "question":
            entries += _later(source)
        if entries or name != "other":
            made.append({"id": name, "title": source.title(name), "entries": entries})
    return made


def _later(source: BriefInput) -> list[dict[str, Any]]:
    """Return the parked topics (cause, compensation) for the vendor, once the problem is solved."""
    if source.reader != "vendor" or not source.case.get("recovered"):
        return []
    return [
        _plain_entry(f"parked:{one['topic']}", source.title("parked"), _quoted(source, one), one["message"])
        for one in source.case.get("parked", [])
        if one["topic"] in ("rca", "compensation")
    ]


def _plain_entry(item: str, label: str, text: str, message: str) -> dict[str, Any]:
    return {"item": item, "label": label, "text": text, "state": "present", "message": message, "partial": False}


def _quoted(source: BriefInput, one: Document) -> str:
    return source.dated(without_opening(one_line(one["quote"])), one["message"])


def _entry(source: BriefInput, line: Document) -> dict[str, Any]:
    """Return one checklist line as an entry. Values of other people follow, with the names of these people."""
    values = TEXTS["values"]
    text = source.dated(words_of(line), line.get("message"))
    if line["state"] == "unknown":
        text = values["unknown"][source.lang]
    elif line.get("none") and not text:
        text = values["none"][source.lang]
    elif line.get("partial"):
        text += values["about"][source.lang]
    names = {person["address"]: person["name"] for person in source.case.get("participants", [])}
    others = [
        f"{names.get(one['author']) or one['author']}: {source.dated(one_line(one['value']), one.get('message'))}"
        for one in line.get("others") or []
    ]
    return {
        **{name: line.get(name) for name in ("item", "label", "state", "message")},
        "text": " / ".join([text, *others]),
        "partial": bool(line.get("partial")),
    }


def _gaps(source: BriefInput) -> list[str]:
    """Return the items that must still be asked for.

    If a vendor is involved, some of them are facts that only the team can give, so a requester does not see these.
    """
    with_vendor = any(one["role"] == "vendor" for one in source.case.get("participants", []))
    hidden = source.reader == "requester" and with_vendor
    return [item for item in source.case.get("missing", []) if not hidden or item in _BY_REQUESTER]


def _references(case: Document) -> list[str]:
    """Return the case numbers of the vendor of the case; of all vendors if the case has none."""
    vendor = case.get("vendor")
    return [ref["ref"] for ref in case.get("vendor_refs", []) if not vendor or ref.get("vendor") in (vendor, None)]


def _attached(messages: Sequence[Document]) -> list[dict[str, Any]]:
    """Return the files that our side sent, without duplicates, inline images and attached mails."""
    seen: dict[str, dict[str, Any]] = {}
    for message in messages:
        for file in message.get("attachments", []) if message["author"]["role"] != "vendor" else ():
            if not file.get("inline") and file.get("content_type") != "message/rfc822":
                one = {"filename": file["filename"], "size": file["size"], "message": message["id"]}
                seen.setdefault(file.get("sha256") or file["filename"], one)
    return list(seen.values())


def _promised(case: Document, now: datetime | None) -> str | None:
    """Return when the next update is expected: the earliest due date of a promise that is not kept or overdue."""
    if case.get("status") in ("resolved", "closed"):
        return None
    due = [one["due"] for one in case.get("promises") or [] if not one["kept"] and not one["overdue"]]
    return min((one for one in due if now is None or datetime.fromisoformat(one) >= now), default=None)


def _for_team(source: BriefInput) -> dict[str, Any]:
    case, detail = source.case, source.case.get("priority_detail") or {}
    asks = (ask for ask in case.get("asks", []) if ask["state"] == "open")
    return {
        "priority": {"level": case.get("priority"), "evidence": [one["quote"] for one in detail.get("evidence", [])]},
        "needs_triage": bool(case.get("needs_triage")),
        "open_asks": [{**ask, "quote": _quoted(source, ask)} for ask in asks],
        "parked": [{**topic, "quote": _quoted(source, topic)} for topic in case.get("parked", [])],
        "tone": case.get("tone", []),
    }
