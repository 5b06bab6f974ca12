"""Hostile mails as bytes: very large, deeply nested, or with very many parts."""

import base64
import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from hashlib import shake_128


def head(id: str, *further: str, subject: str = "Trouble with the printer") -> bytes:
    """Return the header of an ordinary mail, with further lines."""
    lines = (
        "From: Aiko Mori <aiko@corp.example>",
        "To: help@corp.example",
        f"Subject: {subject} {id}",
        f"Message-ID: <{id}@corp.example>",
        "Date: Mon, 02 Mar 2026 09:00:00 +0900",
        "MIME-Version: 1.0",
        *further,
    )
    return "\r\n".join(lines).encode() + b"\r\n"


def plain(id: str, body: bytes = b"The printer on floor 3 prints nothing since 9:00.", *further: str) -> bytes:
    return head(id, *further) + b"\r\n" + body


def mixed(id: str, *parts: bytes) -> bytes:
    """Return a multipart mail with these parts, which have their own headers."""
    body = b"".join(b"\r\n--b\r\n" + part for part in parts)
    return head(id, 'Content-Type: multipart/mixed; boundary="b"') + b"\r\n" + body + b"\r\n--b--"


WORDS = b"Content-Type: text/plain\r\n\r\nSee the attached file, the application does not open it."


