"""What a brief is made from, and how quotes of mails are worded for its reader."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from typing import Any, Final, Literal

from mailrules.deadlines import has_moving_day
from mailrules.engine.problem import columns, without_opening
from mailrules.fields import Bilingual
from service.mail.word_lists import load

Lang = Literal["ja", "en"]
Document = Mapping[str, Any]

TEXTS: Final = load("brief", "service.cases")  # titles and further texts by name and language
_LABEL = 40  # maximum length of the label of a form line
_LABEL_COLUMNS = 3  # minimum width of this label in columns: "PC" and "of" may begin any sentence
_AFTER_NUMBER = ".．)）"
_MARKS = " ■□●○◆◇▼▽▶・*-–#>【】[]()（）<>「」.．"
_MARKER = re.compile(r"^(?:(?:\(?[0-9]{1,2}[.)．）]|[-*])[ \t　]+|([・•●■□○◆◇▪▼▽▶])(?!\1)[ \t　]*)(?=\S)")


@dataclass(frozen=True)
class BriefInput:
    """A case and its messages as documents of the API, and who reads the brief: vendor, team or requester.

    ``language``: of the headings; None: the language of the reader. ``labels``: item → label. ``zone``: time
    zone of dates.
    """

    case: Document
    messages: Sequence[Document]
    reader: str = "vendor"
    language: str | None = None
    labels: Mapping[str, Bilingual] = field(default_factory=dict)
    zone: tzinfo = UTC

    @property
    def is_over(self) -> bool:
        return bool(self.case.get("recovered") or self.case.get("status") in ("resolved", "closed"))

    @cached_property
    def mails(self) -> dict[str, Document]:
        """The messages by id."""
        return {str(mail["id"]): mail for mail in self.messages}

    @cached_property
    def lang(self) -> Lang:
        """The language of the brief."""
        return "ja" if (self.language or self._readers_language) == "ja" else "en"

    @cached_property
    def _readers_language(self) -> str:
        """For a vendor, the language of the newest mail from or to the vendor that is known; else of the case."""
        for mail in reversed(self.messages) if self.reader == "vendor" else ():
            if mail.get("language") in ("ja", "en") and (mail["author"]["role"] == "vendor" or self.is_to_vendor(mail)):
                return str(mail["language"])
        return "en" if self.case.get("language") == "en" else "ja"

    @cached_property
    def _vendors(self) -> set[str]:
        """The addresses of the vendors' people in the case."""
        return {one["address"] for one in self.case.get("participants", []) if one["role"] == "vendor"}

    @cached_property
    def _labels(self) -> list[str]:
        """All labels of items, in all languages."""
        labels = [name for label in self.labels.values() for name in (label.ja, label.en)]
        return [name.casefold() for name in (*labels, *(line["label"] for line in self.case["checklist"]))]

    def title(self, name: str) -> str:
        return str(TEXTS["titles"][name][self.lang])

    def label(self, item: str) -> str:
        """Return the label of an item in the language of the brief."""
        if item in self.labels:
            return self.labels[item].in_language(self.lang)
        return next((line["label"] for line in self.case["checklist"] if line["item"] == item), item)

    def is_foreign(self, mail: Document) -> bool:
        """Whether a mail is not in the language of the reader; false if its language is not known."""
        return {self._readers_language, mail.get("language")} == {"ja", "en"}

    def is_to_vendor(self, mail: Document) -> bool:
        return any(one["address"] in self._vendors for one in mail.get("to", []))

    def tone_hint(self, *texts: str | None) -> Document | None:
        """Return the tone hint for a sentence that one of these texts contains, if any."""
        said = [one_line(text) for text in texts]
        hints = [(hint, one_line(hint["quote"])) for hint in self.case.get("tone", [])]
        return next((hint for hint, quote in hints if quote and any(quote in text for text in said)), None)

    def dated(self, text: str, message: Any, *, always: bool = False) -> str:
        """Return a text, with the date of its mail if it names a day only as "today" or similar."""
        written = self.mails.get(str(message), {}).get("date")
        if not written or not (always or has_moving_day(text)):
            return text
        at = datetime.fromisoformat(written).astimezone(self.zone)
        return text + str(TEXTS["values"]["written"][self.lang]).format(month=at.month, day=at.day, name=f"{at:%B}")

    def without_label(self, text: str) -> str:
        """Return a form line (``■Version: 4.2``) without its label, if an item has a similar label.

        Other lines lose only the marker and the addressee before them.
        """
        text = without_opening(text)
        colon = next((at for at, char in enumerate(text[:_LABEL]) if char in ":："), 0)
        label, value = text[:colon].strip(_MARKS).casefold(), text[colon + 1 :].strip()
        unnumbered = label.lstrip("0123456789")
        if unnumbered[:1] in _AFTER_NUMBER:
            label = unnumbered.strip(_MARKS)
        if not value or columns(label) < _LABEL_COLUMNS or any(map(str.isdigit, label)):
            return unmarked(text)  # a label with a digit is a time or an amount: "9時：停止"
        words = set(label.split())
        named = any(
            words <= set(name.replace("/", " ").split()) if label.isascii() else label in name for name in self._labels
        )
        return value if named else unmarked(text)


def words_of(line: Document) -> str:
    """Return the value of a checklist line, or the quote if it has none."""
    return one_line(line.get("value")) or one_line(line.get("quote"))


def unmarked(text: str) -> str:
    """Return the text of a list line without its marker: ``2. It is dead.``, ``・動きません``."""
    return _MARKER.sub("", text)


def one_line(text: Any) -> str:
    return " ".join(str(text or "").split())
