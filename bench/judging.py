"""CPU time of reading a mail of 4 KB by all shipped rules, and of judging it, beside the standard library parsing it.

    python -m bench.judging

Prints also the milliseconds of development mails of the corpus, joined to that size and read twice: all their sentences
are new, then known.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial
from pathlib import Path

from bench.harness import Figure, cpu_rounds, ratio, show, standard_library, table
from mailrules.engine.judge import Rules
from mailrules.evaluation.judged import turn_of
from mailrules.library import load
from mailrules.thread import RuleInput

SIZE = 4096
ROUNDS = 200
CORPUS = Path(__file__).resolve().parent.parent / "mailrules" / "corpus"
WRITERS = ("en-dev4a", "en-dev5v", "ja-dev4a", "ja-dev5v")
WARMING_UP = 30
"""Mails read before the times count: caches of words and automata are empty at first."""


def measure(seconds: float) -> list[Figure]:
    """In about so many seconds."""
    rules, rounds = _loaded(), max(20, round(seconds * 6))
    figures = []
    for sample in table("judging"):
        text = sample["text"]
        while len(text.encode()) < SIZE:
            text += sample["filling"]
        turn = RuleInput(
            "1", sample["side"], "a@corp.example", text, "お知らせ", date=datetime(2026, 11, 10, tzinfo=UTC)
        )
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "a@corp.example", "b@corp.example", "お知らせ"
        message.set_content(text)
        reading = rules.read(turn)
        calls = (
            partial(rules.read, turn),
            partial(rules.judge, (turn,), (reading,)),
            partial(standard_library, message.as_bytes()),
        )
        *times, base = cpu_rounds(calls, rounds)
        figures += [
            ratio(f"{sample['name']}: {step}", its, base) for step, its in zip(("read", "judge"), times, strict=True)
        ]
    return figures


def joined_mails(writer: str) -> Iterator[RuleInput]:
    """Mails of a development file, joined to the size wanted."""
    text = ""
    for line in (CORPUS / f"{writer}.jsonl").read_text(encoding="utf-8").splitlines():
        turn = turn_of(json.loads(line))
        text += turn.text + "\n"
        if len(text.encode()) >= SIZE:
            yield replace(turn, text=text.encode()[:SIZE].decode(errors="ignore"))
            text = ""


def first_and_second(rules: Rules, writer: str) -> tuple[float, float]:
    """Milliseconds of reading a mail whose sentences are new, and of reading it again."""
    took: list[tuple[float, float]] = []
    for turn in joined_mails(writer):
        started = time.process_time()
        rules.read(turn)
        between = time.process_time()
        rules.read(turn)
        took.append((between - started, time.process_time() - between))
    first, second = zip(*took[WARMING_UP:], strict=True)
    return statistics.median(first) * 1000, statistics.median(second) * 1000


def _loaded() -> Rules:
    """Load the rules and keep them from garbage collection, as a worker does."""
    rules = load()
    gc.collect()
    gc.freeze()
    return rules


if __name__ == "__main__":
    for writer in WRITERS:
        print(f"{writer:14} new sentences %.2f  read again %.2f" % first_and_second(_loaded(), writer))
    show(measure(ROUNDS / 6))
