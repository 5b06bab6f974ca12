"""Golden mails. ``clients``: an answer and forwards of each client of Japanese offices; ``oddities``: one of each.

Beside each mail lies what ``sodan parse`` says about it, as a careful person read it.
``GOLDEN=update pytest tests/mail/test_golden.py`` writes the answers anew, to be read before they are committed.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from service.mail.parse import parse
from service.mail.report import report

HERE = Path(__file__).parent
CLIENTS, ODDITIES = (sorted((HERE / name).glob("*.eml")) for name in ("clients", "oddities"))


def answer_to(raw: bytes, name: str) -> dict[str, Any]:
    answer = report(parse(raw), name)
    for file in answer["attachments"]:
        # text files inside a mail have the mail's line ends
        if file["content_type"].startswith(("text/", "message/")):
            del file["size"], file["sha256"]
    del answer["thread"]
    return answer


def test_the_mails_are_there() -> None:
    assert len(CLIENTS) >= 27
    assert len(ODDITIES) >= 45


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("path", [*CLIENTS, *ODDITIES], ids=lambda path: path.stem)
def test_mail_is_read_as_a_careful_person_reads_it(path: Path, line_end: bytes) -> None:
    raw = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", line_end)
    got = answer_to(raw, path.name)
    answer = path.with_suffix(".json")
    if os.environ.get("GOLDEN") == "update" and line_end == b"\n":
        assert not os.environ.get("CI"), "golden answers are never written by CI"
        answer.write_text(json.dumps(got, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert got == json.loads(answer.read_text(encoding="utf-8"))
