"""What reading a mail costs, as a ratio to the standard library in the same run.

For every mail: our ``parse`` (structure, text, new text, quotes, forwards, attachments with digest, language, machine
or person) against ``email.message_from_bytes(policy=default)`` with ``get_body()`` and its content, CPU time of this
process, the two interleaved mail by mail, three rounds, the best of each counted. A ratio of 1.0 means equal cost.
"""

from __future__ import annotations

import email
import email.policy
import time
from collections.abc import Callable
from pathlib import Path

from bench.figure import Outcome, figure, outcome
from bench.mix import mails as mix
from service.mail.parse import parse

ROUNDS = 3
HERE = Path(__file__).resolve().parent.parent


def standard(raw: bytes) -> None:
    """What a program that uses the standard library does at least."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    try:
        body = message.get_body(("plain", "html"))
        if body is not None:
            body.get_content()
    except Exception:  # it raises on many real mails; its time counts all the same
        pass


def cost(read: Callable[[bytes], object], raw: bytes) -> float:
    start = time.process_time()
    read(raw)
    return time.process_time() - start


def mails(folders: list[Path]) -> list[bytes]:
    names = {".eml", ".msg", ".txt", ".box", ".mbox", ".raw", ""}
    files = [f for folder in folders for f in sorted(folder.rglob("*")) if f.is_file() and f.suffix in names]
    return [f.read_bytes() for f in files]


def compare(found: list[bytes], rounds: int = ROUNDS) -> tuple[float, float]:
    """CPU seconds of ours and of the standard library's over all these mails, the best of the rounds for each mail."""
    for raw in found[:20]:  # imports, compiled patterns, the language model
        parse(raw)
        standard(raw)
    best: list[tuple[float, float]] = [(float("inf"), float("inf"))] * len(found)
    for _ in range(rounds):
        for index, raw in enumerate(found):
            ours, theirs = cost(parse, raw), cost(standard, raw)
            best[index] = min(best[index][0], ours), min(best[index][1], theirs)
    return sum(a for a, _ in best), sum(b for _, b in best)


def measure(seconds: float) -> Outcome:
    """On odd mails (those of the tests) and on the realistic mix; in about so many seconds."""
    count = max(30, round(seconds * 30))
    figures = []
    for title, found in (
        ("odd mails, ours", mails([HERE / "tests" / "mail"])[:count]),
        ("mix, ours", [one.content for one in mix(count)]),
    ):
        ours, theirs = compare(found)
        detail = {"ms": ours * 1000 / len(found), "base_ms": theirs * 1000 / len(found), "mails": len(found)}
        figures.append(figure(title, ours / theirs, against="CPU of the standard library", detail=detail))
    return outcome(figures)
