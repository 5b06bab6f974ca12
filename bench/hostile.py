"""Mails made to hurt a reader: each must be read in under two seconds and under ten times its size in memory.

usage: python -m bench.hostile [NAME…]

Each mail is read in a process of its own; time is CPU time of ``parse``, memory the growth of the peak resident size.
Small mails are allowed ``FLOOR`` megabytes, since an interpreter grows in steps. Exit status 1 if one is over.
"""

from __future__ import annotations

import base64
import multiprocessing
import resource
import struct
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from service.mail.parse import parse

SECONDS = 2.0
TIMES = 10
FLOOR = 24
"""Megabytes that any mail may take."""

HEAD = b"From: Mallory <mallory@example.net>\r\nTo: intake@example.com\r\nSubject: hostile\r\nMIME-Version: 1.0\r\n"


def typed(kind: bytes, body: bytes, more: bytes = b"") -> bytes:
    return HEAD + b"Content-Type: " + kind + b"\r\n" + more + b"\r\n" + body


def nested(depth: int) -> bytes:
    out = [typed(b"multipart/mixed; boundary=b0", b"")]
    out += [b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (i, i + 1) for i in range(depth)]
    return b"".join(out) + b"--b%d\r\n\r\nend\r\n" % depth


def nested_same(depth: int) -> bytes:
    return typed(b"multipart/mixed; boundary=x", b"--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" * depth)


def parts(count: int, head: bytes = b"Content-Type: text/plain\r\n\r\nhi") -> bytes:
    return typed(b"multipart/mixed; boundary=x", (b"--x\r\n" + head + b"\r\n") * count + b"--x--\r\n")


def html(body: bytes) -> bytes:
    return typed(b"text/html; charset=utf-8", body)


def tnef(*attributes: tuple[int, int, bytes]) -> bytes:
    packed = (struct.pack("<BII", level, ident, len(value)) + value + b"\0\0" for level, ident, value in attributes)
    stream = struct.pack("<IH", 0x223E9F78, 1) + b"".join(packed)
    data = base64.encodebytes(stream)
    return typed(b"application/ms-tnef; name=winmail.dat", data, b"Content-Transfer-Encoding: base64\r\n")


def compressed_rtf(claimed: int, data: bytes) -> bytes:
    body = struct.pack("<IIII", len(data) + 12, claimed, 0x75465A4C, 0) + data
    prop = struct.pack("<IHHII", 1, 0x0102, 0x1009, 1, len(body)) + body + b"\0" * (-len(body) % 4)
    return tnef((1, 0x00069003, prop))


def calendar(lines: bytes) -> bytes:
    return typed(
        b"text/calendar; method=REQUEST",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + lines + b"END:VEVENT\r\nEND:VCALENDAR\r\n",
    )


def header(name: bytes, value: bytes) -> bytes:
    return name + b": " + value + b"\r\n" + HEAD + b"\r\nbody\r\n"


MEGA = 1_000_000

WARM_UP = "Bonjour, voici une phrase assez longue pour que la langue soit reconnue par le modèle. ".encode() * 10
"""Loads what a process loads once: the language model weighs more than most mails."""

