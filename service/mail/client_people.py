"""Parses the people in a header line that a mail client wrote into a body; its format is not RFC 5322."""

from __future__ import annotations

import re
from typing import Final

from service.mail.message import Address

LONGEST: Final = 4_000
"""Maximum number of characters read of one line."""
_MOST: Final = 500

_ADDRESS = re.compile(r"[^\s<>\"',;:()\[\]]{1,128}@[^\s<>\"',;:()\[\]]{1,255}")
_BEHALF = re.compile(
    r"\s(?:on behalf of|im auftrag von|de la part de|en nombre de|per conto di|em nome de|namens|på vegne af|för|の代理"
    r"|代表)"
    r"\s",
    re.I,
)


def people(value: str) -> tuple[Address, ...]:
    """Return the people of a header line, also names without address: ``A <a@b>; B [mailto:b@c], c@d``."""
    value = value[:LONGEST]
    if cut := _BEHALF.search(value):
        value = value[: cut.start()]
    found: list[Address] = []
    at = 0
    for m in _ADDRESS.finditer(value):
        if len(found) >= _MOST:
            break
        if "/" in m[0] and "." not in m[0].rpartition("@")[2]:
            continue  # "Ada Byron/IT/CORP@CORP", a Notes name
        between, at = value[at : m.start()], m.end()
        address = m[0].removeprefix("mailto:").rstrip(">")
        *names, name = between.split(";")
        found.extend(Address(n) for raw in names if (n := _name(raw)))
        name = _name(name)
        if found and not name and found[-1].address.casefold() == address.casefold():
            continue
        found.append(Address("" if name.casefold() == address.casefold() else name, address))
    rest = value[at:]
    if not found:
        parts = rest.split(";") if ";" in rest else rest.split(",") if rest.count(",") > 1 else [rest]
        return tuple(Address(n) for raw in parts[:_MOST] if (n := _name(raw)))
    found.extend(Address(n) for raw in rest.split(";") if (n := _name(raw)) and ";" in rest)
    return tuple(found)


def _name(raw: str) -> str:
    text = raw.replace("mailto:", " ").strip(" \t\n,;<>()[]\"'“”„«»*:\u00a0\u3000\u200e\u200f")
    if text.count("(") > text.count(")"):
        text += ")"  # "Ann Lee (IT)": restore the bracket of the name
    return "" if text.isdigit() and len(text) < 2 else text[:200]
