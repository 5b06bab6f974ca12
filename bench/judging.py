"""CPU time of reading a mail of 4 KB by all shipped rules, and of judging it, beside the standard library parsing it.

python -m bench.judging
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial

from bench.harness import Figure, cpu_rounds, ratio, show, standard_library, table
from mailrules.library import load
from mailrules.thread import RuleInput

SIZE = 4096
ROUNDS = 200


def measure(seconds: float) -> list[Figure]:
    """In about so many seconds."""
    rules, rounds = load(), max(20, round(seconds * 6))
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


if __name__ == "__main__":
    show(measure(ROUNDS / 6))
