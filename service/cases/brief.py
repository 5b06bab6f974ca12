"""The brief of a case: what a vendor, a colleague or the requester needs to know, in the words of the mails.

Every entry quotes a mail and names the message; the date of the mail follows words such as "today". Unknown
items are left out and listed in `gaps`. `brief_text` renders the brief as plain text or Markdown.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from mailrules.engine.problem import without_opening
from service.cases.brief_problem import problem_of
from service.cases.brief_standing import is_foreign, is_over, language_of, standing, to_vendor, withdrawn
from service.cases.brief_words import (
    TEXTS,
    Dated,
    Document,
    Lang,
    dating,
    hint_of,
    one_line,
    unmarked,
    without_label,
    words_of,
)
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
    """Return the brief as JSON values.

    `case` and `messages` are documents of the API; `labels`: item → language → label; `zone`: time zone of dates.
    Promises due before `now` are left out.

    A brief for a vendor contains no internal remarks, tone hints or priority. It contains no items with a tone hint;
    `reword` lists them. It contains parked topics only if the problem is solved. A brief for the requester contains
    the known facts and the next steps, without what the team wrote to a vendor about the problem.
    """
    language: Lang = "ja" if lang == "ja" else "en"
    names = {item: name[language] for item, name in (labels or {}).items() if name.get(language)}
    every_name = [name.casefold() for label in (labels or {}).values() for name in label.values()]
    every_name += [line["label"].casefold() for line in case["checklist"]]
    known = {
        line["item"]: line
        | {"label": names.get(line["item"], line["label"]), "value": without_label(words_of(line), every_name)}
        for line in case["checklist"]
    }
    unkind = {item: hint for item, line in known.items() if (hint := hint_of(line, case)) and for_ == "vendor"}
    meant = {line["item"] for line in _meant(known.values(), case, messages, for_)}
    lines = {item: line for item, line in known.items() if item in meant and item not in unkind}
    people = {p["address"]: p["name"] or p["address"] for p in case.get("participants", [])}
    dated = dating(messages, language, zone)
    made: dict[str, Any] = {
        "for": for_,
        "lang": language,
        "case": case.get("key"),
        "title": shown_subject(case.get("title") or ""),
        "problem": problem_of(case, messages, lines, every_name, for_, dated),
        "vendor": case.get("vendor"),
        "references": _references(case),
        "sections": [
            *_standing(case, messages, for_, language, dating(messages, language, zone, every=True)),
            *_sections(lines, case, people, language, for_, dated),
        ],
        "gaps": [{"item": i, "label": known[i]["label"] if i in known else names.get(i, i)} for i in _gaps(case, for_)],
        "reword": [
            {"item": item, "label": known[item]["label"], "tone": hint["id"], "advice": hint["advice"]}
            for item, hint in unkind.items()
        ],
        "attached": _attached(messages),
        "titles": {name: title[language] for name, title in TEXTS["titles"].items()},
        **{name: case.get(name) for name in ("status", "waiting_on", "waiting_since")},
        "promised": _promised(case, now),
    }
    if for_ == "team":
        made |= _for_team(case, dated)
    return made


def _standing(
    case: Document, messages: Sequence[Document], for_: str, lang: Lang, dated: Dated
) -> list[dict[str, Any]]:
    """Return the section that tells where the case stands, with the dates of the mails; no section if none tells it."""
    entries = []
    for one in standing(case, messages, for_):
        text = without_opening(unmarked(one_line(one.text)))
        if for_ != "vendor" or not hint_of({"quote": text}, case):
            label = TEXTS["standing"][one.name][lang]
            entries.append(_plain_entry(one.meaning, label, dated(text, one.message), one.message))
    return [{"id": "standing", "title": TEXTS["titles"]["standing"][lang], "entries": entries}] if entries else []


def _gaps(case: Document, for_: str) -> list[str]:
    """Return the items that must still be asked for: none once the problem is solved.

    If a vendor is involved, some of them are facts that only the team can give, so a requester does not see these.
    """
    if is_over(case):
        return []
    with_vendor = any(one["role"] == "vendor" for one in case.get("participants", []))
    return [i for i in case.get("missing", []) if for_ != "requester" or not with_vendor or i in _BY_REQUESTER]


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
        _plain_entry(f"parked:{one['topic']}", label, dated(one_line(one["quote"]), one["message"]), one["message"])
        for one in case.get("parked", [])
        if one["topic"] in ("rca", "compensation")
    ]


def _plain_entry(item: str, label: str, text: str, message: str) -> dict[str, Any]:
    return {"item": item, "label": label, "text": text, "state": "present", "message": message, "partial": False}


def _for_team(case: Document, dated: Dated) -> dict[str, Any]:
    detail = case.get("priority_detail") or {}

    def said(one: Document) -> dict[str, Any]:
        return {**one, "quote": dated(without_opening(one_line(one["quote"])), one["message"])}

    return {
        "priority": {"level": case.get("priority"), "evidence": [e["quote"] for e in detail.get("evidence", [])]},
        "needs_triage": bool(case.get("needs_triage")),
        "open_asks": [said(ask) for ask in case.get("asks", []) if ask["state"] == "open"],
        "parked": [said(topic) for topic in case.get("parked", [])],
        "tone": case.get("tone", []),
    }


def _promised(case: Document, now: datetime | None) -> str | None:
    """Return when the next update is expected: the earliest due date of a promise that can still be kept."""
    if case.get("status") in ("resolved", "closed"):
        return None
    due = [one["due"] for one in case.get("promises") or [] if not one["kept"] and not one["overdue"]]
    return min((one for one in due if now is None or datetime.fromisoformat(one) >= now), default=None)


def _meant(lines: Iterable[Document], case: Document, messages: Sequence[Document], for_: str) -> Iterator[Document]:
    """Yield the checklist lines for this reader: they have a value, or are stated to be unknown.

    A line is left out if it says that the problem was solved, and a later mail denies that.
    """
    mails, language = {mail["id"]: mail for mail in messages}, language_of(case, messages, for_)
    stale = [(message, one_line(quote)) for message, quote in withdrawn(case, messages)]
    for line in lines:
        told = line["state"] in ("present", "unknown") or (line["state"] == "missing" and bool(line.get("partial")))
        if not told or not (words_of(line) or line.get("none") or line["state"] == "unknown"):
            continue
        said = one_line(line.get("quote"))
        denied = said and any(line.get("message") == message and said in quote for message, quote in stale)
        if not denied and _is_for(line, mails.get(line.get("message")), case, for_, language):
            yield line


def _is_for(line: Document, mail: Document | None, case: Document, for_: str, language: str) -> bool:
    """Whether this reader needs a checklist line. ``mail``: the mail that the line quotes."""
    item = line["item"]
    if for_ == "team":
        return True
    if for_ == "requester":
        to_others = mail is not None and (
            is_foreign(language, mail) or (item in _THE_PROBLEM and to_vendor(case, mail))
        )
        return item in _FOR_REQUESTER and not to_others
    if item == "related_case":
        return not any(ref["ref"] in words_of(line) for ref in case.get("vendor_refs", []) if ref.get("ref"))
    if item not in _VENDOR_NEVER or (item == "requester" and case.get("kind") == "request"):
        return True
    if any(ask["what"] == f"info:{item}" for ask in case.get("asks", [])):
        return True
    return item == "contact" and mail is not None and mail["author"]["role"] == "team"


def _entry(line: Document, people: Mapping[str, str], lang: Lang, dated: Dated) -> dict[str, Any]:
    """Return one checklist line as an entry. Values of other people follow, with the names of these people."""
    text = dated(words_of(line), line.get("message"))
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
