"""Measures the CPU time of reading and judging mails of 4 KB, against the standard library parsing them.

    python -m bench.judging

Development mails of the corpus are joined to this size. Each mail is read twice: first all sentences are new, then all
are known. It is judged as the only mail of a case.
"""

import gc
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from functools import partial

from bench.harness import Figure, corpus, cpu_of, ratio, show, standard_library
from mailrules.engine.judge import Rules
from mailrules.evaluation.judged import turn_of
from mailrules.library import load
from mailrules.thread import RuleInput

SIZE = 4096
WRITERS = {"English": ("en-dev4a", "en-dev5v"), "Japanese": ("ja-dev4a", "ja-dev5v")}
WARMING_UP = 30  # mails that are not counted, because the caches of words and automata are empty at first
STEPS = ("new sentences", "known sentences", "judge")


def measure(seconds: float) -> list[Figure]:
    """Measure at least ten mails of each language, in about so many seconds."""
    rules, mails = load(), WARMING_UP + max(10, round(seconds * 25))
    gc.collect()
    gc.freeze()  # as a worker does
    figures = []
    for language, writers in WRITERS.items():
        turns = [turn for writer in writers for turn in joined_mails(writer)][:mails]
        *steps, base = zip(*[_costs(rules, turn) for turn in turns][WARMING_UP:], strict=True)
        figures += [ratio(f"{language}: {name}", its, base) for name, its in zip(STEPS, steps, strict=True)]
    return figures


def joined_mails(writer: str) -> Iterator[RuleInput]:
    """Yield mails of a development file, joined to ``SIZE`` bytes."""
    text = ""
    for turn in map(turn_of, corpus(writer)):
        text += turn.text + "\n"
        if len(text.encode()) >= SIZE:
            yield replace(turn, text=text.encode()[:SIZE].decode(errors="ignore"))
            text = ""


def _costs(rules: Rules, turn: RuleInput) -> list[float]:
    """Return the CPU time of the steps and of the baseline, in milliseconds."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@corp.example", "b@corp.example", turn.subject
    message.set_content(turn.text)
    read, parse = partial(rules.read, turn), partial(standard_library, message.as_bytes())
    return [cpu_of(read), cpu_of(read), cpu_of(partial(rules.judge, (turn,), (read(),))), cpu_of(parse)]


if __name__ == "__main__":
    show(measure(30))
