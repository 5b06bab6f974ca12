"""Mails with their expected results. ``clients``: of mail clients in Japanese offices; ``oddities``: irregular mails.

Beside each mail is the expected output of ``sodan parse``. ``GOLDEN=update pytest tests/mail/test_golden.py`` replaces
the expected outputs; read them before you commit them.
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


def test_there_are_mails() -> None:
    assert len(CLIENTS) >= 27
    assert len(ODDITIES) >= 45


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("path", [*CLIENTS, *ODDITIES], ids=lambda path: path.stem)
def test_the_result_is_as_expected(path: Path, line_end: bytes) -> None:
    raw = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", line_end)
    got = answer_to(raw, path.name)
    answer = path.with_suffix(".json")
    if os.environ.get("GOLDEN") == "update" and line_end == b"\n":
        assert not os.environ.get("CI"), "CI must not replace expected results"
        answer.write_text(json.dumps(got, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert got == json.loads(answer.read_text(encoding="utf-8"))
