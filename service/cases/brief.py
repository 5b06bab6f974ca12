"""The brief of a case: what its reader needs to know, in the words of the mails.

Every entry quotes a mail and names the message. Unknown items are left out and listed in `gaps`. `brief_text` renders
the brief as plain text or Markdown.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from mailrules.engine.problem import without_opening
from service.cases.brief_input import TEXTS, BriefInput, Document, one_line, unmarked, words_of
from service.cases.brief_problem import problem_of
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


def brief(
    case: Document,
    messages: Sequence[Document],
    *,
    for_: str = "vendor",
    lang: str = "en",
    labels: Mapping[str, Mapping[str, str]] | None = None,
    zone: tzinfo = UTC,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Return the brief as JSON values. The arguments are those of `BriefInput`.

    Promises due before `now` are left out.

    A brief for a vendor contains no internal remarks, tone hints or priority. It contains no items with a tone hint;
    `reword` lists them. It contains parked topics only if the problem is solved. A brief for the requester contains
    the known facts and the next steps, without what the team wrote to a vendor about the problem.
    """
    source = BriefInput(case, messages, for_, "ja" if lang == "ja" else "en", labels or {}, zone)
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
        "problem": problem_of(source, lines),
        "vendor": case.get("vendor"),
        "references": _references(case),
        "sections": [*_standing(source), *_sections(source, lines)],
        "gaps": [{"item": item, "label": source.label(item)} for item in _gaps(source)],
        "reword": [
            {"item": item, "label": known[item]["label"], "tone": hint["id"], "advice": hint["advice"]}
            for item, hint in reword.items()
        ],
        "attached": _attached(messages),
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
