"""Texts that are made to be slow to read: each is read completely within a second."""

import random
from datetime import UTC, datetime

import pytest

from service.intake import understand
from service.mail.message import Mail
from service.store.spool import Claimed
from tests.flow.crew import context, limited
from tests.flow.test_worker import ENVELOPE
from tests.tables import table_beside

pytestmark = pytest.mark.long

TEXTS = table_beside(__file__, "slow_texts.yaml")
HEAD = (
    "From: Aiko Mori <aiko@corp.example>\r\nTo: help@intake.example\r\nSubject: Trouble\r\nMIME-Version: 1.0\r\n"
    "Message-ID: <x@corp.example>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0900\r\nContent-Type: text/"
)


def body(how: str, text: str | bytes, size: int) -> bytes:
    """Return about ``size`` bytes: the text repeated, or its characters in random order (``how`` is ``random``)."""
    unit = text if isinstance(text, bytes) else text.encode()
    if how == "random":
        return "".join(random.Random(size).choices(str(text), k=size * len(text) // len(unit))).encode()
    return unit * (size // len(unit))


def defects(kind: str, body: bytes, seconds: float) -> tuple[str, ...]:
    """Return the defects of a mail that is read with a limit of CPU seconds."""
    claimed = Claimed("x", datetime(2026, 3, 2, tzinfo=UTC), ENVELOPE, f"{HEAD}{kind}\r\n\r\n".encode() + body, 1)
    read = understand(claimed, limited(seconds), context().roles())
    source = read.extracted[0].source
    assert isinstance(source, Mail)
    return source.defects


@pytest.mark.parametrize("size", [200_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize(
    ("kind", "how", "text"),
    [pytest.param(kind, how, text, id=name) for kind, how, texts in TEXTS for name, text in texts.items()],
)
def test_a_text_is_read_completely(kind: str, how: str, text: str | bytes, size: int) -> None:
    defects("plain", b"Bonjour, voici une phrase assez longue." * 10, 0)  # loads the language classifier
    assert "not-fully-read" not in defects(kind, body(how, text, size), 1)


def test_a_source_route_without_an_end_is_read_completely() -> None:
    route = ("<@," + "a,b" * 66_000)[:199_000]  # RFC 5322 §4.4
    assert "not-fully-read" not in defects(f"plain\r\nCc: {route}", b"a", 1)
