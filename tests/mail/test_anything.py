"""Any bytes are parsed as a mail: without an exception, and with a result that JSON and the database accept."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.mail.message import Mail
from service.mail.parse import attachment, parse
from service.mail.report import report

HERE = Path(__file__).parent
MAILS = [path.read_bytes() for path in sorted(HERE.glob("*/*.eml"))]

TOKENS = [
    b"\r\n", b"\n", b"\r", b"\0", b"--b", b"--b--", b"=?utf-8?B?", b"?=", b"=?iso-2022-jp?Q?", b"\x1b$B", b"\x1b(B",
    b"Content-Type: ", b"multipart/mixed; boundary=b", b"multipart/alternative; boundary=b", b"message/rfc822",
    b"text/html", b"text/plain; format=flowed", b"application/ms-tnef", b"text/calendar", b"charset=", b"utf-7",
    b"utf-16", b"hz", b"\xff\xfe", b"\xe3\x81", b"base64", b"quoted-printable", b"x-uuencode",
    b"Content-Transfer-Encoding: ", b"From: ", b"To: ", b"Date: ", b"Subject: ", b"Message-ID: ", b"<[", b"<@a,@b:c@d>",
    b"\"", b"\\", b"(", b")", b"<", b">", b";", b":", b",", b"@", b"begin 644 a\n", b"=ybegin line=1 name=a\n",
    b"-----BEGIN PGP SIGNED MESSAGE-----", b"BEGIN:VEVENT\n", b"DTSTART:20269999T999999\n", b"<blockquote>", b"<!--",
    b"<style>", b"&#xD800;", b"&#1114112;", b"{\\rtf1 \\u55296 ", b"filename*0*=utf-8''%", b"x\x9f>\"", b" ", b"9" * 30,
    b"Action: failed\nFinal-Recipient: rfc822;", b"> ", b"-- \n", b"On 1/1/1 a wrote:\n", "差出人: ".encode(),
]  # fmt: skip

NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""Matches the character NUL in JSON. A mail may contain the text ``\\u0000``."""


def check(raw: bytes) -> Mail:
    mail = parse(raw)
    assert not [defect for defect in mail.defects if defect.startswith(("unreadable", "body-unread"))], mail.defects
    encoded = json.dumps(report(mail, "x"), ensure_ascii=False).encode("utf-8")
    assert not NUL.search(encoded)
    for file in mail.attachments:
        assert hashlib.sha256(attachment(raw, file.part)).hexdigest() == file.sha256
    assert len({file.part for file in mail.attachments}) == len(mail.attachments)
    return mail


mixtures = st.lists(st.sampled_from(TOKENS) | st.binary(max_size=12), max_size=120).map(b"".join)


@given(st.binary(max_size=2_000) | mixtures)
def test_any_bytes_and_any_mixture_of_pieces_of_mails_are_parsed(raw: bytes) -> None:
    check(raw)


edits = st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(TOKENS) | st.binary(max_size=6))


@given(st.sampled_from(MAILS), st.lists(edits, max_size=8), st.just(1.0) | st.floats(0, 1))
def test_any_changed_or_truncated_mail_is_parsed(
    raw: bytes, mutations: list[tuple[float, int, bytes]], end: float
) -> None:
    for place, length, new in mutations:
        at = int(place * len(raw))
        raw = raw[:at] + new + raw[at + length :]
    check(raw[: int(end * len(raw))])


@pytest.mark.parametrize("raw", [b"", b" \r\n\t", b"\0"], ids=["nothing", "white space", "a nul byte"])
def test_an_empty_mail_has_an_error(raw: bytes) -> None:
    mail = parse(raw)
    assert mail.text == ""
    assert (mail.error is not None) == (not raw.strip())


def test_an_unknown_part_raises_key_error() -> None:
    with pytest.raises(KeyError):
        attachment(MAILS[0], "no such part")
