"""What Outlook sends that is not Internet mail: rich text, TNEF, .msg files."""

import base64
import struct

import pytest

from service.mail import rtf, tnef
from service.mail.parse import parse

COMPRESSED = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
)
"""The example of [MS-OXRTFCP] 4.1.1."""


def test_compressed_rich_text_is_unpacked() -> None:
    assert rtf.decompress(COMPRESSED) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (rb"{\rtf1\ansi\ansicpg1252 Gr\'fc\'dfe\par zwei}", ("Grüße\nzwei", "")),
        (rb"{\rtf1\ansi{\fonttbl{\f0\fcharset128 MS Gothic;}}\f0 \'82\'a0\'82\'a2}", ("あい", "")),
        (rb"{\rtf1\ansi\uc1 \u12354?\u12356?}", ("あい", "")),
        (rb"{\rtf1\ansi\uc1 \u-10179?\u-8704?}", ("😀", "")),
        (rb"{\rtf1\fromhtml1{\*\htmltag <p>}hi\htmlrtf \par \htmlrtf0{\*\htmltag </p>}}", ("", "<p>hi</p>")),
        (rb"{\rtf1{\*\generator x;}{\info{\title no}}yes\{\}}", ("yes{}", "")),
    ],
)
def test_rich_text_is_read(document: bytes, expected: tuple[str, str]) -> None:
    assert rtf.read(document) == expected


def attribute(level: int, ident: int, value: bytes) -> bytes:
    return struct.pack("<BII", level, ident, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def stream(*attributes: bytes) -> bytes:
    return struct.pack("<IH", tnef.SIGNATURE, 1) + b"".join(attributes)


def binary(ident: int, value: bytes) -> bytes:
    return struct.pack("<HHII", 0x0102, ident, 1, len(value)) + value + b"\0" * (-len(value) % 4)


def test_a_body_in_rich_text_alone_is_read() -> None:
    unpacked = tnef.read(stream(attribute(1, 0x69003, struct.pack("<I", 1) + binary(0x1009, COMPRESSED))))
    assert unpacked is not None
    assert unpacked.text == "hello world"


def test_a_cut_off_stream_gives_what_was_whole() -> None:
    whole = stream(
        attribute(2, 0x69002, b"\0" * 14), attribute(2, 0x18010, b"a.txt\0"), attribute(2, 0x6800F, b"whole file"),
        attribute(2, 0x69002, b"\0" * 14), attribute(2, 0x18010, b"b.txt\0"), attribute(2, 0x6800F, b"cut file"),
    )  # fmt: skip
    unpacked = tnef.read(whole[:-6])
    assert unpacked is not None
    assert [(f.filename, f.payload) for f in unpacked.files] == [("a.txt", b"whole file"), ("b.txt", b"cut ")]
    assert "tnef-damaged" in unpacked.defects


def compound(streams: dict[str, bytes]) -> bytes:
    """A compound file ([MS-CFB]) of 512-byte sectors; a ``/`` in a name is a storage. Small, and only for this test."""
    names = ["Root Entry"]
    for path in streams:
        storage, _, _ = path.rpartition("/")
        if storage and storage not in names:
            names.append(storage)
        names.append(path)
    sectors: list[bytes] = []
    table: list[int] = []
    starts: dict[str, tuple[int, int]] = {}

    def chain(data: bytes) -> int:
        first = len(sectors)
        for at in range(0, len(data), 512):
            sectors.append(data[at : at + 512].ljust(512, b"\0"))
            table.append(len(sectors))
        table[-1] = 0xFFFFFFFE
        return first

    for path, data in streams.items():
        starts[path] = (chain(data or b"\0"), len(data))
    tops = [n for n in names[1:] if "/" not in n]

    def siblings(group: list[str], name: str) -> int:
        after = group.index(name) + 1
        return names.index(group[after]) if after < len(group) else 0xFFFFFFFF

    directory = b""
    for name in names:
        inner = [n for n in names if n.startswith(name + "/")]
        short = name.rpartition("/")[2].encode("utf-16-le") + b"\0\0"
        kind = 5 if name == "Root Entry" else 2 if name in streams else 1
        group = tops if "/" not in name else [n for n in names if n.rpartition("/")[0] == name.rpartition("/")[0]]
        right = 0xFFFFFFFF if kind == 5 else siblings(group, name)
        child = names.index(tops[0]) if kind == 5 else names.index(inner[0]) if inner else 0xFFFFFFFF
        start, size = starts.get(name, (0xFFFFFFFE if kind == 5 else 0, 0))
        directory += (
            short.ljust(64, b"\0") + struct.pack("<HBBIII", len(short), kind, 1, 0xFFFFFFFF, right, child)
            + b"\0" * 36 + struct.pack("<IQ", start, size)
        )  # fmt: skip
    first_directory = chain(directory)
    table_sector = len(sectors)
    table.append(0xFFFFFFFD)
    sectors.append(struct.pack(f"<{len(table)}I", *table).ljust(512, b"\xff"))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    header += struct.pack("<IIIIIIIII", 0, 1, first_directory, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<109I", table_sector, *[0xFFFFFFFF] * 108)
    return header + b"".join(sectors)


def wide(text: str) -> bytes:
    """Long enough not to need the small sectors that short streams live in."""
    return text.encode("utf-16-le").ljust(4096, b"\0")


MSG = compound(
    {
        "__substg1.0_0037001F": wide("RE: ディスク故障"),
        "__substg1.0_0C1A001F": wide("Vendor Support"),
        "__substg1.0_5D01001F": wide("support@vendor.example"),
        "__substg1.0_0E04001F": wide("Hanako Ito <h.ito@shop.example>"),
        "__substg1.0_1000001F": wide("ログをお送りください。\r\n"),
        "__substg1.0_1035001F": wide("<vn-1@vendor.example>"),
        "__attach_version1.0_#00000000/__substg1.0_3707001F": wide("手順.txt"),
        "__attach_version1.0_#00000000/__substg1.0_37010102": b"step 1\n" * 600,
    }
)


def test_a_msg_file_is_a_mail() -> None:
    mail = parse(MSG)
    assert str(mail.from_) == "Vendor Support <support@vendor.example>"
    assert mail.subject == "RE: ディスク故障"
    assert mail.text.strip() == "ログをお送りください。"
    assert mail.message_id == "<vn-1@vendor.example>"
    assert [(a.filename, a.size) for a in mail.attachments] == [("手順.txt", 4200)]


def test_an_attached_msg_file_is_a_message_inside() -> None:
    raw = (
        b"From: ken@shop.example\nSubject: Fw\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
        b"--b\nContent-Type: text/plain\n\nplease see\n--b\nContent-Type: application/vnd.ms-outlook; name=disk.msg\n"
        b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(MSG) + b"--b--\n"
    )
    mail = parse(raw)
    assert [a.filename for a in mail.attachments] == ["disk.msg"]
    inner = mail.forwarded[0]
    assert (inner.origin, str(inner.from_), inner.text) == (
        "attached",
        "Vendor Support <support@vendor.example>",
        "ログをお送りください。",
    )
    assert [a.filename for a in inner.attachments] == ["手順.txt"]
    assert mail.intro == "please see"
