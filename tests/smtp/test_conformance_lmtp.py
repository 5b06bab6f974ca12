"""LMTP: LHLO, and an answer for each recipient."""

# ruff: noqa: E501 - a dialogue is one line of a table

from __future__ import annotations

import pytest

from tests.smtp.dialogues import Dialogue, Servers, hold

DIALOGUES = [
    Dialogue("RFC 2033 §4", "the greeting names LMTP", "-> 220 mx.intake.example LMTP"),
    Dialogue("RFC 2033 §4.1", "LHLO in place of EHLO", "LHLO c -> 250-mx.intake.example"),
    Dialogue("RFC 2033 §4.1", "EHLO and HELO are refused", "EHLO c -> 500 5.5.1\nHELO c -> 500 5.5.1"),
    Dialogue("RFC 2033 §4.1", "LHLO needs a name", "LHLO -> 501 5.5.4"),
    Dialogue("RFC 2033 §5", "PIPELINING and enhanced status codes are offered", "LHLO c -> 250- ~ PIPELINING\nLHLO c -> 250- ~ ENHANCEDSTATUSCODES"),
    Dialogue("RFC 2033 §4.1", "MAIL comes after LHLO", "MAIL FROM:<> -> 503 5.5.1"),
    Dialogue("RFC 2033 §4.2", "one recipient, one answer", "LHLO\nMAIL FROM:<> -> 250\nRCPT TO:<{to}> -> 250\nDATA -> 354\n! x\\r\\n.\\r\\n -> 250 2.0.0\nQUIT -> 221", 1),
    Dialogue(
        "RFC 2033 §4.2",
        "as many answers as recipients were accepted",
        "LHLO\nMAIL FROM:<> -> 250\nRCPT TO:<{to}> -> 250\nRCPT TO:<no@else.example> -> 550 5.1.1\nRCPT TO:<x@cases.example> -> 250\n"
        "DATA -> 354\n! x\\r\\n.\\r\\n -> 250 2.0.0 | 250 2.0.0\nQUIT -> 221 | closed",
        1,
    ),
    Dialogue("RFC 2033 §4.2", "no recipient, no content", "LHLO\nMAIL FROM:<> -> 250\nRCPT TO:<no@else.example> -> 550\nDATA -> 503 5.5.1"),
    Dialogue(
        "RFC 2033 §4.2",
        "a refused content is refused for each",
        "LHLO\nMAIL FROM:<> -> 250\nRCPT TO:<{to}> -> 250\nRCPT TO:<x@cases.example> -> 250\n"
        "DATA -> 354\n! " + "Received: by mx\\r\\n" * 101 + "\\r\\nx\\r\\n.\\r\\n -> 554 5.4.6 | 554 5.4.6\nNOOP -> 250",
        0,
    ),
]  # fmt: skip


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=str)
def test_dialogue(dialogue: Dialogue, servers: Servers) -> None:
    hold(dialogue, servers, "LMTP")
