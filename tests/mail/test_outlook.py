"""Formats of Outlook other than Internet mail: rich text, TNEF, .msg files."""

import struct
from pathlib import Path

import pytest

from service.mail import rtf, tnef
from service.mail.parse import attachment, parse

COMPRESSED = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
)
"""The example of [MS-OXRTFCP] 4.1.1."""


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (rb"{\rtf1\ansi\ansicpg1252 Gr\'fc\'dfe\par zwei}", ("Grüße\nzwei", "")),
        (rb"{\rtf1\ansi{\fonttbl{\f0\fcharset128 MS Gothic;}}\f0 \'82\'a0\'82\'a2}", ("あい", "")),
        (rb"{\rtf1\ansi\uc1 \u12354?\u12356?}", ("あい", "")),
        (rb"{\rtf1\ansi\uc1 \u-10179?\u-8704?}", ("😀", "")),
        (rb"{\rtf1\ansi\uc1{\uc2 \u12354??}\u12356??}", ("あい?", "")),
        (rb"{\rtf1\ansi\uc1 \u12354{\*\note ab}?\u12356?}", ("あい", "")),
        (rb"{\rtf1\ansi \'82\'a0{\fcharset128 }}", ("\u201a\u00a0", "")),
        (rb"{\rtf1\ansi\ansicpg932 \'82\uc1\'a0}", ("あ", "")),
        (rb"{\rtf1\fromhtml1 \htmlrtf \u12354?\htmlrtf0 hi}", ("", "hi")),
        (rb"{\rtf1\fromhtml1{\*\htmltag <p>}hi\htmlrtf \par \htmlrtf0{\*\htmltag </p>}}", ("", "<p>hi</p>")),
        (rb"{\rtf1{\*\generator x;}{\info{\title no}}yes\{\}}", ("yes{}", "")),
    ],
)
def test_rich_text_is_converted(document: bytes, expected: tuple[str, str]) -> None:
    assert rtf.read(document) == expected


def attribute(level: int, ident: int, value: bytes) -> bytes:
    return struct.pack("<BII", level, ident, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def stream(*attributes: bytes) -> bytes:
    return tnef.START + struct.pack("<H", 1) + b"".join(attributes)


def test_compressed_rich_text_is_the_body() -> None:
    assert rtf.decompress(COMPRESSED) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    binary = struct.pack("<IHHII", 1, 0x0102, 0x1009, 1, len(COMPRESSED)) + COMPRESSED + b"\0" * (-len(COMPRESSED) % 4)
    unpacked = tnef.read(stream(attribute(1, 0x69003, binary)), "0")
    assert unpacked is not None
    assert unpacked.text() == "hello world"


def test_the_readable_part_of_a_truncated_stream_is_kept() -> None:
    whole = stream(
        attribute(2, 0x69002, b"\0" * 14), attribute(2, 0x18010, b"a.txt\0"), attribute(2, 0x6800F, b"whole file"),
        attribute(2, 0x69002, b"\0" * 14), attribute(2, 0x18010, b"b.txt\0"), attribute(2, 0x6800F, b"cut file"),
    )  # fmt: skip
    unpacked = tnef.read(whole[:-6], "0")
    assert unpacked is not None
    assert [(f.filename, f.payload) for f in unpacked.files] == [("a.txt", b"whole file"), ("b.txt", b"cut ")]
    assert "tnef-damaged" in unpacked.defects


def test_a_subject_in_a_tnef_stream_does_not_make_a_mail_automatic() -> None:
    mail = parse(stream(attribute(1, 0x18004, b"Vacation calendar is empty\0")))
    assert (mail.subject, mail.automatic) == ("Vacation calendar is empty", None)


def test_a_msg_file_is_a_mail() -> None:
    raw = (Path(__file__).parent / "oddities/outlook-file-attached.eml").read_bytes()
    outer = parse(raw)
    alone, [inner] = parse(attachment(raw, outer.attachments[0].part)), outer.forwarded
    assert (alone.message_id, inner.message_id) == ("<vn-1@vendor.example>",) * 2
    assert (str(alone.from_), alone.subject) == ("Vendor Support <support@vendor.example>", "RE: ディスク故障")
    assert alone.text.strip() == inner.text == "ログをお送りください。"
    for mail in (alone, inner):
        assert [(file.filename, file.size) for file in mail.attachments] == [("手順.txt", 4200)]
