"""Texts, durations, times and names in the language and time zone of the viewer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from importlib import resources
from typing import Any, Literal, cast

import yaml

from mailrules.patterns import RE2
from service.cases.placement.matcher import BETWEEN

Language = Literal["ja", "en"]


def _load(file: str) -> Any:
    return yaml.load(resources.files("service.web").joinpath(file).read_bytes(), yaml.CSafeLoader)


WORDS: dict[str, dict[Language, str]] = _load("texts.yaml")  # name of a text → the text in each language
ERRORS: list[tuple[re.Pattern[str], str]] = [
    (RE2.compile("(?s)" + re.escape(text).replace(r"\{\}", "(.*?)")), japanese)
    for text, japanese in _load("errors.yaml").items()
]
"""Patterns of the English error texts, with a group for each value ``{}``, and the same texts in Japanese."""
_ACCEPTED = re.compile(r"(?<![\w-])(ja|en)(?:-\w+)*\s*(?:;\s*q=([01](?:\.\d+)?))?")  # a language in Accept-Language
_DAYS = {"ja": "月火水木金土日", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
_UNITS = ((86400, "日", "d"), (3600, "時間", "h"), (60, "分", "min"))


@dataclass(frozen=True, slots=True)
class Locale:
    """Language, time and time zone of the person who views a page. Templates call these methods."""

    language: Language
    now: datetime
    zone: tzinfo
    vendor_name: Callable[[str, str], str]
    usual_times: Callable[[], Mapping[str, float]] = dict
    """A function that returns priority → seconds until a case of this priority is usually resolved."""

    def t(self, name: str, **values: object) -> str:
        """Return the text called ``name`` with these values. If it does not exist, return the last part of the name."""
        if name not in WORDS:
            return name.rpartition(".")[2]
        text = WORDS[name][self.language]
        return text.format(**values) if values else text

    def translated(self, text: str) -> str:
        """Return an error text in the language of the viewer.

        ``text``: English, or a name that begins with ``error.``. English text without a translation stays as it is.
        """
        if text.startswith("error."):
            return self.t(text)
        for english, japanese in ERRORS if self.language == "ja" else ():
            if match := english.fullmatch(text):
                return japanese.format(*match.groups())
        return text

    def based_on(self, evidence: Mapping[str, Any]) -> str:
        """Return the text that says why a mail is in its case. Only reasons for similar content are translated."""
        words = str(evidence.get("words") or "")
        return BETWEEN.join(map(self.translated, words.split(BETWEEN))) if evidence.get("kind") == "content" else words

    def counted(self, name: str, number: int) -> str:
        """Return the text called ``name`` with a number. For 1, use the text ``NAME.one``."""
        return self.t(f"{name}.one") if number == 1 else self.t(name, n=number)

    def length(self, seconds: float | None) -> str:
        """Return a duration in its largest unit, such as 12 h. Below ten, the next unit is added: 2 h 5 min."""
        if seconds is None:
            return "–"
        if seconds == 0:
            return "0分" if self.language == "ja" else "0 min"
        left, parts = max(0, int(seconds)), []
        for size, ja, en in _UNITS:
            count, remainder = divmod(left, size)
            if count:
                parts.append(f"{count}{ja}" if self.language == "ja" else f"{count} {en}")
                left = remainder
                if count >= 10 or len(parts) == 2:
                    break
            elif parts:
                break
        below_a_minute = "1分未満" if self.language == "ja" else "under a minute"
        return ("" if self.language == "ja" else " ").join(parts) or below_a_minute

    def age(self, time: str | None) -> str:
        return self.length((self.now - datetime.fromisoformat(time)).total_seconds()) if time else ""

    def open_for(self, case: Mapping[str, Any]) -> str:
        """Return how long a case has been open, and how long cases of its priority usually are."""
        age, usual = self.age(case["opened_at"]), self.usual_times().get(case["priority"])
        return self.t("open_for.usual", age=age, usual=self.length(usual)) if usual else self.t("open_for", age=age)

    def since(self, time: str) -> str:
        """Return how long a side has had to act. ``time``: when this began (ISO 8601)."""
        new = (self.now - datetime.fromisoformat(time)).total_seconds() < 60
        return self.t("turn.now") if new else self.t("turn.since", age=self.age(time))

    def moment(self, time: datetime | str | None) -> str:
        """Return day and time in the viewer's zone: 11/24(火) 10:31, Tue 24 Nov 10:31.

        The year is shown if it differs.
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
        """Return the text for the kind of evidence by which a mail got into its case."""
        return self.t(f"way.{kind}") if kind else ""

    def side(self, side: str | None) -> str:
        """Return the name of a side. None: no side has to act."""
        return self.t(f"side.{side or 'none'}")

    def label(self, label: Any) -> str:
        """Return a label in the viewer's language. ``label``: language → text, or a single text."""
        if isinstance(label, dict):
            return str(label.get(self.language) or label.get("en") or next(iter(label.values()), ""))
        return str(label)

    def size(self, count: float) -> str:
        """Return a number of bytes as text, in B, KB or MB."""
        for unit in ("B", "KB"):
            if count < 1000:
                return f"{count:.0f} {unit}"
            count /= 1000
        return f"{count:.1f} MB"

    def asked(self, what: str, items: Mapping[str, str]) -> str:
        """Return the text for what a request asks for, such as ``logs`` or ``info:version``. ``items``: id → label."""
        kind, colon, item = what.partition(":")
        return self.t("what.info", item=items.get(item, item)) if colon else self.t(f"what.{kind}")


def language_of(accept: str, chosen: str | None) -> Language:
    """Return the chosen language, else the browser's (RFC 9110 §12.5.4), else Japanese."""
    if chosen in ("ja", "en"):
        return cast(Language, chosen)
    ranges = [(float(quality or 1), tag) for tag, quality in _ACCEPTED.findall(accept.lower())]
    weight, tag = max(ranges, key=lambda preference: preference[0], default=(0.0, ""))
    return cast(Language, tag) if weight else "en" if accept.strip() else "ja"
