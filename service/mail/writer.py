"""Extracts the people of the lines that a mail client writes above an inner mail: header lines and attribution lines."""

# ruff: noqa: E501 -- tables: many words a line

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from typing import Final

from service.mail import dates
from service.mail.client_phrases import WROTE
from service.mail.message import Address
from service.mail.quote import ADDRESS, OPENER, VERB
from service.mail.word_lists import INVISIBLE, fold, load, words

_LONGEST_NAME: Final = 200
_MOMENT = re.compile(
    r"\d{1,2}時(?:\d{1,2}分)?|\d{1,2}[:：.h]\d{2}(?:[:：.分]\d{2})?(?:\s[ap]\. ?m\.)?|\d{1,2} h \d{2}|(?<![\d:])[+-]\d{2}:?\d{2}(?!\d)|(?:19|20)\d{2}[年.]?|\d{1,2}[日일]|"
    r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}"
)
_LEAD = re.compile(
    r"[\s,，;、。.:()\[\]<>\"'“”„«»・/_*~—–-]*(?:[月火水木金土日]曜日?|[月火水木金土日]\)|에(?=\s)|に(?=[\s、,]))?[\s,，;、。.:()\[\]<>\"'“”„«»・/_*~—–-]*"
)
_TRAIL = re.compile(r"[\s,;、<>()\[\]\"'“”„«»:：*_~—–-]+$|(?:さんは|さんが|さん|님이|님)$")
_FIRST_WORD = re.compile(r"[^\s,;、:()<>\"'“”]+")
_LISTS: Final = load("clients")
_BEFORE: Final = (
    words(_LISTS["before_name"])
    | {name for name in dates.ZONES if len(name) > 2}
    | {verb for verb in WROTE if " " not in verb and verb.isalpha()}
)
_BEHIND: Final = words(_LISTS["behind_name"])
_SELF: Final = ("you", "i")
_LONGEST_LINE: Final = 4_000
_MOST_PEOPLE: Final = 500
_BEHALF = re.compile(
    r"\s(?:on behalf of|im auftrag von|de la part de|en nombre de|per conto di|em nome de|namens|på vegne af|för|の代理"
    r"|代表)"
    r"\s",
    re.I,
)


def people(value: str) -> tuple[Address, ...]:
    """Return the people of a header line, also names without address: ``A <a@b>; B [mailto:b@c], c@d``."""
    value = value[:_LONGEST_LINE]
    if cut := _BEHALF.search(value):
        value = value[: cut.start()]
    found: list[Address] = []
    at = 0
    for m in ADDRESS.finditer(value):
        if len(found) >= _MOST_PEOPLE:
            break
        if "/" in m[0] and "." not in m[0].rpartition("@")[2]:
            continue  # "Ada Byron/IT/CORP@CORP", a Notes name
        between, at = value[at : m.start()], m.end()
        address = m[0].removeprefix("mailto:").rstrip(">")
        *names, name = between.split(";")
        found.extend(Address(n) for raw in names if (n := _bare_name(raw)))
        name = _bare_name(name)
        if found and not name and found[-1].address.casefold() == address.casefold():
            continue
        found.append(Address("" if name.casefold() == address.casefold() else name, address))
    rest = value[at:]
    if not found:
        parts = rest.split(";") if ";" in rest else rest.split(",") if rest.count(",") > 1 else [rest]
        return tuple(Address(n) for raw in parts[:_MOST_PEOPLE] if (n := _bare_name(raw)))
    found.extend(Address(n) for raw in rest.split(";") if (n := _bare_name(raw)) and ";" in rest)
    return tuple(found)


def _bare_name(raw: str) -> str:
    text = raw.replace("mailto:", " ").strip(" \t\n,;<>()[]\"'“”„«»*:\u00a0\u3000\u200e\u200f")
    if text.count("(") > text.count(")"):
        text += ")"  # "Ann Lee (IT)": restore the bracket of the name
    return "" if text.isdigit() and len(text) < 2 else text[:200]


def who_and_when(text: str, assumed: tzinfo, written: datetime | None) -> tuple[Address | None, datetime | None, bool]:
    """Return author, time and whether the time zone was assumed; author and time are None if the text states none."""
    text = text.translate(INVISIBLE)
    found = dates.read(ADDRESS.sub(" ", text), assumed, written)
    address = ADDRESS.search(text)
    name = _name(text[: address.start()] if address is not None else _without_verb(text))
    where = address[0].rstrip(".") if address is not None else ""
    if "@" in name or name.casefold().split(" ")[-1:] in ([word] for word in _SELF):
        name = ""
    writer = Address(name, where) if name or where else None
    return writer, found[0] if found is not None else None, bool(found and found[1])


def _without_verb(text: str) -> str:
    """Return the part of a text without address that contains the name: before the verb, or after it ("schrieb X:")."""
    folded = fold(text)
    verbs = list(VERB.finditer(folded)) if len(folded) == len(text) else []
    if not verbs:
        return text
    before, after = text[: verbs[-1].start()], text[verbs[-1].end() :]
    if _name(before) or not _name(after):
        return before if before.strip() else text
    return after


def _name(head: str) -> str:
    """Return the name in the text before the address: after the last date or time, otherwise before the first."""
    moments = list(_MOMENT.finditer(head))
    name = head[moments[-1].end() :] if moments else head
    if not moments and (opener := OPENER.match(fold(name))):
        name = name[opener.end() :]
    name = _trimmed(name)
    return name or (_trimmed(head[: moments[0].start()]) if moments and not OPENER.match(fold(head)) else "")


def _trimmed(name: str) -> str:
    name = name[:_LONGEST_NAME]
    for _ in range(12):
        lead = _LEAD.match(name)
        name = name[lead.end() :] if lead is not None else name
        word = _FIRST_WORD.match(name)
        if word is None or fold(word[0]) not in _BEFORE:
            break
        name = name[word.end() :]
    for _ in range(6):
        name = _TRAIL.sub("", _TRAIL.sub("", name))
        last = name.rpartition(" ")[2]
        if last == name or fold(last) not in _BEHIND:
            break
        name = name[: len(name) - len(last)]
    return name.strip()
