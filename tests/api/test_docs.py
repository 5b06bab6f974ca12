"""The examples of docs/api.md, run against a running service."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.mails import ASK, LOGS, REPORT
from tests.running import Running

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```(sh|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
RESULTS = (
    '"waiting_on":"team"',
    "サインイン",
    "2 cases",
    "True\n412 application/problem+json",
    "2611170040001177",
    '"kind": "case.opened"',
    "case.changed",
    '"where":"query.limit"',
)


def test_every_example_of_the_page_runs_and_prints_its_result(embedded: Running) -> None:
    embedded.deliver(REPORT, ASK)
    embedded.deliver(LOGS)
    assert len(EXAMPLES) == len(RESULTS)
    for (language, code), expected in zip(EXAMPLES, RESULTS, strict=True):
        command = ["sh", "-c", code] if language == "sh" else [sys.executable, "-c", code]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "SODAN": embedded.url}, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout, code


def test_every_path_of_the_page_exists(embedded: Running) -> None:
    known = {re.sub(r"\{[^}]*\}", "{}", path) for path in embedded.get("/openapi.json")["paths"]}
    for path in re.findall(r"`(?:GET|POST|PATCH) (/[^` ]*)", PAGE):
        assert re.sub(r"\{[^}]*\}", "{}", path) in known, path
