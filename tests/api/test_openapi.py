"""The running service against its own description, by schemathesis: all checks, every operation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mails import ASK, LOGS, REFUND, REPORT
from tests.running import Running


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_operation_answers_as_described(embedded: Running, tmp_path: Path) -> None:
    embedded.deliver(REPORT, ASK, LOGS, REFUND)
    bounded = tmp_path / "bounded.toml"  # the stream of events ends only where it is told to
    bounded.write_text('[[operations]]\ninclude-path = "/api/events"\nparameters = { "query.once" = true }\n')
    done = subprocess.run(
        [
            Path(sys.executable).parent / "schemathesis", "--config-file", bounded,
            "run", f"{embedded.url}/openapi.json", "--checks", "all",
            "--max-examples", "5", "--seed", "20261124", "--request-timeout", "30", "--no-color",
            "--suppress-health-check", "all", "--generation-deterministic",
        ],
        capture_output=True, text=True, cwd=tmp_path, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]


def test_every_operation_of_the_contract_is_there(embedded: Running) -> None:
    paths = embedded.get("/openapi.json")["paths"]
    for path, method in (
        ("/api/cases", "get"),
        ("/api/cases/{key}", "get"),
        ("/api/cases/{key}", "patch"),
        ("/api/cases/{key}/messages", "get"),
        ("/api/cases/{key}/brief", "get"),
        ("/api/cases/{key}/merge", "post"),
        ("/api/messages", "get"),
        ("/api/messages/{id}", "get"),
        ("/api/messages/{id}/why", "get"),
        ("/api/messages/{id}/raw", "get"),
        ("/api/messages/{id}/move", "post"),
        ("/api/attachments/{id}", "get"),
        ("/api/meanings", "get"),
        ("/api/vendors", "get"),
        ("/api/vendors/{id}", "get"),
        ("/api/spool", "get"),
        ("/api/spool/{id}/retry", "post"),
        ("/api/events", "get"),
        ("/healthz", "get"),
        ("/readyz", "get"),
        ("/metrics", "get"),
    ):
        assert method in paths[path], path
        assert paths[path][method]["description"]
