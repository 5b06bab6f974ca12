"""The organised inquiry: what a vendor (or a colleague) needs, in order, from what people really wrote.

Nothing is invented: every line is somebody's words with the mail they stand in, or a gap that is marked as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from service.case.subject import shown_subject

Lang = Literal["ja", "en"]
For = Literal["vendor", "team"]

_SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("problem", ("symptom", "error_message")),
    ("expected", ("expected",)),
    ("impact", ("impact_scope", "business_impact", "workaround", "deadline")),
    ("since_when", ("occurred_at", "timezone", "ongoing_state", "frequency", "last_known_good", "recent_changes")),
    ("environment", ("product", "version", "environment", "location", "resource_id", "device_id", "contract_id")),
    ("tried", ("repro_steps", "tried", "refs_checked")),
    ("question", ("question", "background")),
)
_REST = "other"
_TITLES: dict[str, dict[str, str]] = {
    "problem": {"ja": "事象", "en": "Problem"},
    "expected": {"ja": "期待する動作", "en": "Expected"},
    "impact": {"ja": "影響", "en": "Impact"},
    "since_when": {"ja": "発生状況", "en": "Since when"},
    "environment": {"ja": "環境・対象", "en": "Environment and identifiers"},
    "tried": {"ja": "実施済みの確認", "en": "What was tried"},
    "question": {"ja": "ご質問・ご依頼", "en": "What we ask"},
    "other": {"ja": "その他", "en": "Other"},
    "attached": {"ja": "添付資料", "en": "Attached"},
    "gaps": {"ja": "未確認の項目", "en": "Not known yet"},
    "references": {"ja": "お問い合わせ番号", "en": "Your reference"},
    "open_asks": {"ja": "ベンダーからの依頼(未回答)", "en": "Asked by the vendor, not answered yet"},
    "turn": {"ja": "次に対応する人", "en": "Who acts next"},
    "parked": {"ja": "復旧後に扱う件", "en": "Parked until service is back"},
    "tone": {"ja": "書き方のヒント", "en": "A kinder wording"},
    "priority": {"ja": "優先度", "en": "Priority"},
}
_GAP = {"ja": "〈未記入〉", "en": "⟨not stated⟩"}
_UNKNOWN = {"ja": "不明(確認済み)", "en": "unknown (checked)"}
_REWORD = {"ja": "〈言い換えてから記入〉", "en": "⟨to be reworded⟩"}
"""For a sentence that the tone check would not send."""
_SAME = {"ja": "(「{}」と同じ文)", "en": "(the same sentence as “{}”)"}
_JOINED = {"ja": "・", "en": " / "}
_TELLING = ("question", "background", "request_detail", "symptom")
"""What tells a wish, best first."""
_WISHES = ("howto", "request", "billing")
_SAYS = 32
"""Columns under which a question ("Which is it?") says nothing by itself: a wide character takes two."""
_NOT_YET = {"ja": "(おおよそ)", "en": "(not exact)"}
_ABOVE = {"ja": "(上の文のとおり)", "en": "(the sentence above)"}
_OUR_OWN = ("requester", "contact")
"""Who of us is concerned: nothing a vendor needs, unless that is asked for or the team itself says it."""
_WHOLE = ("occurred_at",)
"""Items of which the sentence says more than the value read from it: "15:40" is on some day."""
_SENTENCE = 160
"""Characters of a sentence that is shown in place of its value."""
_SIDES = {
    "team": {"ja": "情シス", "en": "the team"},
    "vendor": {"ja": "ベンダー", "en": "the vendor"},
    "requester": {"ja": "利用者", "en": "the requester"},
    None: {"ja": "なし", "en": "nobody"},
}


def brief(
    case: Mapping[str, Any],
    messages: Sequence[Mapping[str, Any]],
    *,
    for_: str = "vendor",
    lang: str = "en",
    labels: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """The inquiry as values. ``case`` and ``messages`` are the documents of INTERFACE ("Case", "Message"), ``labels``
    the names of the items by language (those of the document are in the language of the case).

    For the vendor: no internal remark, no tone hint, no parked topic, no open ask of ours, and no sentence that the
    tone check hints at (``reword`` names the items that wait for kinder words). ``for`` team: all of it.
    """
    language: Lang = "ja" if lang == "ja" else "en"
    names = {item: name[language] for item, name in (labels or {}).items() if name.get(language)}
    known = {
        line["item"]: {**line, "label": names.get(line["item"], line["label"])} for line in case.get("checklist", [])
    }
    unkind = {item: hint for item, line in known.items() if for_ == "vendor" and (hint := _hint(line, case))}
    lines = {item: line for item, line in known.items() if item not in unkind}
    if for_ == "vendor":
        lines = {item: line for item, line in lines.items() if _for_vendor(line, case, messages)}
    shown: set[str] = set()
    sections: list[dict[str, Any]] = []
    for name, items in _SECTIONS:
        entries = [_entry(lines[item], language) for item in items if item in lines and _tells(lines[item])]
        shown.update(item for item in items if item in lines)
        sections.append({"id": name, "title": _TITLES[name][language], "entries": entries})
    rest = [_entry(line, language) for item, line in lines.items() if item not in shown and _tells(line)]
    if rest:
        sections.append({"id": _REST, "title": _TITLES[_REST][language], "entries": rest})
    made: dict[str, Any] = {
        "for": for_,
        "lang": language,
        "case": case.get("key"),
        "title": shown_subject(case.get("title") or ""),
        "problem": _problem(case, lines, for_),
        "vendor": case.get("vendor"),
        "references": [ref["ref"] for ref in case.get("vendor_refs", []) if _ours(ref, case)],
        "sections": sections,
        "gaps": [_gap(known.get(item), item, names, language) for item in case.get("missing", [])],
        "reword": [
            {"item": item, "label": known[item]["label"], "tone": hint["id"], "advice": hint["advice"]}
            for item, hint in unkind.items()
        ],
        "attached": _attached(messages),
        "titles": {name: title[language] for name, title in _TITLES.items()},
    }
    if for_ == "team":
        made |= {
            "priority": {
                "level": case.get("priority"),
                "evidence": [e["quote"] for e in (case.get("priority_detail") or {}).get("evidence", [])],
            },
            "waiting_on": case.get("waiting_on"),
            "waiting_since": case.get("waiting_since"),
            "open_asks": [
                {"what": ask["what"], "quote": ask["quote"], "message": ask["message"], "asked_at": ask["asked_at"]}
                for ask in case.get("asks", [])
                if ask["state"] == "open"
            ],
            "parked": [{"topic": p["topic"], "quote": p["quote"]} for p in case.get("parked", [])],
            "tone": [{"id": t["id"], "quote": t["quote"], "advice": t["advice"]} for t in case.get("tone", [])],
        }
    return made


def markdown(made: Mapping[str, Any]) -> str:
    """The same, ready to paste."""
    lang: Lang = made["lang"]
    titles: Mapping[str, str] = made["titles"]
    out = [f"# {_plain(made['title']) or _GAP[lang]}", ""]
    if made["references"]:
        out += [f"{titles['references']}: {', '.join(_plain(ref) for ref in made['references'])}", ""]
    if made["for"] == "team":
        side = _SIDES.get(made.get("waiting_on"), _SIDES[None])[lang]
        out += [f"{titles['priority']}: {made['priority']['level']}", f"{titles['turn']}: {side}", ""]
    lead = made["problem"]
    told: dict[str, str] = {}
    if lead["statement"]:
        out += [f"> {_plain(lead['statement'])}", ""]
    entries = [entry for section in made["sections"] for entry in section["entries"]]
    wanted = {entry["text"]: entry["label"] for entry in entries if entry["item"] == "question"}
    partly = {entry["item"] for entry in entries if entry["partial"]}
    open_ends = [(gap, _GAP[lang]) for gap in made["gaps"] if gap["item"] not in partly]
    open_ends += [(one, _REWORD[lang]) for one in made["reword"]]
    for section in made["sections"]:
        ends = [(one, mark) for one, mark in open_ends if _section_of(one["item"]) == section["id"]]
        below = wanted if section["id"] != _section_of("question") else {}
        lines = _told(section["entries"], lead, told, below, lang)
        said = [f"- {_plain(label)}: {_plain(text)}" for label, text in lines]
        if said or ends:
            out += [f"## {section['title']}", *said, *(f"- {_plain(one['label'])}: {mark}" for one, mark in ends), ""]
    shown = {section["id"] for section in made["sections"]}
    strays = [(one, mark) for one, mark in open_ends if _section_of(one["item"]) not in shown]
    if strays:
        out += [f"## {titles['gaps']}", *(f"- {_plain(one['label'])}: {mark}" for one, mark in strays), ""]
    if made["attached"]:
        out += [f"## {titles['attached']}", *(f"- {_plain(one['filename'])}" for one in made["attached"]), ""]
    for name in ("open_asks", "parked", "tone"):
        if made.get(name):
            out.append(f"## {titles[name]}")
            out += [f"- {_plain(one.get('advice') or one['quote'])}" for one in made[name]]
            out.append("")
    return "\n".join(out).rstrip() + "\n"


def _told(
    entries: Sequence[Mapping[str, Any]],
    lead: Mapping[str, Any],
    told: dict[str, str],
    below: Mapping[str, str],
    lang: Lang,
) -> list[tuple[str, str]]:
    """Label and words of each line: one sentence that holds several items is written once. ``told``: sentences of the
    sections before, with their label; ``below``: those of a later one that are at home there."""
    together: dict[str, list[str]] = {}
    for entry in entries:
        if entry["item"] not in (lead["item"], "symptom") or entry["text"] != lead["statement"]:
            together.setdefault(entry["text"], []).append(entry["label"])
    lines = []
    for text, labels in together.items():
        label = _JOINED[lang].join(labels)
        if text == lead["statement"]:
            lines.append((label, _ABOVE[lang]))
            continue
        elsewhere = told.get(text) or below.get(text)
        lines.append((label, _SAME[lang].format(elsewhere) if elsewhere else text))
        if text not in below:
            told.setdefault(text, labels[0])
    return lines


def _problem(case: Mapping[str, Any], lines: Mapping[str, Mapping[str, Any]], for_: str) -> dict[str, Any]:
    """The problem in one sentence: as it was last agreed; where that is the bare subject, what happens or what is
    asked, in somebody's words. A subject that says what happens is one, and a question that says nothing by itself
    stands behind its subject."""
    agreed = case.get("problem") or {}
    statement = shown_subject(agreed.get("statement") or "")
    unkind = for_ == "vendor" and _hint({"quote": statement}, case) is not None
    if unkind or not statement or statement == shown_subject(case.get("title") or ""):
        for item in _TELLING if case.get("kind") in _WISHES else ("symptom", "question"):
            line = lines.get(item)
            text = _words(line) if line is not None and line["state"] == "present" else ""
            if line is None or not text:
                continue
            if item == "symptom" and statement and not unkind and text in statement:
                break
            if item == "symptom" or _columns(text) >= _SAYS:
                return {"statement": text, "message": line.get("message"), "item": item}
        question = lines.get("question") if case.get("kind") in _WISHES else None
        if question is not None and question["state"] == "present" and statement and not unkind:
            said = f"{statement} — {_words(question)}"
            return {"statement": said, "message": question.get("message"), "item": "question"}
    if unkind:
        return {"statement": "", "message": None, "item": None}
    return {"statement": statement, "message": agreed.get("message"), "item": None}


def _hint(line: Mapping[str, Any], case: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the tone check says of the sentence behind a line."""
    said = [text for text in (_one_line(line.get("quote")), _one_line(line.get("value"))) if text]
    hints = [(hint, _one_line(hint["quote"])) for hint in case.get("tone", [])]
    return next((hint for hint, quote in hints if quote and any(quote in text for text in said)), None)


