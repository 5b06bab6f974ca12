"""SMTP smuggling (CVE-2023-51764 to 51766): only CRLF dot CRLF ends a mail."""

import itertools
from pathlib import Path

import pytest

from service.smtp.content import Content

ENDS = ("\r\n", "\n", "\r", "\r\r\n", "\n\r", "\r\n\x00", "\x00\r\n", "\r\n\r")
FALSE_ENDS = [end for pair in itertools.product(ENDS, ENDS) if "\r\n.\r\n" not in (end := ".".join(pair))]
HIDDEN = b"MAIL FROM:<ceo@example.org>\r\nRCPT TO:<help@intake.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"


@pytest.mark.parametrize("false_end", FALSE_ENDS, ids=ascii)
def test_a_dot_between_other_line_ends_does_not_end_a_mail(tmp_path: Path, false_end: str) -> None:
    sent = b"Subject: x\r\n\r\ny" + false_end.encode() + HIDDEN + b"\r\n.\r\n"
    for step in (1, 5, len(sent)):
        incoming = Content(100_000, tmp_path)
        rests = [incoming.feed(sent[at : at + step]) for at in range(0, len(sent), step)]
        assert [rest for rest in rests if rest is not None] == [b""]
        plain = false_end.replace("\r\n", "")
        assert incoming.has_bare_newline == ("\r" in plain or "\n" in plain)
        read = incoming.read()
        incoming.discard()
        assert read.count(b"\r\n") == read.count(b"\r") == read.count(b"\n")
        assert b"DATA" in read