CASES: dict[str, Callable[[], bytes]] = {
    "mime-10000-deep": lambda: nested(10_000),
    "mime-10000-deep-one-boundary": lambda: nested_same(10_000),
    "mime-100000-parts": lambda: parts(100_000),
    "mime-100000-parts-without-header": lambda: parts(100_000, b"x"),
    "mime-100000-empty-attachments": lambda: parts(100_000, b"Content-Type: image/png; name=a.png\r\n\r\n"),
    "mime-million-delimiter-like-lines": lambda: typed(b"multipart/mixed; boundary=x", b"--y\r\n" * MEGA),
    "messages-10000-deep": lambda: HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 10_000,
    "messages-1000-attached": lambda: parts(1_000, b"Content-Type: message/rfc822\r\n\r\nFrom: a@b.c\r\n\r\nhello"),
    "header-1-mb-one-line": lambda: header(b"Subject", b"x" * MEGA),
    "header-1-mb-folded": lambda: header(b"Subject", b"x\r\n " * 250_000),
    "header-1-mb-of-8-bit": lambda: header(b"Subject", b"\x8e\xa1\xff" * 333_000),
    "header-100000-encoded-words": lambda: header(b"Subject", b"=?utf-8?q?=E3=81=82?= " * 50_000),
    "header-1-mb-half-encoded-words": lambda: header(b"Subject", b"=?utf-8?q?" * 100_000),
    "header-1-mb-of-open-words": lambda: header(b"Subject", b"=?a?q?x" * 140_000),
    "header-100000-fields": lambda: HEAD + b"X-A: b\r\n" * 100_000 + b"\r\nbody",
    "header-of-8-mb": lambda: HEAD + b"X-Junk: " + b"y" * 8 * MEGA + b"\r\n\r\nbody",
    "references-100000": lambda: header(b"References", b" ".join(b"<%d@example.net>" % i for i in range(100_000))),
    "recipients-100000": lambda: header(b"Cc", b", ".join(b"a%d@example.net" % i for i in range(100_000))),
    "address-1-mb-of-brackets": lambda: header(b"Cc", b"(" * 500_000 + b"<" * 500_000),
    "address-1-mb-of-quotes": lambda: header(b"Cc", b'"\\' * 500_000),
    "address-1-mb-of-colons": lambda: header(b"Cc", b"a:" * 500_000),
    "address-1-mb-of-words": lambda: header(b"Cc", b"a" * MEGA),
    "address-1-mb-of-spaces": lambda: header(b"From", b"a" + b" " * MEGA + b"b @ c"),
    "address-1-mb-of-at-signs": lambda: header(b"Cc", b"@" * MEGA),
    "message-id-1-mb-of-words": lambda: header(b"References", b"a" * MEGA),
    "message-id-1-mb": lambda: header(b"Message-ID", b"<[" * 500_000),
    "date-1-mb": lambda: header(b"Date", b"1 " * 500_000),
    "parameters-100000": lambda: typed(b"text/plain" + b"; a=b" * 100_000, b"body"),
    "parameters-1-mb-of-semicolons": lambda: typed(b"text/plain" + b";" * MEGA, b"body"),
    "parameters-1-mb-of-a-name": lambda: typed(b"text/plain; " + b"a" * MEGA, b"body"),
    "parameters-2231-pieces": lambda: typed(
        b"text/plain" + b"".join(b"; name*%d*=%%41" % i for i in range(50_000)), b"body"
    ),
    "base64-50-mb-one-line": lambda: typed(
        b"application/octet-stream; name=big.bin", b"QUJD" * 12_500_000, b"Content-Transfer-Encoding: base64\r\n"
    ),
    "base64-10-mb-of-padding": lambda: typed(
        b"application/octet-stream; name=big.bin", b"QQ==" * 2_500_000, b"Content-Transfer-Encoding: base64\r\n"
    ),
    "quoted-printable-10-mb": lambda: typed(
        b"text/plain; charset=utf-8", b"=E3=81=82" * 1_100_000, b"Content-Transfer-Encoding: quoted-printable\r\n"
    ),
    "text-20-mb-one-line": lambda: typed(b"text/plain", b"lorem ipsum " * 1_700_000),
    "text-10-mb-of-empty-lines": lambda: typed(b"text/plain", b"\r\n" * 5_000_000),
    "text-10-mb-of-quote-marks": lambda: typed(b"text/plain", b">" * 10_000_000),
    "text-million-quoted-lines": lambda: typed(b"text/plain", b"> > > quoted words\r\n" * 500_000),
    "text-flowed-million-lines": lambda: typed(b"text/plain; format=flowed", b"word \r\n" * MEGA),
    "text-100000-attributions": lambda: typed(
        b"text/plain", b"On Mon, 1 Jan 2026 at 10:00, A B <a@b.c> wrote:\r\n> x\r\n" * 50_000
    ),
    "text-100000-header-blocks": lambda: typed(
        b"text/plain; charset=utf-8",
        "差出人: 甲 <a@b.c>\r\n送信日時: 2026年1月1日 10:00\r\n宛先: 乙\r\n件名: 件\r\n\r\n本文\r\n".encode() * 20_000,
    ),
    "text-japanese-5-mb": lambda: typed(b"text/plain; charset=utf-8", "お世話になっております。".encode() * 140_000),
    "charset-10-mb-unlabelled": lambda: typed(b"text/plain", bytes(range(128, 256)) * 80_000),
    "charset-5-mb-of-jis-escapes": lambda: typed(b"text/plain; charset=iso-2022-jp", b'\x1b$B$"\x1b(B' * 625_000),
    "charset-5-mb-of-utf-7": lambda: typed(b"text/plain; charset=utf-7", b"+MEI-" * MEGA),
    "uuencode-100000-begins": lambda: typed(b"text/plain", b"begin 644 a\r\n" * 100_000),
    "uuencode-1-mb-of-spaces": lambda: typed(b"text/plain", b"begin 644 a" + b" " * MEGA + b"b\r\nend\r\n"),
    "bounce-of-dashes": lambda: (
        b"From: mailer-daemon@example.net\r\nSubject: failure notice\r\n\r\nnot delivered " + b"-" * MEGA
    ),
    "text-1-mb-of-asterisks": lambda: typed(b"text/plain", (b"*" * 150 + b"=0D\r\n") * 6_500),
    "text-1-mb-of-dashes": lambda: typed(b"text/plain", (b"-_" * 75 + b"x\r\n") * 6_500),
    "yenc-100000-begins": lambda: typed(b"text/plain", b"=ybegin line=1 size=1 name=a\r\n" * 100_000),
    "pgp-100000-begins": lambda: typed(b"text/plain", b"-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\n" * 50_000),
    "html-30000-attributes": lambda: html(b"<p " + b"".join(b"a%d=b " % i for i in range(30_000)) + b">hi</p>"),
    "html-200000-nested-tags": lambda: html(b"<div>" * 200_000 + b"hi"),
    "html-200000-nested-quotes": lambda: html(b"<blockquote>" * 200_000 + b"hi"),
    "html-100000-hidden": lambda: html(b"<div style='display:none'>" * 50_000 + b"hi"),
    "html-million-angles": lambda: html(b"<" * MEGA),
    "html-open-quotes": lambda: html(b"<a href=\"'" * 200_000),
    "html-million-entities": lambda: html(b"&amp;&#x3042;" * 300_000),
    "html-open-comments": lambda: html(b"<!--" * 500_000),
    "html-open-styles": lambda: html(b"<style>" * 200_000),
    "html-100000-cells": lambda: html(b"<table><tr>" + b"<td>x" * 200_000),
    "html-list-100000": lambda: html(b"<ul><li>x" * 100_000),
    "html-30-mb": lambda: html(b"<p>Hello there, <b>you</b></p>\r\n" * MEGA),
    "tnef-rtf-bomb": lambda: compressed_rtf(2**31, b"\xff" + b"\x0d\xff" * 2 * MEGA),
    "tnef-100000-files": lambda: tnef(*[(2, 0x00069002, b"\0" * 14)] * 100_000),
    "tnef-million-properties": lambda: tnef((1, 0x00069003, struct.pack("<I", 2**31) + b"\x03\0\x37\0\0\0\0\0" * MEGA)),
    "rtf-million-groups": lambda: typed(b"text/rtf", b"{\\rtf1 " + b"{" * MEGA),
    "calendar-million-lines": lambda: calendar(b"SUMMARY:x\r\n" * MEGA),
    "calendar-folded": lambda: calendar(b"SUMMARY:x\r\n" + b" y\r\n" * MEGA),
    "calendar-rules": lambda: calendar(b"RRULE:FREQ=SECONDLY;COUNT=999999999\r\n" * 100_000),
    "smime-nested": lambda: typed(
        b"application/pkcs7-mime; smime-type=signed-data",
        base64.encodebytes(b"\x30\x80" * MEGA),
        b"Content-Transfer-Encoding: base64\r\n",
    ),
    "report-million-recipients": lambda: typed(
        b"message/delivery-status",
        b"Final-Recipient: rfc822; a@b.c\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" * 50_000,
    ),
    "nul-bytes-10-mb": lambda: b"\0" * 10_000_000,
    "random-looking-5-mb": lambda: typed(b"text/plain", bytes((i * i * 31 + i) & 255 for i in range(MEGA)) * 5),
}


