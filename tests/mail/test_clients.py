"""Golden mails of the clients that Japanese offices use: an answer, a forward, a forward of a whole thread of each.

Beside each mail lies what a careful person reads in it. ``GOLDEN=update pytest tests/mail/test_clients.py`` writes the
answers anew, to be read before they are committed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from service.mail.message import Address, Earlier
from service.mail.parse import parse

MAILS = sorted((Path(__file__).parent / "clients").glob("*.eml"))


def _person(address: Address | None) -> str | None:
    return str(address) if address is not None else None


def _earlier(earlier: Earlier) -> dict[str, Any]:
    return {
        "from": _person(earlier.from_),
        "to": [_person(a) for a in earlier.to],
        "cc": [_person(a) for a in earlier.cc],
        "subject": earlier.subject,
        "date": earlier.date.isoformat() if earlier.date else None,
        "zone_assumed": earlier.zone_assumed,
        "text": earlier.text,
    }


def read(raw: bytes) -> dict[str, Any]:
    mail = parse(raw)
    return {
        "reply_text": mail.reply_text,
        "intro": mail.intro,
        "signature": mail.signature,
        "language": mail.language,
        "forwarded": [_earlier(e) for e in mail.forwarded],
        "history": [_earlier(e) for e in mail.history],
        "defects": list(mail.defects),
    }


def test_the_corpus_is_there() -> None:
    assert len(MAILS) >= 27


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_mail_is_read_as_a_careful_person_reads_it(path: Path, line_end: bytes) -> None:
    raw = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", line_end)
    answer = path.with_suffix(".json")
    got = read(raw)
    if os.environ.get("GOLDEN") == "update":
        assert not os.environ.get("CI"), "golden answers are never written by CI"
        answer.write_text(json.dumps(got, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert got == json.loads(answer.read_text(encoding="utf-8"))
