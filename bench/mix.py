"""A realistic mix of mails, as many as wanted, every one different: what support mail looks like to the machine.

60 % text of about 3 KB, 30 % HTML with a text alternative of about 30 KB, 10 % with an attachment; half Japanese; a
third replies to an earlier one with its quote, a fifth forwards of a vendor's mail. The same seed gives the same mails.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.header import Header

_JA = (
    "会議室の端末でOutlookが起動しません。",
    "エラーコード0x800CCC0Eが表示されます。",
    "本日9時ごろから発生しています。",
    "営業部の30名ほどが業務を続けられない状況です。",
    "再起動は試しましたが変わりませんでした。",
    "OSはWindows 11 23H2、Outlookのバージョンは2402です。",
    "同じネットワークの他の端末では問題ありません。",
    "ログは添付のとおりです。ご確認をお願いいたします。",
    "急ぎではありませんが、今週中に回答をいただけますと幸いです。",
    "先週の更新プログラムの適用後からのように見えます。",
)
_EN = (
    "Outlook does not start on the machine in meeting room 4.",
    "It shows error code 0x800CCC0E every time.",
    "This began today at about 9:00.",
    "About 30 people in sales cannot work.",
    "We restarted twice, which changed nothing.",
    "The machine runs Windows 11 23H2 with Outlook 2402.",
    "Other machines on the same network are fine.",
    "Please find the logs attached and tell us what else you need.",
    "It is not urgent, an answer within this week would do.",
    "It seems to have begun after last week's update.",
)
_START = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Made:
    """A mail, and who sends it."""

    message_id: str
    sender: str
    content: bytes


def mails(count: int, seed: int = 1, prefix: str = "mix", begun: datetime = _START) -> Iterator[Made]:
    """``count`` mails in order of their dates; ``prefix`` makes their Message-IDs differ from those of another run."""
    chance = random.Random(seed)
    earlier: list[tuple[str, str, str, bool]] = []
    for number in range(count):
        japanese = chance.random() < 0.5
        sender = f"user{chance.randrange(2000)}@corp.example"
        message_id = f"<{prefix}-{seed}-{number}@corp.example>"
        date = begun + timedelta(seconds=97 * number)
        subject = f"端末の不具合 {number}" if japanese else f"Trouble with machine {number}"
        body = text(chance, japanese, 2_600)
        headers = []
        kind = chance.random()
        if kind < 1 / 3 and earlier:
            parent, parent_subject, parent_text, japanese = earlier[
                chance.randrange(max(0, len(earlier) - 500), len(earlier))
            ]
            subject = parent_subject if parent_subject.startswith("Re:") else f"Re: {parent_subject}"
            headers = [f"In-Reply-To: {parent}", f"References: {parent}"]
            body = _reply(chance, japanese, parent_text, sender, date)
        elif kind < 1 / 3 + 1 / 5:
            subject = f"FW: {subject}"
            body = _forward(chance, japanese, number, date)
        earlier.append((message_id, subject, body, japanese))
        head = [
            f"From: {encoded('利用者' if japanese else 'User')} <{sender}>",
            "To: help@intake.example",
            f"Subject: {encoded(subject)}",
            f"Message-ID: {message_id}",
            f"Date: {date.strftime('%a, %d %b %Y %H:%M:%S')} +0900",
            *headers,
            "MIME-Version: 1.0",
        ]
        yield Made(message_id, sender, whole(chance, head, body))


def text(chance: random.Random, japanese: bool, size: int, first: str = "") -> str:
    """About ``size`` bytes in UTF-8, in paragraphs; the ``first`` one as given."""
    lines: list[str] = ["お世話になっております。" if japanese else "Hello,", "", *([first, ""] if first else [])]
    length = 0
    while length < size:
        paragraph = ("" if japanese else " ").join(chance.choices(_JA if japanese else _EN, k=3))
        lines += [paragraph, ""]
        length += len(paragraph.encode()) + 2
    return "\n".join(
        [*lines, "よろしくお願いいたします。" if japanese else "Kind regards", "-- ", "営業部" if japanese else "Sales"]
    )


def _reply(chance: random.Random, japanese: bool, parent: str, sender: str, date: datetime) -> str:
    said = (
        f"{date:%Y年%m月%d日} 9:00 <{sender}>:" if japanese else f"On {date:%a, %b %d, %Y} at 9:00, <{sender}> wrote:"
    )
    quoted = "\n".join(f"> {line}" for line in parent.split("\n")[:40])
    return f"{text(chance, japanese, 300)}\n\n{said}\n{quoted}\n"


def _forward(chance: random.Random, japanese: bool, number: int, date: datetime) -> str:
    body = text(chance, japanese, 1_800)
    ask = "ログの送付をお願いいたします。" if japanese else "Please send us the logs so that we can investigate."
    labels = ("差出人", "送信日時", "宛先", "件名") if japanese else ("From", "Sent", "To", "Subject")
    values = (
        "Support <support@vendor.example>",
        f"{date:%Y年%m月%d日 %H:%M}" if japanese else f"{date:%A, %B %d, %Y %I:%M %p}",
        "it@corp.example",
        f"Case {700000 + number}: Outlook",
    )
    block = "\n".join(f"{label}: {value}" for label, value in zip(labels, values, strict=True))
    mark = "-----Original Message-----" if not japanese else "-----元のメッセージ-----"
    intro = "転送します。ご確認ください。" if japanese else "FYI, please see below."
    return f"{intro}\n\n{mark}\n{block}\n\n{body}\n{ask}\n"


def whole(chance: random.Random, head: list[str], body: str) -> bytes:
    """The mail on the wire: as text, with HTML beside it, or with a file."""
    kind = chance.random()
    plain = ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", body, ""]
    if kind < 0.6:
        return _wire([*head, *plain])
    if kind < 0.9:
        return _wire(
            [
                *head,
                'Content-Type: multipart/alternative; boundary="alt"',
                "",
                "--alt",
                *plain,
                "--alt",
                "Content-Type: text/html; charset=utf-8",
                "Content-Transfer-Encoding: 8bit",
                "",
                _html(body, 26_000),
                "--alt--",
                "",
            ]
        )
    file = base64.encodebytes(chance.randbytes(20_000)).decode().strip()
    return _wire(
        [
            *head,
            'Content-Type: multipart/mixed; boundary="mix"',
            "",
            "--mix",
            *plain,
            "--mix",
            'Content-Type: application/octet-stream; name="trace.log.gz"',
            'Content-Disposition: attachment; filename="trace.log.gz"',
            "Content-Transfer-Encoding: base64",
            "",
            file,
            "--mix--",
            "",
        ]
    )


def _html(text: str, size: int) -> str:
    """The text as a mail client writes it: a style sheet, a paragraph of attributes for every line."""
    style = "p.MsoNormal {margin:0cm; font-size:10.5pt; font-family:'Yu Gothic';}\n"
    lines = "\n".join(
        f'<p class="MsoNormal" style="margin:0cm;font-size:10.5pt;font-family:sans-serif"><span lang="EN-US" '
        f'style="color:#1F497D">{line or "&nbsp;"}</span></p>'
        for line in text.replace("&", "&amp;").replace("<", "&lt;").split("\n")
    )
    padding = style * max(1, (size - len(lines.encode())) // len(style))
    return f"<html><head><style>{padding}</style></head><body>{lines}</body></html>"


def _wire(lines: list[str]) -> bytes:
    return "\r\n".join(line.replace("\n", "\r\n") for line in lines).encode()


def encoded(words: str) -> str:
    """As a header carries them (RFC 2047)."""
    return words if words.isascii() else Header(words, "utf-8", maxlinelen=900).encode()
