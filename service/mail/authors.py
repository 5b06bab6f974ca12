"""Extracts names and addresses from header lines and attributions in a body."""

# ruff: noqa: E501 -- tables: many words a line

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
_BEFORE_NAME: Final = (
    words(_LISTS["before_name"])
    | {name for name in dates.ZONES if len(name) > 2}
    | {verb for verb in WROTE if " " not in verb and verb.isalpha()}
)
_AFTER_NAME: Final = words(_LISTS["behind_name"])
_PRONOUNS: Final = ("you", "i")
_LONGEST_LINE: Final = 4_000
_MOST_PEOPLE: Final = 500
_BEHALF = re.compile(
    r"\s(?:on behalf of|im auftrag von|de la part de|en nombre de|per conto di|em nome de|namens|på vegne af|för|の代理"
    r"|代表)"
    r"\s",
    re.I,
)


def people(value: str) -> tuple[Address, ...]:
    """Return the people of a header line such as ``A <a@b>; B [mailto:b@c], c@d``. A name without an address counts."""
    value = _BEHALF.split(value[:_LONGEST_LINE], maxsplit=1)[0]
    addresses: list[Address] = []
    at = 0
    for match in ADDRESS.finditer(value):
        if len(addresses) >= _MOST_PEOPLE:
            break
        if "/" in match[0] and "." not in match[0].rpartition("@")[2]:
            continue  # "Ada Byron/IT/CORP@CORP", a Notes name
        between, at = value[at : match.start()], match.end()
        address = match[0].removeprefix("mailto:").rstrip(">")
        *names, name = between.split(";")
        addresses.extend(Address(bare_name) for raw in names if (bare_name := _bare_name(raw)))
        name = _bare_name(name)
        if addresses and not name and addresses[-1].address.casefold() == address.casefold():
            continue
        addresses.append(Address("" if name.casefold() == address.casefold() else name, address))
    tail = value[at:]
    if ";" not in tail and addresses:
        return tuple(addresses)
    names = tail.split("," if ";" not in tail and tail.count(",") > 1 else ";")
    addresses.extend(Address(bare_name) for raw in names[:_MOST_PEOPLE] if (bare_name := _bare_name(raw)))
    return tuple(addresses)


def _bare_name(raw: str) -> str:
    text = raw.replace("mailto:", " ").strip(" \t\n,;<>()[]\"'“”„«»*:\u00a0\u3000\u200e\u200f")
    if text.count("(") > text.count(")"):
        text += ")"  # "Ann Lee (IT)": restore the bracket of the name
    return "" if text.isdigit() and len(text) < 2 else text[:200]


def author_and_date(
    text: str, default_zone: tzinfo, mail_date: datetime | None
) -> tuple[Address | None, datetime | None, bool]:
    """Return (author, date, whether ``default_zone`` was used) of an attribution in a mail."""
    text = text.translate(INVISIBLE)
    dated = dates.read(ADDRESS.sub(" ", text), default_zone, mail_date)
    address = ADDRESS.search(text)
    name = _name(text[: address.start()]) if address is not None else _name_beside_verb(text)
    email = address[0].rstrip(".") if address is not None else ""
    if "@" in name or name.casefold().rpartition(" ")[2] in _PRONOUNS:
        name = ""
    author = Address(name, email) if name or email else None
    return author, dated[0] if dated is not None else None, bool(dated and dated[1])


def _name_beside_verb(text: str) -> str:
    """Return the name in an attribution without an address: before its last verb, or else after it."""
    folded = fold(text)
    verbs = list(VERB.finditer(folded)) if len(folded) == len(text) else []
    return (_name(text[: verbs[-1].start()]) or _name(text[verbs[-1].end() :])) if verbs else _name(text)


def _name(text: str) -> str:
    """Return the name in a text with dates and times, or "".

    This is the text after the last date or time. If there is none, it is the text before the first.
    """
    moments = list(_MOMENT.finditer(text))
    name = text[moments[-1].end() :] if moments else text
    if not moments and (opener := OPENER.match(fold(name))):
        name = name[opener.end() :]
    name = _trimmed(name)
    return name or (_trimmed(text[: moments[0].start()]) if moments and not OPENER.match(fold(text)) else "")


def _trimmed(name: str) -> str:
    name = name[:_LONGEST_NAME]
    for _ in range(12):
        leading = _LEAD.match(name)
        name = name[leading.end() :] if leading is not None else name
        word = _FIRST_WORD.match(name)
        if word is None or fold(word[0]) not in _BEFORE_NAME:
            break
        name = name[word.end() :]
    for _ in range(6):
        name = _TRAIL.sub("", _TRAIL.sub("", name))
        last = name.rpartition(" ")[2]
        if last == name or fold(last) not in _AFTER_NAME:
            break
        name = name[: len(name) - len(last)]
    return name.strip()