def _read(name: str, answer: Connection) -> None:
    raw = CASES[name]()
    parse(HEAD + b"\r\n" + WARM_UP)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    mail = parse(raw)
    seconds = time.process_time() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    answer.send((len(raw), seconds, grown * 1024, mail.defects))


def measure(name: str) -> tuple[int, float, int, tuple[str, ...]]:
    """(size, CPU seconds, bytes grown, defects) of one hostile mail, read in its own process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_read, args=(name, theirs))
    child.start()
    theirs.close()
    try:
        if not ours.poll(60):
            return 0, float("inf"), 0, ("timeout",)
        return ours.recv()  # type: ignore[no-any-return]
    except EOFError:
        return 0, float("inf"), 0, ("died",)
    finally:
        child.kill()
        child.join()


def main(names: list[str]) -> int:
    over = 0
    print(f"{'mail':34} {'MB':>6} {'s':>7} {'x size':>7}  defects")
    for name in names or CASES:
        size, seconds, grown, defects = measure(name)
        times = max(0.0, grown - FLOOR * 1e6) / (size or 1)
        bad = seconds >= SECONDS or times >= TIMES
        over += bad
        said = " ".join(defects)[:70] + ("  OVER" if bad else "")
        print(f"{name:34} {size / 1e6:6.1f} {seconds:7.2f} {times:7.1f}  {said}", flush=True)
    print(f"{over} over the limits of {SECONDS:g} s and {TIMES} times the size")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
