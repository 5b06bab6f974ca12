"""The OpenAPI document describes the service, its fields, parameters and events."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from service.api.events import KINDS
from tests.mails import ASK, LOGS, REFUND, REPORT
from tests.running import Running


@pytest.mark.long
def test_schemathesis_finds_no_difference_from_the_description(embedded: Running, tmp_path: Path) -> None:
    embedded.deliver(REPORT, ASK, LOGS, REFUND)
    bounded = tmp_path / "bounded.toml"  # otherwise the stream of events does not end
    bounded.write_text('[[operations]]\ninclude-path = "/api/events"\nparameters = { "query.once" = true }\n')
    done = subprocess.run(
        [
            Path(sys.executable).parent / "schemathesis", "--config-file", bounded,
            "run", f"{embedded.url}/openapi.json", "--checks", "all",
            "--max-examples", "3", "--seed", "20261124", "--request-timeout", "30", "--no-color",
            "--suppress-health-check", "all", "--generation-deterministic",
        ],
        capture_output=True, text=True, cwd=tmp_path, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]


def test_every_schema_field_and_parameter_is_described(empty: Running) -> None:
    shown = empty.get("/openapi.json")
    schemas_shown = shown["components"]["schemas"]
    fields = {(name, field): value for name, one in schemas_shown.items() for field, value in one["properties"].items()}
    operations = [operation for methods in shown["paths"].values() for operation in methods.values()]
    parameters = {(one["operationId"], each["name"]): each for one in operations for each in one.get("parameters", ())}
    assert [name for name, one in schemas_shown.items() if not one.get("description")] == []
    assert [name for name, one in (fields | parameters).items() if not one.get("description")] == []


def test_every_kind_of_event_is_described(embedded: Running) -> None:
    embedded.deliver(REPORT, ASK)
    shown = embedded.get("/openapi.json")
    for kind in KINDS:
        assert f"`{kind}`" in shown["components"]["schemas"]["Event"]["properties"]["kind"]["description"]
    rooms = ("store", "outbound", "mailbox")
    hook = shown["webhooks"]["event"]["post"]
    body = hook["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert (hook["operationId"], body) == ("receiveEvent", "#/components/schemas/WebhookPayload")
    written = "".join(file.read_text(encoding="utf-8") for room in rooms for file in Path("service", room).glob("*.py"))
    named = set(re.findall(r'"((?:case|message|outbox|mailbox|contents|spool|webhook)\.(?!id\b)[a-z]+)"', written))
    assert named <= set(KINDS)
