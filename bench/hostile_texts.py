"""Texts made to be slow to read, at four sizes: CPU seconds of reading one mail, which must grow in proportion.

    python -m bench.hostile_texts [NAME…]

Each text is read as a mail's body as far as a worker reads it alone: parsing, facts, rules. Exit status 1 where 1 MB
takes a second or more, or where doubling the size makes it more than three times as slow.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from random import Random

import cyclopts

from bench.harness import context, cpu_of, table
from service.intake import AppContext, understand
from service.store.spool import Claimed, Envelope

SIZES = (125_000, 250_000, 500_000, 1_000_000)
SECONDS = 1.0
GROWTH = 3.0
"""Allowed between two sizes; linear is 2, and a tenth of a second is below what can be told apart."""
ENVELOPE = Envelope("smtp", "aiko@corp.example", ("help@corp.example",))
HEAD = (
    "From: Aiko Mori <aiko@corp.example>\r\nTo: help@corp.example\r\nSubject: Trouble\r\n"
    "Message-ID: <x@corp.example>\r\n"
    "Date: Mon, 02 Mar 2026 09:00:00 +0900\r\nMIME-Version: 1.0\r\nContent-Type: text/"
)
RANDOM = {
    "different letters, no space": "abcdefghijklmnopqrstuvwxyz",
    "different kana": "".join(map(chr, range(0x3041, 0x3094))),
    "different kanji, a mark after ten": "".join(map(chr, range(0x4E00, 0x5E00))) + "。" * 409,
    "different brackets": "(「[『【<{)」]』】>}",
    "different lines of words": "aeiounrst    \n",
}
"""Texts of random characters of an alphabet: no part of them repeats."""
UTF_8 = "plain; charset=utf-8"


def texts() -> dict[str, tuple[str, bytes]]:
    """By name: the type of the mail, and what its body repeats."""
    found = {
        name: (f"{kind}; charset=utf-8", unit.encode())
        for kind, its in table("hostile_texts").items()
        for name, unit in its.items()
    }
    found |= {name: (UTF_8, alphabet.encode()) for name, alphabet in RANDOM.items()}
    return found | {"bytes that are no text": (UTF_8, b"\xff\r\n"), "bytes without a charset": ("plain", b"\x83\x41 ")}


def body(name: str, unit: bytes, size: int) -> bytes:
    """About so many bytes."""
    if alphabet := RANDOM.get(name):
        return "".join(Random(size).choices(alphabet, k=size * len(alphabet) // len(unit))).encode()
    return unit * (size // len(unit))


def seconds(ours: AppContext, kind: str, body: bytes) -> float:
    """CPU time of reading one mail."""
    content = f"{HEAD}{kind}\r\n\r\n".encode() + body
    claimed = Claimed("x", datetime(2026, 3, 2, tzinfo=UTC), ENVELOPE, content, 1)
    return cpu_of(partial(understand, claimed, ours, ours.roles())) / 1000


def main(*names: str) -> int:
    ours, over = context(intake="help@corp.example", organisation=""), 0
    seconds(ours, UTF_8, b"Bonjour, voici une phrase assez longue." * 10)  # loads what is loaded late
    print(f"{'text':34}" + "".join(f"{size // 1000:>7} kB" for size in SIZES))
    chosen = {name: text for name, text in texts().items() if not names or name in names}
    for name, (kind, unit) in chosen.items():
        took = [seconds(ours, kind, body(name, unit, size)) for size in SIZES]
        bad = took[-1] >= SECONDS or any(later > max(0.1, earlier) * GROWTH for earlier, later in pairwise(took))
        over += bad
        print(f"{name:34}" + "".join(f"{one:>10.2f}" for one in took) + ("  OVER" if bad else ""), flush=True)
    print(f"{over} of {len(chosen)} over {SECONDS:g} s for 1 MB, or growing faster than their size")
    return 1 if over else 0


if __name__ == "__main__":
    cyclopts.run(main)
