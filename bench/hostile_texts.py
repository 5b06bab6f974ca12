"""Texts made to be slow to read, at four sizes: CPU seconds of reading one mail, which must grow in proportion.

usage: python -m bench.hostile_texts [NAME…]

Each text is read as a mail's body as far as a worker reads it alone: parsing, facts, rules. Exit status 1 where 1 MB
takes a second or more, or where doubling the size makes it more than three times as slow.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

from service.intake import AppContext, understand
from service.settings import load
from service.store.spool import Claimed, Envelope

SIZES = (125_000, 250_000, 500_000, 1_000_000)
SECONDS = 1.0
GROWTH = 3.0
"""Allowed between two sizes; linear is 2, and a tenth of a second is below what can be told apart."""
RECEIVED = datetime(2026, 3, 2, tzinfo=UTC)
HEAD = (
    "From: Aiko Mori <aiko@corp.example>\r\nTo: help@corp.example\r\nSubject: Trouble\r\n"
    "Message-ID: <x@corp.example>\r\n"
    "Date: Mon, 02 Mar 2026 09:00:00 +0900\r\nMIME-Version: 1.0\r\nContent-Type: text/{}; charset=utf-8\r\n\r\n"
)

UNITS: dict[str, str] = {
    "half-width kana, one a line": "ｱ\r\n",
    "half-width kana in one line": "ｶﾞｷﾞ ",
    "one ㈱ a line": "㈱\r\n",
    "a list of companies": "㈱山田商事 担当 佐藤 03-1234-5678\r\n",
    "zero-width spaces": "a\u200b\r\n",
    "carriage returns alone": "a\r",
    "log in to a": "log in to a ",
    "the same words in Japanese": "ログインできない",
    "cannot connect, no full stop": "cannot connect and ",
    "one letter": "a",
    "one letter a line": "a\r\n",
    "digits": "1",
    "digits and dots": "1.",
    "dates": "2026-03-02 10:00 ",
    "dates in words": "Mon, 2 Mar 2026 at 10:00 ",
    "spaces": " ",
    "spaces before a line end": "a" + " " * 60 + "\r\n",
    "tabs": "\t",
    "empty lines": "\r\n",
    "at signs": "@",
    "addresses": "a@b.example ",
    "angle brackets": "<",
    "closed angle brackets": "<a@b.example>, ",
    "colons": "a: ",
    "label lines": "Error: a\r\n",
    "labels without values": "Error:\r\n",
    "bullets": "・項目\r\n",
    "quote marks": ">",
    "quoted lines": "> a\r\n",
    "quote levels": "> > > > a\r\n",
    "attributions": "On Mon, 2 Mar 2026 at 10:00, A B <a@b.example> wrote:\r\n> a\r\n",
    "attributions that never end": "On Mon, 2 Mar 2026 at 10:00, A B ",
    "header blocks": "From: A <a@b.example>\r\nSent: Monday, March 2, 2026 10:00 AM\r\nTo: B\r\nSubject: c\r\n\r\n",
    "header blocks in Japanese": "差出人: 甲 <a@b.example>\r\n送信日時: 2026年3月2日 10:00\r\n宛先: 乙\r\n\r\n文\r\n",
    "dashes": "-",
    "rules of dashes": "-----------------------------------------\r\n",
    "signature marks": "-- \r\nAiko\r\n",
    "greetings": "お世話になっております。\r\n",
    "thanks": "Thank you, best regards\r\n",
    "double quotes": '"a ',
    "brackets in Japanese": "「あ",
    "brackets that never close": "「",
    "brackets in brackets": "(「[",
    "dots": ".",
    "dots and brackets": "...)",
    "ticket numbers": "Case 12345678 ",
    "ticket numbers in brackets": "[#1234567] ",
    "key-like words": "SD-1 ABC-12 ",
    "addresses of pages": "https://a.example/b?c=d ",
    "error codes": "0x80190001 ",
    "log lines": "2026-03-02 10:00:00 ERROR at com.example.Main.run(Main.java:1)\r\n",
    "encoded words": "=?utf-8?q?a?= ",
    "soft line breaks": "=\r\n",
    "combining marks": "e\u0301",
    "emoji": "😀",
    "bidirectional controls": "\u202ea",
}
TAGS: dict[str, str] = {
    "open tags": "<div>",
    "open quotes in tags": "<a href=\"'",
    "table cells": "<td>a",
    "line breaks": "a<br>",
    "entities": "&nbsp;&#x3042;",
    "comments": "<!--",
    "blockquotes": "<blockquote>a",
    "conditional comments": "<!--[if mso]>a<![endif]-->",
}
ALPHABETS: dict[str, str] = {
    "different letters, no space": "abcdefghijklmnopqrstuvwxyz",
    "different kana": "".join(map(chr, range(0x3041, 0x3094))),
    "different kanji, a mark after ten": "".join(map(chr, range(0x4E00, 0x5E00))) + "。" * 409,
    "different brackets": "(「[『【<{)」]』】>}",
    "different lines of words": "aeiounrst    \n",
}
"""Texts of random characters: no part of them repeats."""


def texts() -> dict[str, Callable[[int], bytes]]:
    """By name: the mail of about so many bytes."""
    made: dict[str, Callable[[int], bytes]] = {}
    for kind, units in (("plain", UNITS), ("html", TAGS)):
        for name, unit in units.items():
            made[name] = _mail(HEAD.format(kind).encode(), unit.encode())
    for name, alphabet in ALPHABETS.items():
        made[name] = _random_mail(HEAD.format("plain").encode(), alphabet)
    made["bytes that are no text"] = _mail(HEAD.format("plain").encode(), b"\xff\r\n")
    made["bytes without a charset"] = _mail(HEAD.format("plain").replace("; charset=utf-8", "").encode(), b"\x83\x41 ")
    return made


def _mail(head: bytes, unit: bytes) -> Callable[[int], bytes]:
    return lambda size: head + unit * (size // len(unit))


def _random_mail(head: bytes, alphabet: str) -> Callable[[int], bytes]:
    bytes_each = len(alphabet.encode()) / len(alphabet)
    return lambda size: head + "".join(Random(size).choices(alphabet, k=int(size / bytes_each))).encode()


def seconds(context: AppContext, content: bytes) -> float:
    """CPU time of reading one mail."""
    claimed = Claimed("x", RECEIVED, Envelope("smtp", "aiko@corp.example", ("help@corp.example",)), content, 1)
    start = time.process_time()
    understand(claimed, context, context.roles())
    return time.process_time() - start


def main(names: list[str]) -> int:
    context = AppContext.of(load(_env_file=None, intake="help@corp.example"))
    seconds(context, HEAD.format("plain").encode() + b"Bonjour, voici une phrase assez longue." * 10)
    over = 0
    print(f"{'text':34}" + "".join(f"{size // 1000:>7} kB" for size in SIZES))
    for name, make in texts().items():
        if names and name not in names:
            continue
        took = [seconds(context, make(size)) for size in SIZES]
        steep = any(later > max(0.1, earlier) * GROWTH for earlier, later in pairwise(took))
        bad = took[-1] >= SECONDS or steep
        over += bad
        print(f"{name:34}" + "".join(f"{one:>10.2f}" for one in took) + ("  OVER" if bad else ""), flush=True)
    print(f"{over} of {len(names) or len(texts())} over {SECONDS:g} s for 1 MB, or growing faster than their size")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
