"""The brief of a case: what a vendor, a colleague or the requester needs to know, in the words of the mails.

Every entry quotes a mail and names the message; the date of the mail follows words such as "today". Unknown
items are left out and listed in `gaps`. `brief_text` renders the brief as plain text or Markdown.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, Literal

from mailrules.dates import has_moving_day
from mailrules.engine.problem import columns
from service.cases.facts.subject import shown_subject
from service.mail.word_lists import load

Lang = Literal["ja", "en"]
Document = Mapping[str, Any]
Dated = Callable[[str, Any], str]  # (text, id of its message) → the text, with the date of the mail if it needs it

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
TEXTS: Final = load("brief", "service.cases")  # titles and further texts by name and language
_VENDOR_NEVER = ("requester", "contact", "approval")  # for a vendor only if it asked, or the team gave them
_FOR_REQUESTER = ("symptom", "change_target", "question", "occurred_at", "impact_scope", "workaround", "deadline")
_TELLING = {"howto": ("question", "symptom"), "request": ("change_target", "question"), "billing": ("question",)}
"""Items that describe the problem, best first, for kinds other than incidents."""
_LABEL = 40  # maximum length of the label of a form line
_LABEL_COLUMNS = 3  # minimum width of this label in columns: "PC" and "of" may begin any sentence
_AFTER_NUMBER = ".．)）"
_MARKS = " ■□●○◆◇▼▽▶・*-–#>【】[]()（）<>「」.．"
_MARKER = re.compile(r"^(?:(?:\(?[0-9]{1,2}[.)．）]|[-*])[ \t　]+|([・•●■□○◆◇▪▼▽▶])(?!\1)[ \t　]*)(?=\S)")
_SAYS = 32  # minimum width in columns of a question that is meaningful by itself ("Which is it?" is not)


def brief(
    case: Document,
    messages: Sequence[Document],
    *,
    for_: str = "vendor",
    lang: str = "en",
    labels: Mapping[str, Mapping[str, str]] | None = None,
    zone: tzinfo = UTC,
) -> dict[str, Any]:
    """Return the brief as JSON values.

    `case` and `messages` are documents of the API; `labels`: item → language → label; `zone`: time zone of dates.

    A brief for a vendor contains no internal remarks, tone hints or priority. It contains no items with a tone hint;
    `reword` lists them. It contains parked topics only if the problem is solved. A brief for the requester contains
    the known facts and the next steps.
    """
    language: Lang = "ja" if lang == "ja" else "en"
    names = {item: name[language] for item, name in (labels or {}).items() if name.get(language)}
    every_name = [name.casefold() for label in (labels or {}).values() for name in label.values()]
    every_name += [line["label"].casefold() for line in case["checklist"]]
    known = {
        line["item"]: {
            **line,
            "label": names.get(line["item"], line["label"]),
            "value": _without_label(_words(line), every_name),
        }
        for line in case["checklist"]
    }
    unkind = {item: hint for item, line in known.items() if (hint := _hint(line, case)) and for_ == "vendor"}
    lines = {i: line for i, line in known.items() if i not in unkind and _meant(line, case, messages, for_)}
    people = {p["address"]: p["name"] or p["address"] for p in case.get("participants", [])}
    dated = _dating(messages, language, zone)
    # once the problem is solved, nobody has to state more facts
    over = case.get("recovered") or case.get("status") in ("resolved", "closed")
    made: dict[str, Any] = {
        "for": for_,
        "lang": language,
        "case": case.get("key"),
        "title": shown_subject(case.get("title") or ""),
        "problem": _problem(case, lines, every_name, dated),
        "vendor": case.get("vendor"),
        "references": _references(case),
        "sections": _sections(lines, case, people, language, for_, dated),
        "gaps": [
            {"item": item, "label": known[item]["label"] if item in known else names.get(item, item)}
            for item in (() if over else case.get("missing", []))
        ],
        "reword": [
            {"item": item, "label": known[item]["label"], "tone": hint["id"], "advice": hint["advice"]}
            for item, hint in unkind.items()
        ],
        "attached": _attached(messages),
        "titles": {name: title[language] for name, title in TEXTS["titles"].items()},
        **{name: case.get(name) for name in ("status", "waiting_on", "waiting_since")},
        "promised": _promised(case),
    }
    if for_ == "team":
        made |= _for_team(case, dated)
    return made


def _sections(
    lines: Mapping[str, Document], case: Document, people: Mapping[str, str], lang: Lang, for_: str, dated: Dated
) -> list[dict[str, Any]]:
    placed = {item for _, items in SECTIONS for item in items}
    made = []
    for name, items in SECTIONS:
        wanted = items or tuple(item for item in lines if item not in placed)
        entries = [_entry(lines[item], people, lang, dated) for item in wanted if item in lines]
        if name == "question":
            entries += _later(case, lang, for_, dated)
        if entries or name != "other":
            made.append({"id": name, "title": TEXTS["titles"][name][lang], "entries": entries})
    return made


def _later(case: Document, lang: Lang, for_: str, dated: Dated) -> list[dict[str, Any]]:
    """Return the parked topics (cause, compensation) as entries for the vendor, once the problem is solved."""
    if for_ != "vendor" or not case.get("recovered"):
        return []
    label = TEXTS["titles"]["parked"][lang]
    return [
        {"item": f"parked:{one['topic']}", "label": label, "text": dated(one_line(one["quote"]), one["message"]),
         "state": "present", "message": one["message"], "partial": False}
        for one in case.get("parked", [])
        if one["topic"] in ("rca", "compensation")
    ]  # fmt: skip


def _for_team(case: Document, dated: Dated) -> dict[str, Any]:
    detail = case.get("priority_detail") or {}

    def said(one: Document) -> dict[str, Any]:
        return {**one, "quote": dated(one_line(one["quote"]), one["message"])}

    return {
        "priority": {"level": case.get("priority"), "evidence": [e["quote"] for e in detail.get("evidence", [])]},
        "needs_triage": bool(case.get("needs_triage")),
        "open_asks": [said(ask) for ask in case.get("asks", []) if ask["state"] == "open"],
        "parked": [said(topic) for topic in case.get("parked", [])],
        "tone": case.get("tone", []),
    }


def _promised(case: Document) -> str | None:
    """Return when the next update is expected: the earliest due date of a promise that is neither kept nor overdue."""
    due = [one["due"] for one in case.get("promises") or [] if not one["kept"] and not one["overdue"]]
    return min(due, default=None)


def _problem(case: Document, lines: Mapping[str, Document], names: Sequence[str], dated: Dated) -> dict[str, Any]:
    """Return the problem in one sentence. If the problem statement is only the subject, return symptom or question."""
    stated = case.get("problem") or {}
    statement = one_line(stated.get("statement"))
    title = shown_subject(case.get("title") or "")
    unkind = _hint({"quote": statement}, case) is not None
    if statement and not unkind and shown_subject(statement) != title:
        statement = dated(_without_label(statement, names), stated.get("message"))
        return {"statement": statement, "message": stated.get("message"), "item": None}
    for item in _TELLING.get(str(case.get("kind")), ("symptom", "question")):
        line = lines.get(item)
        words = _words(line) if line is not None else ""
        if line is not None and (columns(words) >= _SAYS or (words and item != "question")):
            return {"statement": dated(words, line.get("message")), "message": line.get("message"), "item": item}
    return {"statement": "" if unkind else title, "message": stated.get("message"), "item": None}


def _hint(line: Document, case: Document) -> Document | None:
    """Return the tone hint for the sentence quoted in a checklist line, if any."""
    said = [text for text in (one_line(line.get("quote")), one_line(line.get("value"))) if text]
    hints = [(hint, one_line(hint["quote"])) for hint in case.get("tone", [])]
    return next((hint for hint, quote in hints if quote and any(quote in text for text in said)), None)


def _meant(line: Document, case: Document, messages: Sequence[Document], for_: str) -> bool:
    """Whether the brief for this reader contains a checklist line: it has a value, or is stated to be unknown."""
    item = line["item"]
    told = line["state"] in ("present", "unknown") or (line["state"] == "missing" and bool(line.get("partial")))
    if not told or not (_words(line) or line.get("none") or line["state"] == "unknown"):
        return False
    if for_ == "team":
        return True
    if for_ == "requester":
        return item in _FOR_REQUESTER
    if item == "related_case":
        return not any(ref["ref"] in _words(line) for ref in case.get("vendor_refs", []) if ref.get("ref"))
    if item not in _VENDOR_NEVER or (item == "requester" and case.get("kind") == "request"):
        return True
    if any(ask["what"] == f"info:{item}" for ask in case.get("asks", [])):
        return True
    roles = {str(message["id"]): message["author"]["role"] for message in messages}
    return item == "contact" and roles.get(str(line.get("message"))) == "team"


def _entry(line: Document, people: Mapping[str, str], lang: Lang, dated: Dated) -> dict[str, Any]:
    """Return one checklist line as an entry. Values of other people follow, with the names of these people."""
    text = dated(_words(line), line.get("message"))
    if line["state"] == "unknown":
        text = TEXTS["values"]["unknown"][lang]
    elif line.get("none") and not text:
        text = TEXTS["values"]["none"][lang]
    elif line.get("partial"):
        text = f"{text}{TEXTS['values']['about'][lang]}"
    beside = line.get("others") or []
    others = [
        f"{people.get(one['author'], one['author'])}: {dated(one_line(one['value']), one.get('message'))}"
        for one in beside
    ]
    return {
        "item": line["item"],
        "label": line["label"],
        "text": " / ".join([text, *others]),
        "state": line["state"],
        "message": line.get("message"),
        "partial": bool(line.get("partial")),
    }


def _words(line: Document) -> str:
    return one_line(line.get("value")) or one_line(line.get("quote"))


def _without_label(text: str, names: Sequence[str]) -> str:
    """Return a form line (``■Version: 4.2``) without its label, if the label occurs in one of ``names``."""
    colon = next((at for at, char in enumerate(text[:_LABEL]) if char in ":："), 0)
    label, value = text[:colon].strip(_MARKS).casefold(), text[colon + 1 :].strip()
    unnumbered = label.lstrip("0123456789")
    if unnumbered[:1] in _AFTER_NUMBER:
        label = unnumbered.strip(_MARKS)
    if not value or columns(label) < _LABEL_COLUMNS or any(map(str.isdigit, label)):
        return unmarked(text)  # a label with a digit is a time or an amount: "9時：停止"
    words = set(label.split())
    named = any(words <= set(name.replace("/", " ").split()) if label.isascii() else label in name for name in names)
    return value if named else unmarked(text)


def unmarked(text: str) -> str:
    """Return the text of a list line without its marker: ``2. It is dead.``, ``・動きません``."""
    return _MARKER.sub("", text)


def _dating(messages: Sequence[Document], lang: Lang, zone: tzinfo) -> Dated:
    """Return a function that adds the date of the mail if a text names a day only by words such as "today"."""
    written = {str(m["id"]): datetime.fromisoformat(m["date"]).astimezone(zone) for m in messages if m.get("date")}

    def dated(text: str, message: Any) -> str:
        at = written.get(str(message))
        if at is None or not has_moving_day(text):
            return text
        return text + str(TEXTS["values"]["written"][lang]).format(month=at.month, day=at.day, name=f"{at:%B}")

    return dated


def one_line(text: Any) -> str:
    return " ".join(str(text or "").split())


def _references(case: Document) -> list[str]:
    """Return the case numbers of the vendor of the case; of all vendors if the case has none."""
    vendor = case.get("vendor")
    return [ref["ref"] for ref in case.get("vendor_refs", []) if not vendor or ref.get("vendor") in (vendor, None)]


def _attached(messages: Sequence[Document]) -> list[dict[str, Any]]:
    """Return the files that our side sent, without duplicates, inline images and attached mails."""
    seen: dict[str, dict[str, Any]] = {}
    for message in messages:
        if message["author"]["role"] == "vendor":
            continue
        for file in message.get("attachments", []):
            if not file.get("inline") and file.get("content_type") != "message/rfc822":
                one = {"filename": file["filename"], "size": file["size"], "message": message["id"]}
                seen.setdefault(file.get("sha256") or file["filename"], one)
    return list(seen.values())
