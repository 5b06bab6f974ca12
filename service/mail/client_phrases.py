"""The words that mail clients write around other mails, from ``words/clients.yaml``. ``fold`` normalises them."""

from typing import Final, Literal, cast

from service.mail.word_lists import fold, load, phrases, words

Field = Literal["from", "to", "cc", "bcc", "subject", "date", "reply_to", "message_id", "raw", "other"]

_LISTS: Final = load("clients")
_ORDER: Final = ("from", "to", "cc", "subject", "date")
ROWS: Final = [row.split(" | ") for row in _LISTS["labels"].splitlines()]
"""Rows of [language, words for each field of ``_ORDER`` …]; words are separated by commas."""


def _labels() -> dict[str, Field]:
    rows = [pair for row in ROWS for pair in zip(_ORDER, row[1:], strict=True)]
    others = [(field, labels) for field, _, labels in (r.partition(" | ") for r in _LISTS["other_labels"].splitlines())]
    return {fold(word): cast(Field, field) for field, labels in (*rows, *others) for word in labels.split(", ")}


LABELS: Final = _labels()  # header word → the field that it means
LONGEST_LABEL: Final = max(map(len, LABELS))
FORWARD_MARKS: Final = phrases(_LISTS["forward_marks"])
"""Phrases of the separator line above a forwarded mail, without dashes and colon."""
ORIGINAL_MARKS: Final = phrases(_LISTS["original_marks"]) - FORWARD_MARKS
"""Phrases of the separator line above a mail that is answered, such as "original message"."""
END_STARTS: Final = (
    "end of ", "end forwarded", "end original", "fin du ", "ende der ", "fin del ", "fine messaggio", "fim da ",
)  # fmt: skip
END_ENDS: Final = (" ends", " end", "ここまで", "終わり", "終了", "おわり")
"""Beginnings and ends of the separator line that some clients write below a forwarded or quoted mail."""
WROTE: Final = tuple(sorted(phrases(_LISTS["wrote"])))  # verbs of attribution lines: "wrote" in "On Monday, X wrote:"
FORWARD_PREFIXES: Final = words(_LISTS["forward_prefixes"])
REPLY_PREFIXES: Final = words(_LISTS["reply_prefixes"])
