"""A realistic mix of mails, as many as wanted, every one different: what support mail looks like to the machine.

60 % text of about 3 KB, 30 % HTML with a text alternative of about 30 KB, 10 % with an attachment; half Japanese; a
third replies to an earlier one with its quote, a fifth forwards of a vendor's mail. The same seed gives the same mails.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import NamedTuple

from bench.harness import table

TEXTS = table("mix")
BEGUN = datetime(2026, 3, 2, tzinfo=UTC)
POLICY = SMTP.clone(cte_type="8bit")


class Made(NamedTuple):
    """A mail on the wire."""

    message_id: str
    content: bytes


def mails(count: int, seed: int = 1, prefix: str = "mix") -> Iterator[Made]:
    """``count`` mails in order of their dates; ``prefix`` makes their Message-IDs differ from those of another run."""
    chance = random.Random(seed)
    earlier: list[tuple[str, str, str, str]] = []
    for number in range(count):
        language = chance.choice(("ja", "en"))
        sender = f"user{chance.randrange(2000)}@corp.example"
        message_id = f"<{prefix}-{seed}-{number}@corp.example>"
        date = BEGUN + timedelta(seconds=97 * number)
        subject, body = TEXTS[language]["subject"].format(number=number), text(chance, language, 2_600)
        threading = {}
        kind = chance.random()
        if kind < 1 / 3 and earlier:
            parent, before, quoted, language = chance.choice(earlier[-500:])
            subject = before if before.startswith("Re:") else f"Re: {before}"
            threading = {"In-Reply-To": parent, "References": parent}
            body = text(chance, language, 300) + quote(language, quoted, sender, date)
        elif kind < 1 / 3 + 1 / 5:
            theirs = f"{text(chance, language, 1_800)}\n{TEXTS[language]['ask']}"
            head = {"sender": "support@vendor.example", "to": "it@corp.example"}
            body = forward(language, theirs, date, subject=f"Case {700000 + number}: Outlook", **head)
            subject = f"FW: {subject}"
        earlier.append((message_id, subject, body, language))
        headers = {"From": f"{TEXTS[language]['name']} <{sender}>", "To": "help@intake.example", "Subject": subject}
        headers |= {"Message-ID": message_id, "Date": format_datetime(date)} | threading
        yield Made(message_id, whole(chance, headers, body))


def text(chance: random.Random, language: str, size: int, first: str = "") -> str:
    """About ``size`` bytes in UTF-8, in paragraphs; the ``first`` one as given."""
    texts = TEXTS[language]
    paragraphs = [texts["greeting"], *([first] if first else [])]
    length = 0
    while length < size:
        paragraphs.append(("" if language == "ja" else " ").join(chance.choices(texts["sentences"], k=3)))
        length += len(paragraphs[-1].encode()) + 2
    return "\n\n".join([*paragraphs, texts["end"]])


def quote(language: str, body: str, author: str, at: datetime) -> str:
    """What a client puts below an answer."""
    lines = "\n".join(f"> {line}" for line in body.split("\n")[:40])
    return f"\n\n{TEXTS[language]['quote'].format(at=at, author=author)}\n{lines}\n"


def forward(language: str, body: str, at: datetime, **head: str) -> str:
    """A mail of ``sender`` to ``to`` with this ``subject``, forwarded by Outlook."""
    return str(TEXTS[language]["forward"].format(body=body, at=at, **head))


def whole(chance: random.Random, headers: Mapping[str, str], body: str) -> bytes:
    """The bytes of a mail: as text, with HTML beside it, or with a file."""
    message = EmailMessage(POLICY)
    for name, value in headers.items():
        message[name] = value
    message.set_content(body, cte="8bit")
    kind = chance.random()
    if kind >= 0.9:
        message.add_attachment(chance.randbytes(20_000), "application", "octet-stream", filename="trace.log.gz")
    elif kind >= 0.6:
        message.add_alternative(_html(body), subtype="html", cte="8bit")
    if message.is_multipart():
        message.set_boundary("=_mix")
    return message.as_bytes()


def _html(text: str) -> str:
    """The text as a mail client writes it, 26 KB at least: a style sheet, a paragraph of attributes for every line."""
    style, line = TEXTS["html"]["style"], TEXTS["html"]["line"]
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").split("\n")
    lines = "\n".join(line.format(line=one or "&nbsp;") for one in escaped)
    padding = style * max(1, (26_000 - len(lines.encode())) // len(style))
    return f"<html><head><style>{padding}</style></head><body>{lines}</body></html>"
