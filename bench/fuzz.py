"""Fuzz the reading of mails: any exception, any broken promise, any slow mail is a find.

usage: python -m bench.fuzz [SECONDS] [FOLDER…]     (default: 600 seconds from the mails under tests/mail)

With atheris installed (``pip install atheris``; not a locked dependency) the search is guided by coverage; without it
mails are mutated at random, with a seed that is printed. A find is written to ``fuzz-find-….eml`` and ends the run.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
SLOW = 2.0
"""CPU seconds for one mail of at most ``LARGEST`` bytes."""
LARGEST = 200_000

TOKENS = [
    b"\r\n", b"\n", b"\0", b"--b", b"--b--", b"=?utf-8?B?", b"=?iso-2022-jp?Q?=1B$B", b"?=", b"\x1b$B",
    b"\x1b(I", b"\nContent-Type: multipart/mixed; boundary=b\n\n--b\n", b"\nContent-Type: message/rfc822\n\n",
    b"text/html", b"\nContent-Type: text/plain; charset=utf-7; format=flowed; delsp=yes\n\n", b"utf-16", b"hz",
    b"x-mac-japanese", b"\nContent-Transfer-Encoding: base64\n", b"\nFrom: ", b"\nDate: ", b"\nMessage-ID: <[",
    b"\nReferences: <", b"\"", b"\\", b"(", b"<", b">", b";", b":", b",", b"@", b"begin 644 a\n",
    b"=ybegin name=a\n", b"-----BEGIN PGP SIGNED MESSAGE-----", b"BEGIN:VEVENT\nDTSTART:99999999T999999\n",
    b"<blockquote>", b"<td>", b"<li>", b"<!--", b"<style>", b"&#xD800;", b"{\\rtf1\\u55296 ",
    b"; filename*0*=utf-8''%E3", b"> ", b"-- \n", b"On 1/1/1 a wrote:\n", "差出人: ".encode(),
    "\n送信日時: 令和99年99月99日 午後99:99\n".encode(),
   b"-----Original Message-----\n", b"9" * 40, b"Action: failed\n",
]  # fmt: skip


def check(raw: bytes) -> None:
    """Read one mail and hold it to what ``parse`` promises."""
    from service.mail.parse import attachment, parse
    from service.mail.report import report

    start = time.process_time()
    mail = parse(raw)
    seconds = time.process_time() - start
    broken = [defect for defect in mail.defects if defect.startswith(("unreadable", "body-unread"))]
    assert not broken, broken
    assert seconds < SLOW or len(raw) > LARGEST, f"{seconds:.1f} s for {len(raw)} bytes"
    json.dumps(report(mail, "fuzz"), ensure_ascii=False).encode("utf-8")
    for file in mail.attachments[:5]:
        assert hashlib.sha256(attachment(raw, file.part)).hexdigest() == file.sha256, file.part


def keep(raw: bytes) -> Path:
    """Write a find where the run was started."""
    path = Path(f"fuzz-find-{hashlib.sha256(raw).hexdigest()[:12]}.eml")
    path.write_bytes(raw)
    return path


def mutate(raw: bytes, other: bytes, chance: random.Random) -> bytes:
    """A few edits: a token or bytes put in, a stretch cut, doubled, or taken from another mail."""
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(raw))
        length = chance.choice((0, 1, 2, 10, 100, 1_000))
        how = chance.randint(0, 5)
        if how == 0:
            piece = chance.choice(TOKENS)
        elif how == 1:
            piece = chance.randbytes(chance.randint(1, 8))
        elif how == 2:
            piece = b""
        elif how == 3:
            piece = raw[at : at + length] * chance.randint(2, 50)
        elif how == 4:
            start = chance.randint(0, len(other))
            piece = other[start : start + length * 5]
        else:
            piece = chance.choice(TOKENS) * chance.randint(1, 200)
        raw = raw[:at] + piece + raw[at + length :]
    return raw[:LARGEST]


def by_mutation(seconds: float, mails: list[bytes]) -> int:
    seed = random.SystemRandom().randint(0, 2**32)
    print(f"mutating {len(mails)} mails for {seconds:g} s, seed {seed}", flush=True)
    chance = random.Random(seed)
    end = time.monotonic() + seconds
    runs = 0
    while time.monotonic() < end:
        raw = mutate(chance.choice(mails), chance.choice(mails), chance)
        try:
            check(raw)
        except Exception as trouble:
            print(f"find after {runs} mails: {type(trouble).__name__}: {trouble}\nkept as {keep(raw)}")
            return 1
        runs += 1
    print(f"{runs} mails, no find")
    return 0


def by_coverage(seconds: float, mails: list[bytes]) -> int:
    import atheris  # type: ignore[import-not-found]

    with atheris.instrument_imports(include=["service.mail"]):
        import service.mail.parse  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        for index, raw in enumerate(mails):
            (Path(folder) / f"{index:05}").write_bytes(raw[:LARGEST])
        flags = [f"-max_total_time={int(seconds)}", f"-max_len={LARGEST}", "-timeout=20", "-rss_limit_mb=3000"]
        words = Path(folder) / "words.dict"
        words.write_text("".join('"' + "".join(f"\\x{b:02x}" for b in token) + '"\n' for token in TOKENS))
        atheris.Setup([sys.argv[0], *flags, f"-dict={words}", folder], lambda data: check(bytes(data)))
        atheris.Fuzz()
    return 0


def main(arguments: list[str]) -> int:
    seconds = float(arguments[0]) if arguments else 600.0
    folders = [Path(a) for a in arguments[1:]] or [HERE / "tests" / "mail"]
    files = [
        f for folder in folders for f in sorted(folder.rglob("*")) if f.is_file() and f.suffix not in (".py", ".json")
    ]
    mails = [f.read_bytes() for f in files]
    try:
        import atheris  # noqa: F401
    except ImportError:
        return by_mutation(seconds, mails)
    return by_coverage(seconds, mails)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
