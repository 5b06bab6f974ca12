"""A client that openapi-python-client generates from our OpenAPI document, used against the running service."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.mails import ASK, LOGS, REFUND, REPORT
from tests.running import Running

PACKAGE = "client_generated_from_openapi"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory, empty: Running) -> Iterator[Path]:
    """The folder of the generated client. All tests of this file share it, because generating it is slow."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_text(json.dumps(empty.get("/openapi.json")), encoding="utf-8")
    (folder / "config.yaml").write_text("post_hooks: []\n")  # do not format the client
    done = subprocess.run(
        [
            sys.executable, "-m", "openapi_python_client", "generate", "--path", folder / "openapi.json",
            "--config", folder / "config.yaml", "--meta", "none", "--output-path", folder / PACKAGE,
            "--fail-on-warning",
        ],
        capture_output=True, text=True, cwd=folder, timeout=120, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert (done.returncode, output.split()) == (0, ["Generating", str(folder / PACKAGE)]), output
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder / PACKAGE
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def client(generated: Path, embedded: Running) -> Iterator[Any]:
    """A client that raises an error for a status that OpenAPI does not describe."""
    embedded.deliver(REPORT, ASK, LOGS, REFUND)
    secret = embedded.token("dashboard", "write")
    made = import_module(PACKAGE).AuthenticatedClient
    with made(base_url=embedded.url, token=secret, raise_on_unexpected_status=True, follow_redirects=True) as up:
        yield up


def call(operation: str, client: Any, *given: Any, **named: Any) -> Any:
    """Return the parsed response. ``operation``: ``folder.function`` of the client."""
    return import_module(f"{PACKAGE}.api.{operation}").sync_detailed(*given, client=client, **named).parsed


def test_the_generated_client_has_every_operation_and_named_values(generated: Path, empty: Running) -> None:
    operations = {
        operation["operationId"].lower(): operation["tags"][0]
        for methods in empty.get("/openapi.json")["paths"].values()
        for operation in methods.values()
    }
    modules = {path.stem: path.parent.name for path in generated.glob("api/*/[a-z]*.py")}
    assert {name.replace("_", ""): tag for name, tag in modules.items()} == operations
    for name, tag in modules.items():
        assert import_module(f"{PACKAGE}.api.{tag}.{name}").sync_detailed
    enums = [path for path in generated.glob("models/*.py") if "VALUE_" in path.read_text(encoding="utf-8")]
    assert not enums, "these values need names: generated numbers change when a value is added"


def test_the_generated_client_lists_reads_and_changes(client: Any) -> None:
    models = import_module(f"{PACKAGE}.models")
    [found] = call("cases.list_cases", client, kind=[models.ListCasesKindItem.BILLING]).items
    page = call("cases.list_cases", client, limit=2)
    rest = call("cases.list_cases", client, limit=2, cursor=page.next_)
    assert (len({case.key for case in page.items + rest.items}), rest.next_) == (3, None)

    change = models.CaseChange(title="Refund for October", vendor="zoom")
    assert call("cases.change_case", client, found.key, body=change).title == "Refund for October"
    reset = call("cases.change_case", client, found.key, body=models.CaseChange(title=None))
    assert (reset.title, reset.vendor) == (found.title, "zoom")  # fields that are not given stay unchanged
    note = call("cases.add_note", client, found.key, body=models.NewNote(text="Dana has been called."))
    assert note.who == "dashboard"

    raw = call("messages.read_raw_message", client, 1)
    assert raw.payload.read() == REPORT.lstrip("\n").replace("\n", "\r\n").encode()
    stream = call("events.stream_events", client, once=True)
    events = [models.Event.from_dict(json.loads(line[6:])) for line in stream.splitlines() if line[:5] == "data:"]
    assert "case.opened" in {event.kind for event in events}
    assert call("cases.read_case", client, "SD-999").type_ == "/problems/not-found"