def _for_vendor(line: Mapping[str, Any], case: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a line is meant for him: not who of us is concerned, nor his own number given as a related one."""
    item = line["item"]
    if item == "related_case":
        return not any(ref["ref"] in _words(line) for ref in case.get("vendor_refs", []) if ref.get("ref"))
    if item not in _OUR_OWN or case.get("kind") == "request" or item in case.get("missing", []):
        return True
    if any(ask["what"] == f"info:{item}" for ask in case.get("asks", [])):
        return True
    roles = {str(message["id"]): message["author"]["role"] for message in messages}
    return item == "contact" and roles.get(str(line.get("message"))) == "team"


def _columns(text: str) -> int:
    return sum(1 if char.isascii() else 2 for char in text)


def _words(line: Mapping[str, Any]) -> str:
    value, quote = _one_line(line.get("value")), _one_line(line.get("quote"))
    if line["item"] in _WHOLE and value in quote and len(quote) <= _SENTENCE:
        return quote
    return value or quote


def _one_line(text: Any) -> str:
    return " ".join(str(text or "").split())


def _tells(line: Mapping[str, Any]) -> bool:
    return line["state"] in ("present", "unknown") or (line["state"] == "missing" and bool(line.get("partial")))


def _entry(line: Mapping[str, Any], lang: Lang) -> dict[str, Any]:
    """A line of the checklist as somebody's words; "unknown" is said as such."""
    text = _words(line)
    if line["state"] == "unknown":
        text = f"{text} — {_UNKNOWN[lang]}" if text else _UNKNOWN[lang]
    elif line.get("partial"):
        text = f"{text} {_NOT_YET[lang]}".strip()
    return {
        "item": line["item"],
        "label": line["label"],
        "text": text,
        "state": line["state"],
        "message": line.get("message"),
        "partial": bool(line.get("partial")),
    }


def _gap(line: Mapping[str, Any] | None, item: str, names: Mapping[str, str], lang: Lang) -> dict[str, str]:
    return {"item": item, "label": str(line["label"]) if line else names.get(item, item), "mark": _GAP[lang]}


def _section_of(item: str) -> str:
    return next((name for name, items in _SECTIONS if item in items), _REST)


def _ours(ref: Mapping[str, Any], case: Mapping[str, Any]) -> bool:
    return not case.get("vendor") or ref.get("vendor") in (case["vendor"], None)


def _attached(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Files our side sent, each once; pictures inside a body, and mails that were handed on, are left out."""
    seen: dict[str, dict[str, Any]] = {}
    for message in messages:
        if message["author"]["role"] == "vendor":
            continue
        for file in message.get("attachments", []):
            if not file.get("inline") and file.get("content_type") != "message/rfc822":
                one = {"filename": file["filename"], "size": file["size"], "message": message["id"]}
                seen.setdefault(file.get("sha256") or file["filename"], one)
    return list(seen.values())


def _plain(text: Any) -> str:
    """Words of a mail inside Markdown: one line, nothing that would become markup or HTML."""
    words = " ".join(str(text).split())
    for mark in ("\\", "`", "*", "_", "[", "]", "<", "#", "|"):
        words = words.replace(mark, f"\\{mark}")
    return words.replace("⟨not stated⟩", "⟨not stated⟩")
