"""Wording of a brief: quotes on one line, without form labels, markers and greetings, with the dates of mails."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final, Literal

from mailrules.dates import has_moving_day
from mailrules.engine.problem import columns, without_opening
from service.mail.word_lists import load

Lang = Literal["ja", "en"]
Document = Mapping[str, Any]
Dated = Callable[[str, Any], str]  # (text, id of its message) → the text, with the date of the mail if it needs it

TEXTS: Final = load("brief", "service.cases")  # titles and further texts by name and language
_LABEL = 40  # maximum length of the label of a form line
_LABEL_COLUMNS = 3  # minimum width of this label in columns: "PC" and "of" may begin any sentence
_AFTER_NUMBER = ".．)）"
_MARKS = " ■□●○◆◇▼▽▶・*-–#>【】[]()（）<>「」.．"
_MARKER = re.compile(r"^(?:(?:\(?[0-9]{1,2}[.)．）]|[-*])[ \t　]+|([・•●■□○◆◇▪▼▽▶])(?!\1)[ \t　]*)(?=\S)")


def words_of(line: Document) -> str:
    return one_line(line.get("value")) or one_line(line.get("quote"))


def without_label(text: str, names: Sequence[str]) -> str:
    """Return a form line (``■Version: 4.2``) without its label, if the label occurs in one of ``names``.

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
    named = any(words <= set(name.replace("/", " ").split()) if label.isascii() else label in name for name in names)
    return value if named else unmarked(text)


def unmarked(text: str) -> str:
    """Return the text of a list line without its marker: ``2. It is dead.``, ``・動きません``."""
    return _MARKER.sub("", text)


def dating(messages: Sequence[Document], lang: Lang, zone: tzinfo, *, every: bool = False) -> Dated:
    """Return a function that adds the date of the mail if a text names a day only by words such as "today".

    ``every``: add the date to every text.
    """
    written = {str(m["id"]): datetime.fromisoformat(m["date"]).astimezone(zone) for m in messages if m.get("date")}

    def dated(text: str, message: Any) -> str:
        at = written.get(str(message))
        if at is None or not (every or has_moving_day(text)):
            return text
        return text + str(TEXTS["values"]["written"][lang]).format(month=at.month, day=at.day, name=f"{at:%B}")

    return dated


def one_line(text: Any) -> str:
    return " ".join(str(text or "").split())


def hint_of(line: Document, case: Document) -> Document | None:
    """Return the tone hint for the sentence quoted in a checklist line, if any."""
    said = [text for text in (one_line(line.get("quote")), one_line(line.get("value"))) if text]
    hints = [(hint, one_line(hint["quote"])) for hint in case.get("tone", [])]
    return next((hint for hint, quote in hints if quote and any(quote in text for text in said)), None)
