"""A mail for every oddity, its name the oddity; beside it what ``sodan parse`` says about it.

``GOLDEN=update pytest tests/mail/test_oddities.py`` writes the answers anew, to be read before they are committed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from service.mail.parse import parse
from service.mail.report import report

MAILS = sorted((Path(__file__).parent / "oddities").glob("*.eml"))


def read(path: Path, line_end: bytes) -> dict[str, Any]:
    raw = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", line_end)
    answer = report(parse(raw), path.name)
    for file in answer["attachments"]:
        # text files inside a mail have the mail's line ends
        if file["content_type"].startswith(("text/", "message/")):
            del file["size"], file["sha256"]
    del answer["thread"]
    return answer


def test_the_corpus_is_there() -> None:
    assert len(MAILS) >= 45


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_mail_is_read_as_a_careful_person_reads_it(path: Path, line_end: bytes) -> None:
    got = read(path, line_end)
    answer = path.with_suffix(".json")
    if os.environ.get("GOLDEN") == "update" and line_end == b"\n":
        answer.write_text(json.dumps(got, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert got == json.loads(answer.read_text(encoding="utf-8"))
