"""Texts, durations, times and names in the reader's language and time zone. Readers are helped, never judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from importlib import resources
from typing import Any, Literal

import yaml

from service.cases.placement.matcher import BETWEEN

Language = Literal["ja", "en"]


def _load(file: str) -> Any:
    return yaml.load(resources.files("service.web").joinpath(file).read_bytes(), yaml.CSafeLoader)


WORDS: dict[str, dict[Language, str]] = _load("texts.yaml")
"""Name → its text in each language."""
ERRORS: dict[str, str] = _load("errors.yaml")
"""English text of the store, with ``{}`` for each value → the text in Japanese."""
_DAYS = {"ja": "月火水木金土日", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
_UNITS = ((86400, "日", "d"), (3600, "時間", "h"), (60, "分", "min"))


@dataclass(frozen=True, slots=True)
class Reader:
    """The person who views the page. Templates call these methods."""

    language: Language
    now: datetime
    zone: tzinfo
    vendor_name: Callable[[str, str], str]
    usual_times: Callable[[], Mapping[str, float]] = dict
    """Priority → seconds until such a case is usually resolved."""

    def t(self, name: str, **values: object) -> str:
        return say(self.language, name, **values)

    def translated(self, text: str) -> str:
        """Return a text of the store or an error; ``error.NAME`` is a text of the page."""
        return self.t(text) if text.startswith("error.") else translated(self.language, text)

    def based_on(self, evidence: Mapping[str, Any]) -> str:
        """Return the words of evidence for the case of a mail; if content decided, these are reasons."""
        words = str(evidence.get("words") or "")
        return BETWEEN.join(map(self.translated, words.split(BETWEEN))) if evidence.get("kind") == "content" else words

    def counted(self, name: str, number: int) -> str:
        """Return the text ``name`` with a number; the singular has a text of its own."""
        return self.t(f"{name}.one") if number == 1 else self.t(name, n=number)

    def length(self, seconds: float | None) -> str:
        """Return a duration in its two largest units, or in one if that is ten or more: 3日4時間, 2 h 5 min."""
        if seconds is None:
            return "–"
        if seconds == 0:
            return "0分" if self.language == "ja" else "0 min"
        left, parts = max(0, int(seconds)), []
        for size, ja, en in _UNITS:
            count, rest = divmod(left, size)
            if count:
                parts.append(f"{count}{ja}" if self.language == "ja" else f"{count} {en}")
                left = rest
                if count >= 10 or len(parts) == 2:
                    break
            elif parts:
                break
        none = "1分未満" if self.language == "ja" else "under a minute"
        return ("" if self.language == "ja" else " ").join(parts) or none

    def age(self, written: str | None) -> str:
        """Return how long ago a time was."""
        return self.length((self.now - datetime.fromisoformat(written)).total_seconds()) if written else ""

    def open_for(self, case: Mapping[str, Any]) -> str:
        """Return how long a case is open, and what is usual for its priority."""
        age, usual = self.age(case["opened_at"]), self.usual_times().get(case["priority"])
        return self.t("open_for.usual", age=age, usual=self.length(usual)) if usual else self.t("open_for", age=age)

    def since(self, written: str) -> str:
        """Return since when something lasts, as the end of a sentence."""
        new = (self.now - datetime.fromisoformat(written)).total_seconds() < 60
        return self.t("turn.now") if new else self.t("turn.since", age=self.age(written))

    def moment(self, time: datetime | str | None) -> str:
        """Return day and time in the reader's zone, with the year if it is not the current one.

        11/24(火) 10:31, Tue 24 Nov 10:31
        """
        if not time:
            return ""
        at = (datetime.fromisoformat(time) if isinstance(time, str) else time).astimezone(self.zone)
        day = _DAYS[self.language][at.weekday()]
        year = at.year != self.now.astimezone(self.zone).year
        if self.language == "ja":
            return f"{f'{at.year}/' if year else ''}{at.month}/{at.day}({day}) {at:%H:%M}"
        return f"{day} {at.day} {at:%b}{f' {at.year}' if year else ''} {at:%H:%M}"

    def vendor(self, id: str | None) -> str:
        return self.vendor_name(id, self.language) if id else ""

    def way(self, kind: str) -> str:
        """Return the name of a kind of evidence for the case of a mail."""
        return self.t(f"way.{kind}") if kind else ""

    def side(self, side: str | None) -> str:
        return self.t(f"side.{side or 'none'}")

    def label(self, written: Any) -> str:
        """Return a label in the reader's language, or a plain text unchanged."""
        if isinstance(written, dict):
            return str(written.get(self.language) or written.get("en") or next(iter(written.values()), ""))
        return str(written)

    def size(self, count: float) -> str:
        """Return a number of bytes in B, KB or MB."""
        for unit in ("B", "KB"):
            if count < 1000:
                return f"{count:.0f} {unit}"
            count /= 1000
        return f"{count:.1f} MB"

    def asked(self, what: str, items: Mapping[str, str]) -> str:
        """Return what a request asks for, in words."""
        head, colon, item = what.partition(":")
        return self.t("what.info", item=items.get(item, item)) if colon else self.t(f"what.{head}")


def say(language: Language, name: str, **values: object) -> str:
    """Return the text called ``name``; the last part of the name if there is none."""
    if name not in WORDS:
        return name.rpartition(".")[2]
    text = WORDS[name][language]
    return text.format(**values) if values else text


def translated(language: Language, text: str) -> str:
    """Return an English text of the store in this language; unchanged if there is no translation."""
    if language == "ja":
        for english, japanese in ERRORS.items():
            values = _values(english, text)
            if values is not None:
                return japanese.format(*values)
    return text


def _values(template: str, text: str) -> list[str] | None:
    """Return the values with which ``template`` makes ``text``; None if it does not."""
    first, *others = template.split("{}")
    if not text.startswith(first):
        return None
    values, rest = [], text[len(first) :]
    for part in others:
        value, found, rest = rest.partition(part) if part else (rest, "all", "")
        if not found:
            return None
        values.append(value)
    return None if rest else values


def language_of(accept: str, chosen: str | None) -> Language:
    """Return the chosen language, else the one the browser prefers (RFC 9110 §12.5.4), else Japanese."""
    if chosen in ("ja", "en"):
        return "ja" if chosen == "ja" else "en"
    best: tuple[float, Language] = (0.0, "en" if accept.strip() else "ja")
    for part in accept.split(",")[:20]:
        tag, _, rest = part.strip().partition(";")
        language = tag.strip().lower().partition("-")[0]
        try:
            weight = float(rest.strip().removeprefix("q=")) if rest.strip() else 1.0
        except ValueError:
            weight = 0.0
        if language in ("ja", "en") and weight > best[0]:
            best = (weight, "ja" if language == "ja" else "en")
    return best[1]
