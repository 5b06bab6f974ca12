"""What parsing a mail costs, as a ratio to the standard library in the same run, on unusual mails and on the mix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from bench.harness import ROOT, Figure, cpu_rounds, ratio, standard_library
from bench.mix import mails
from service.mail.parse import parse

ROUNDS = 3


def measure(seconds: float) -> list[Figure]:
    """In about so many seconds."""
    count = max(30, round(seconds * 20))
    unusual = [file.read_bytes() for file in sorted((ROOT / "tests" / "mail").rglob("*.eml"))][:count]
    return [_compare("unusual mails", unusual), _compare("mix", [one.content for one in mails(count)])]


def _compare(name: str, found: Sequence[bytes]) -> Figure:
    calls = [partial(_each, read, found) for read in (parse, standard_library)]
    ours, base = ([ms / len(found) for ms in times] for times in cpu_rounds(calls, ROUNDS))
    return ratio(name, ours, base, mails=len(found))


def _each(read: Callable[[bytes], object], found: Sequence[bytes]) -> None:
    for raw in found:
        read(raw)