def attached(name: str, content: bytes, kind: str = "application/octet-stream") -> bytes:
    """Return an attachment as a part. ``name``: the parameters of Content-Disposition, unchanged."""
    return (
        f"Content-Type: {kind}\r\nContent-Disposition: attachment; {name}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    ).encode() + base64.encodebytes(content).replace(b"\n", b"\r\n")


def zipped(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def nested_archive() -> bytes:
    """Archives in archives, 40 deep, with a path out of the folder and a link at the bottom."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        link = tarfile.TarInfo("../../../etc/passwd")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
        archive.addfile(link)
    packed = out.getvalue()
    for level in range(40):
        packed = zipped(f"../{level}.zip", packed)
    return packed


HTML, UTF_8 = (f"Content-Type: text/{kind}; charset=utf-8" for kind in ("html", "plain"))
NOTHING = b"It prints nothing."


def nested_quotes(id: str) -> bytes:
    """A quote in a quote, 20,000 deep."""
    lines = (b">" * level + b" The printer prints nothing, level %d." % level for level in range(1, 20_001, 80))
    return plain(id, b"It still prints nothing.\r\n" + b"\r\n".join(lines))


def quoted_speakers(id: str) -> bytes:
    """20,000 people who quote each other."""
    lines = (
        b">" * min(level, 90) + b" On Mon, 2 Mar 2026 at 09:00, a%d <a%d@corp.example> wrote:" % (level, level)
        for level in range(1, 20_001)
    )
    return plain(id, b"It still prints nothing.\r\n\r\n" + b"\r\n".join(lines))


def inline_forwards(id: str) -> bytes:
    """5,000 forwards, one in another."""
    block = (
        "-----Original Message-----\r\nFrom: User {0} <user{0}@corp.example>\r\nSent: Monday, March 2, 2026 9:00 AM\r\n"
        "To: User {1} <user{1}@corp.example>\r\nSubject: Printer {0}\r\n\r\nPrinter {0} prints nothing.\r\n\r\n"
    )
    return plain(id, b"For your information.\r\n\r\n" + "".join(block.format(n, n + 1) for n in range(5000)).encode())


def recipients(id: str) -> bytes:
    to, cc = (",\r\n ".join(f'"User {n}, {who}" <{who}{n}@corp.example>' for n in range(6_000)) for who in ("to", "cc"))
    return plain(id, NOTHING, f"Cc: {cc}").replace(b"To: help@corp", f"To: {to},\r\n help@corp".encode())


def with_subject(id: str, words: list[str]) -> bytes:
    folded = "\r\n ".join(words).encode()
    return head(id).replace(b"Subject: ", b"Subject: " + folded + b"\r\n ") + b"\r\nIt prints nothing."


def encoded_words(id: str) -> bytes:
    """Encoded words without an end, inside each other, or with unknown charsets."""
    words = [f"=?{'x' * 60}{n}?B?{'QQ' * 20}?=" for n in range(3_000)]
    words += ["=?utf-8?Q?=3D=3Futf-8=3FQ=3F" * 50, "=?utf-8?B?" * 3_000, "=?" * 30_000, "=?utf-7?Q?+AAA" * 1_000]
    return with_subject(id, words)


def charsets(id: str) -> bytes:
    """Charsets that are codecs of something else, paths, modules, or very long."""
    names = ["zlib", "bz2", "hex", "rot13", "base64_codec", "uu", "unicode_escape", "raw_unicode_escape", "idna",
             "punycode", "undefined", "mbcs", "oem", "../../etc/passwd", "os.system", "utf-16" * 2_000, "\\x00",
             "utf-8\\r\\nX: y", "%00", "iso-2022-jp-ext", "cp65001", "utf-7"]  # fmt: skip
    packed = zlib.compress(bytes(50_000_000), 9)
    parts = [
        f'Content-Type: text/plain; charset="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'.encode()
        + base64.encodebytes(packed).replace(b"\n", b"\r\n")
        for name in names
    ]
    return mixed(id, WORDS, *parts)


def parameters(id: str) -> bytes:
    """100,000 pieces of one name (RFC 2231), out of order."""
    pieces = ";\r\n ".join(f"filename*{n}=a{n}" for n in range(100_000, 0, -1))
    return mixed(id, WORDS, attached(pieces, b"x"))


def noise(size: int, seed: bytes = b"x") -> str:
    """Return characters that cannot be compressed."""
    return base64.b32encode(shake_128(seed).digest(size)).decode()[:size].lower()


def long_names(id: str) -> bytes:
    """Very long names in the header: people, addresses, Message-IDs, types."""
    who = f"{noise(60_000)} <{noise(60_000)}@corp.example>"
    further = (
        f"Cc: {who}", f"Reply-To: {who}", f"In-Reply-To: <{noise(60_000)}@corp.example>",
        f"Thread-Topic: {noise(60_000)}", f"Content-Type: text/{noise(60_000)}; charset={noise(60_000)}",
    )  # fmt: skip
    return plain(id, NOTHING, *further).replace(b"From: Aiko Mori <aiko@corp.example>", f"From: {who}".encode())


def long_names_inside(id: str) -> bytes:
    """Very long names in a forwarded header block, and in an attached mail."""
    who = f"{noise(60_000)} <{noise(60_000)}@corp.example>"
    block = f"From: {who}\r\nTo: {who}\r\nSubject: {noise(60_000)}\r\nMessage-ID: <{noise(60_000)}@corp.example>\r\n"
    inner = f"Date: Mon, 02 Mar 2026 08:00:00 +0900\r\n{block}\r\nThe printer prints nothing.\r\n".encode()
    forwarded = WORDS + b"\r\n\r\n-----Original Message-----\r\n" + inner
    return mixed(id, forwarded, b"Content-Type: message/rfc822\r\n\r\n" + inner)


def addresses(id: str) -> bytes:
    """Comments, groups and routes, one in another."""
    return plain(id, NOTHING, "Cc: " + "(" * 20_000 + "\r\n x:" * 5_000 + "<@a,@b:" * 5_000 + '"\\' * 5_000)


def deep_parts(id: str) -> bytes:
    """Multiparts in multiparts, 5,000 deep."""
    part = b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n'
    opening = b"".join(part % (n, n) for n in range(5_000))
    body = opening + b"Content-Type: text/plain\r\n\r\nAt the bottom.\r\n"
    return head(id) + body + b"".join(b"--b%d--\r\n" % n for n in range(4_999, -1, -1))


def many_mails(id: str) -> bytes:
    inner = (
        f"Content-Type: message/rfc822\r\n\r\nFrom: u{n}@corp.example\r\nMessage-ID: <{id}-{n}@corp.example>\r\n"
        f"Subject: Printer {n}\r\n\r\nPrinter {n} prints nothing.".encode()
        for n in range(1_500)
    )
    return mixed(id, WORDS, *inner)


BOMBS: dict[str, Callable[[str], bytes]] = {
    "nested_quotes": nested_quotes,
    "quoted_speakers": quoted_speakers,
    "inline_forwards": inline_forwards,
    "nested_tags": lambda id: plain(
        id, b"<div><blockquote><b>" * 33_400 + NOTHING + b"</b></blockquote></div>" * 10, HTML
    ),
    "attributes": lambda id: plain(
        id, b"<p " + b" ".join(b'x%d="%d"' % (n, n) for n in range(100_000)) + b">" + NOTHING + b"</p>", HTML
    ),
    "unclosed": lambda id: plain(id, b"<!--<a href='" * 30_000 + b"<script>" * 30_000 + NOTHING, HTML),
    "entities": lambda id: plain(id, b"<p>" + NOTHING + b"&#x202e;&amp;&#99999999999;&nosuch;" * 20_000, HTML),
    "long_line": lambda id: mixed(  # 25 MB of base64 in one line
        id, WORDS, attached("filename=dump.bin", b"") + b"QUJD" * 6_250_000
    ),
    "long_words": lambda id: plain(id, b"a" * 8_000_000),
    "no_lines": lambda id: plain(id, NOTHING + b"\r\n" * 1_000_000),
    "quote_marks": lambda id: plain(id, NOTHING + b"\r\n" + b">" * 400_000),
    "header_words": lambda id: plain(id, "件名：\r\n差出人：\r\n宛先：\r\n".encode() * 20_000, UTF_8),
    "rules": lambda id: plain(id, NOTHING + (b"\r\n" + b"_" * 199) * 5_000),
    "at_signs": lambda id: plain(id, NOTHING + b" a@" * 300_000),
    "calendar": lambda id: mixed(
        id,
        WORDS,
        b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Printer\r\n"
        + b"RRULE:FREQ=SECONDLY;COUNT=2147483647\r\n" + b"BEGIN:VEVENT\r\n" * 50_000 + b"END:VEVENT",
    ),
    "references": lambda id: plain(
        id, NOTHING, "References:", *(f" <{'r' * 8}{n}@corp.example>" for n in range(50_000))
    ),
    "recipients": recipients,
    "big_header": lambda id: plain(  # 1 MB of header fields, and one field of 1 MB
        id,
        NOTHING,
        *(f"X-Field-{n}: {'x' * 80}" for n in range(11_000)),
        "X-Long: " + "\r\n ".join("y" * 900 for _ in range(1_100)),
    ),
    "big_subject": lambda id: with_subject(
        id, ["=?utf-8?B?" + base64.b64encode(("印" * 15).encode()).decode() + "?="] * 12_000
    ),
    "encoded_words": encoded_words,
    "charsets": charsets,
    "parameters": parameters,
    "addresses": addresses,
    "long_names": long_names,
    "long_names_inside": long_names_inside,
    "many_parts": lambda id: mixed(id, WORDS, *(attached(f'filename="file{n}.txt"', b"x") for n in range(3_000))),
    "deep_parts": deep_parts,
    "deep_messages": lambda id: (  # mails in mails
        head(id) + b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\nFrom: a@corp.example\r\n" * 2_000 + WORDS
    ),
    "same_boundary": lambda id: mixed(
        id, *(b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' for _ in range(5_000)), WORDS
    ),
    "boundary_lines": lambda id: mixed(id, WORDS + b"\r\n" + b"--\r\n" * 50_000 + b"--c\r\n" * 50_000),
    "many_mails": many_mails,
}  # fmt: skip
WIDE = (
    "references", "recipients", "big_subject", "encoded_words", "parameters", "addresses", "long_names",
    "long_names_inside",
)  # fmt: skip
"""Bombs with long values instead of many values."""
