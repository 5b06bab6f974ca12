"""Greeting, order of commands, and the commands around a mail."""

# ruff: noqa: E501 - a dialogue is one line of a table

from __future__ import annotations

import re
from itertools import chain

import pytest

from tests.smtp import (
    test_conformance_content,
    test_conformance_envelope,
    test_conformance_limits,
    test_conformance_lmtp,
    test_conformance_tls,
)
from tests.smtp.dialogues import Dialogue, Servers, hold

DIALOGUES = [
    Dialogue("RFC 5321 §3.1", "the greeting names us and ESMTP", "-> 220 mx.intake.example ESMTP"),
    Dialogue("RFC 5321 §4.1.1.1", "EHLO is answered with our name", "EHLO client.example -> 250-mx.intake.example"),
    Dialogue("RFC 5321 §4.1.1.1", "HELO too", "HELO client.example -> 250 mx.intake.example"),
    Dialogue("RFC 5321 §4.1.1.1", "an address literal is a host", "EHLO [192.0.2.1] -> 250"),
    Dialogue("RFC 5321 §4.1.3", "an IPv6 literal is a host", "EHLO [IPv6:2001:db8::1] -> 250"),
    Dialogue("RFC 5321 §4.1.1.1", "EHLO needs a name", "EHLO -> 501 5.5.4\nHELO -> 501 5.5.4"),
    Dialogue("RFC 5321 §4.1.1.1", "a name has no spaces", "EHLO two words -> 501 5.5.4"),
    Dialogue("RFC 5321 §4.1.1.1", "markup is no name", "EHLO <script> -> 501 5.5.4"),
    Dialogue("RFC 5321 §4.5.3.1.2", "a name has 255 bytes at most", f"EHLO {'x' * 256} -> 501 5.5.4"),
    Dialogue("RFC 5321 §4.1.4", "EHLO may come again and forgets the mail begun", "RCPT\nHELLO\nDATA -> 503 5.5.1"),
    Dialogue("RFC 5321 §4.1.1.5", "RSET forgets the mail begun", "RCPT\nRSET -> 250 2.0.0\nDATA -> 503 5.5.1"),
    Dialogue("RFC 5321 §4.1.1.5", "RSET leaves the greeting", "MAIL\nRSET -> 250\nMAIL FROM:<a@example.org> -> 250"),
    Dialogue("RFC 5321 §4.1.1.5", "RSET has no argument", "RSET now -> 501 5.5.4"),
    Dialogue("RFC 5321 §4.1.4", "RSET and NOOP need no greeting", "RSET -> 250\nNOOP -> 250\nVRFY a -> 252"),
    Dialogue("RFC 5321 §4.1.1.9", "NOOP ignores its argument", "NOOP x <y> 用户 -> 250 2.0.0"),
    Dialogue("RFC 5321 §4.1.1.9", "NOOP changes nothing", "RCPT\nNOOP -> 250\nDATA -> 354"),
    Dialogue("RFC 5321 §4.1.1.10", "QUIT is answered, then the line is closed", "QUIT -> 221 2.0.0 | closed"),
    Dialogue("RFC 5321 §4.1.1.10", "QUIT has no argument", "QUIT now -> 501 5.5.4\nQUIT -> 221 | closed"),
    Dialogue("RFC 5321 §4.1.1.10", "QUIT drops the mail begun", "RCPT\nQUIT -> 221 | closed", 0),
    Dialogue("RFC 5321 §3.5.3", "VRFY tells nobody who exists", "VRFY help -> 252 2.5.0\nVRFY nobody -> 252 2.5.0"),
    Dialogue("RFC 5321 §4.1.1.6", "VRFY needs an argument", "VRFY -> 501 5.5.4"),
    Dialogue("RFC 5321 §7.3", "EXPN is not done", "EXPN staff -> 502 5.5.1"),
    Dialogue("RFC 5321 §4.1.1.8", "HELP lists the commands", "HELP -> 214 2.0.0"),
    Dialogue("RFC 5321 §4.1.1.8", "HELP on a command", "HELP rcpt -> 214 2.0.0 Syntax: RCPT TO:"),
    Dialogue("RFC 5321 §4.1.1.8", "HELP on nothing known", "HELP me -> 504 5.5.4"),
    Dialogue("RFC 5321 §4.2.4", "unknown commands are 500", "FROBNICATE -> 500 5.5.1"),
    Dialogue("RFC 5321 §4.2.4", "known ones that are not done are 502", "TURN -> 502 5.5.1\nETRN x -> 502 5.5.1"),
    Dialogue("RFC 3030 §2", "BDAT was not offered", "HELLO\nBDAT 5 LAST -> 502 5.5.1"),
    Dialogue("RFC 5321 §F.6", "SEND, SOML, SAML are history", "SEND x -> 502\nSOML x -> 502\nSAML x -> 502"),
    Dialogue("RFC 5321 §4.2.4", "XCLIENT: nobody may pretend an address", "XCLIENT ADDR=192.0.2.1 -> 502 5.5.1\nXFORWARD -> 502 5.5.1"),
    Dialogue("RFC 5321 §2.4", "commands have no case", "ehlo c -> 250\nmAiL fRoM:<a@example.org> -> 250\nnoop -> 250"),
    Dialogue("RFC 5321 §4.1.1", "space behind a command is tolerated", "NOOP\\x20\\x20 -> 250\nQUIT\\x20 -> 221 | closed"),
    Dialogue("RFC 5321 §4.1.1", "space before a command is not", "\\x20NOOP -> 500 5.5.1"),
    Dialogue("RFC 5321 §4.1.1", "an empty line is no command", "\\x20 -> 500\n! \\r\\n -> 500 5.5.1"),
    Dialogue("RFC 5321 §4.1.4", "MAIL comes after EHLO", "MAIL FROM:<a@example.org> -> 503 5.5.1"),
    Dialogue("RFC 5321 §4.1.4", "RCPT comes after MAIL", "HELLO\nRCPT TO:<{to}> -> 503 5.5.1"),
    Dialogue("RFC 5321 §4.1.4", "DATA comes after RCPT", "HELLO\nDATA -> 503 5.5.1\nMAIL\nDATA -> 503 5.5.1"),
    Dialogue("RFC 5321 §4.1.4", "one MAIL at a time", "MAIL\nMAIL FROM:<b@example.org> -> 503 5.5.1"),
    Dialogue("RFC 5321 §3.3", "no valid recipient, no content", "MAIL\nRCPT TO:<x@else.example> -> 550\nDATA -> 503"),
    Dialogue("RFC 1652 §2", "8BITMIME is offered", "EHLO x -> 250 ~ 8BITMIME".replace("250 ~", "250- ~")),
    Dialogue("RFC 1870 §4", "SIZE is offered with our limit", "EHLO x -> 250- ~ SIZE 100000"),
    Dialogue("RFC 2034 §3", "enhanced status codes are offered", "EHLO x -> 250- ~ ENHANCEDSTATUSCODES"),
    Dialogue("RFC 2920 §3", "PIPELINING is offered", "EHLO x -> 250- ~ PIPELINING"),
    Dialogue("RFC 6531 §3.1", "SMTPUTF8 is offered", "EHLO x -> 250- ~ SMTPUTF8"),
    Dialogue("RFC 9422 §4", "the limit of recipients is told", "EHLO x -> 250- ~ LIMITS RCPTMAX=5"),
    Dialogue("RFC 3207 §4", "without a certificate there is no STARTTLS", "HELLO\nSTARTTLS -> 502 5.5.1"),
    Dialogue("RFC 4954 §3", "without passwords there is no AUTH", "HELLO\nAUTH PLAIN -> 502 5.5.1"),
    Dialogue(
        "RFC 2920 §3.1",
        "commands sent ahead are answered in their order",
        "! EHLO c\\r\\nMAIL FROM:<a@example.org>\\r\\nRCPT TO:<{to}>\\r\\nDATA\\r\\n -> 250- | 250 2.1.0 | 250 2.1.5 | 354\n"
        "! Subject: x\\r\\n\\r\\ny\\r\\n.\\r\\nRSET\\r\\nQUIT\\r\\n -> 250 2.0.0 | 250 2.0.0 | 221 | closed",
        1,
    ),
    Dialogue(
        "RFC 2920 §3.1",
        "a refused recipient among commands sent ahead does not shift the rest",
        "! EHLO c\\r\\nMAIL FROM:<a@example.org>\\r\\nRCPT TO:<no@else.example>\\r\\nDATA\\r\\n -> 250- | 250 | 550 5.1.1 | 503\n"
        "QUIT -> 221",
    ),
    Dialogue(
        "RFC 2920 §3.1",
        "two mails in one stream are two mails",
        "HELLO\n! MAIL FROM:<a@example.org>\\r\\nRCPT TO:<{to}>\\r\\nDATA\\r\\none\\r\\n.\\r\\nMAIL FROM:<>\\r\\n"
        "RCPT TO:<{to}>\\r\\nDATA\\r\\ntwo\\r\\n.\\r\\n -> 250 | 250 | 354 | 250 | 250 | 250 | 354 | 250",
        2,
    ),
    Dialogue("RFC 5321 §4.1.1.10", "what was sent before we hear the end is still done", "HELLO\n! NOOP\\r\\nRSET\\r\\n\nHALF\n-> 250 | 250 | closed"),
    Dialogue("RFC 5321 §4.1.1.10", "half a command at the end is none", "HELLO\n! NOO\nHALF\n-> closed"),
    Dialogue("RFC 7504 §3", "who may not send is told 554, for 521 would say that nobody may", "-> 554 mx.intake.example", server="closed"),
    Dialogue(
        "RFC 5321 §3.1",
        "and may only QUIT",
        "-> 554 mx\nEHLO x -> 503 5.5.1\nMAIL FROM:<a@example.org> -> 503\nNOOP -> 503\nQUIT -> 221 2.0.0 | closed",
        server="closed",
    ),
]  # fmt: skip


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=str)
def test_dialogue(dialogue: Dialogue, servers: Servers) -> None:
    hold(dialogue, servers)


def test_every_dialogue_names_what_it_is_about() -> None:
    others = (
        test_conformance_content,
        test_conformance_envelope,
        test_conformance_limits,
        test_conformance_lmtp,
        test_conformance_tls,
    )
    every = [*DIALOGUES, *chain.from_iterable(other.DIALOGUES for other in others)]
    assert len(every) >= 120
    assert len({(dialogue.about, dialogue.name) for dialogue in every}) == len(every)
    for dialogue in every:
        assert re.fullmatch(r"RFC [0-9]{4} §[0-9A-F](\.[0-9]{1,2})*|CVE-[0-9]{4}-[0-9]{4,}", dialogue.about), dialogue
