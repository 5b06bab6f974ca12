"""A client that openapi-python-client generates from our OpenAPI document, used against the running service."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from service.intake import AppContext
from service.settings import Settings
from service.store.database import Database
from tests.mails import ASK, LOGS, REFUND, REPORT
from tests.running import Running, running

PACKAGE = "client_generated_from_openapi"


@dataclass
class Generated:
    """The package as a program imports it, and what the generator said."""

    folder: Path
    operations: dict[str, str]
    """Operation id → tag."""
    said: str

    def client(self, service: Running, secret: str, **given: Any) -> Any:
        """A client that fails on every status that the document does not name."""
        made = import_module(PACKAGE).AuthenticatedClient
        return made(base_url=service.url, token=secret, raise_on_unexpected_status=True, **given)

    @property
    def models(self) -> Any:
        return import_module(f"{PACKAGE}.models")

    def call(self, operation: str, *given: Any, **named: Any) -> Any:
        """The parsed answer."""
        return self.answer(operation, *given, **named).parsed

    def answer(self, operation: str, *given: Any, **named: Any) -> Any:
        """The answer with its status and headers; ``operation`` is ``folder.function`` of the client."""
        return import_module(f"{PACKAGE}.api.{operation}").sync_detailed(*given, **named)


@pytest.fixture(scope="module")
def generated(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, context: AppContext, settings: Settings
) -> Iterator[Generated]:
    """Once for all tests here: generating takes longer than each of them."""
    folder = tmp_path_factory.mktemp("generated")
    shutil.copy(sqlite_template, folder / "sodan.db")
    database = Database(f"sqlite:///{folder / 'sodan.db'}")
    with running(database, context, settings) as up:
        document = up.get("/openapi.json")
    database.close()
    (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "config.yaml").write_text("post_hooks: []\n")  # nobody reads the client, so it is not formatted
    done = subprocess.run(
        [
            sys.executable, "-m", "openapi_python_client", "generate", "--path", folder / "openapi.json",
            "--config", folder / "config.yaml", "--meta", "none", "--output-path", folder / PACKAGE,
            "--fail-on-warning",
        ],
        capture_output=True, text=True, cwd=folder, timeout=120, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    operations = {
        operation["operationId"]: operation["tags"][0]
        for methods in document["paths"].values()
        for operation in methods.values()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield Generated(folder / PACKAGE, operations, said)
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def secret(embedded: Running) -> str:
    """A token that may change cases; from then on every call needs one."""
    embedded.deliver(REPORT, ASK, LOGS, REFUND)
    return embedded.token("dashboard", "write")


def test_every_operation_is_generated_without_a_warning(generated: Generated) -> None:
    assert generated.said.split() == ["Generating", str(generated.folder)], generated.said
    modules = {path.stem: path.parent.name for path in generated.folder.glob("api/*/[a-z]*.py")}
    assert {name.replace("_", ""): tag for name, tag in modules.items()} == {
        name.lower(): tag for name, tag in generated.operations.items()
    }
    for name, tag in modules.items():
        assert import_module(f"{PACKAGE}.api.{tag}.{name}").sync_detailed
    enums = [path for path in generated.folder.glob("models/*.py") if "VALUE_" in path.read_text(encoding="utf-8")]
    assert not enums, "values without a name: the numbers move when a value is added"


def test_cases_are_listed_by_a_filter_and_read_with_their_brief(
    generated: Generated, embedded: Running, secret: str
) -> None:
    with generated.client(embedded, secret) as client:
        kind, newest = generated.models.ListCasesKindItem.BILLING, generated.models.ListCasesSort.UPDATED_DESC
        everything = generated.call("cases.list_cases", client=client, sort=newest)
        assert len(everything.items) == 3
        [found] = generated.call("cases.list_cases", client=client, kind=[kind]).items
        assert (found.kind, found.title) == ("billing", "Zoom invoice for October")

        page = generated.call("cases.list_cases", client=client, limit=2)
        rest = generated.call("cases.list_cases", client=client, limit=2, cursor=page.next_)
        assert [case.key for case in page.items + rest.items] == [case.key for case in everything.items]
        assert rest.next_ is None

        case = generated.call("cases.read_case", found.key, client=client)
        assert (case.key, case.opened_at, case.requester.name) == (found.key, found.opened_at, "Dana Whitlock")
        brief = generated.call("cases.read_brief", found.key, client=client)
        assert (brief.for_, brief.case) == ("vendor", found.key)
        assert [entry.text for section in brief.sections for entry in section.entries]


def test_a_field_is_set_taken_back_and_noted(generated: Generated, embedded: Running, secret: str) -> None:
    key = case_of(generated, embedded, secret, REFUND)
    with generated.client(embedded, secret) as client:
        seen = generated.answer("cases.read_case", key, client=client)
        change = generated.models.CaseChange(title="Refund for October", vendor="zoom")
        changed = generated.call("cases.change_case", key, client=client, body=change)
        assert (changed.title, changed.vendor) == ("Refund for October", "zoom")
        back = generated.call("cases.change_case", key, client=client, body=generated.models.CaseChange(title=None))
        assert (back.title, back.vendor) == (seen.parsed.title, "zoom")  # what is not named stays as it is

        body = generated.models.NewNote(text="Dana has been called.")
        note = generated.answer("cases.add_note", key, client=client, body=body)
        assert (note.status_code, note.parsed.who) == (HTTPStatus.CREATED, "dashboard")
        assert [one.text for one in generated.call("cases.list_notes", key, client=client).items] == [body.text]
        told = generated.call("cases.list_case_events", key, client=client).items
        assert {"case.set", "case.noted"} <= {event.kind for event in told if event.who == "dashboard"}
    with generated.client(embedded, secret, headers={"If-Match": seen.headers["etag"]}) as client:
        stale = generated.answer("cases.change_case", key, client=client, body=change)
        assert (stale.status_code, stale.parsed.status) == (HTTPStatus.PRECONDITION_FAILED, 412)


def test_a_merged_case_is_found_by_both_keys_until_the_merge_is_undone(
    generated: Generated, embedded: Running, secret: str
) -> None:
    gone, stays = (case_of(generated, embedded, secret, mail) for mail in (REPORT, ASK))
    with generated.client(embedded, secret, follow_redirects=True) as client:
        done = generated.call("cases.merge_case", gone, client=client, body=generated.models.Merge(into=stays))
        assert done.case == stays
        assert generated.call("cases.read_case", gone, client=client).merged == [gone]
        undone = generated.call("cases.undo_correction", done.correction, client=client)
        assert set(undone.cases) == {gone, stays}
        assert generated.call("cases.read_case", gone, client=client).key == gone


def test_messages_files_and_events_are_read(generated: Generated, embedded: Running, secret: str) -> None:
    key = case_of(generated, embedded, secret, ASK)
    with generated.client(embedded, secret) as client:
        timeline = generated.call("cases.list_case_messages", key, client=client).items
        assert [message.origin for message in timeline] == ["forwarded", "delivered", "delivered"]
        sent = timeline[-1]
        assert generated.call("messages.read_message", int(sent.id), client=client) == sent
        assert generated.call("messages.explain_message", int(sent.id), client=client).case == key
        raw = generated.answer("messages.read_raw_message", int(sent.id), client=client)
        assert raw.headers["content-type"] == "message/rfc822"
        assert raw.parsed.payload.read() == LOGS.lstrip("\n").replace("\n", "\r\n").encode()
        [file] = sent.attachments
        content = generated.call("messages.read_attachment", int(file.id), client=client).payload.read()
        assert len(content) == file.size

        stream = generated.call("events.stream_events", client=client, once=True)
        told = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]
        events = [generated.models.Event.from_dict(event) for event in told]
        assert key in {event.case for event in events if event.kind == "case.opened"}


def test_an_error_says_what_was_wrong(generated: Generated, embedded: Running, secret: str) -> None:
    with generated.client(embedded, secret) as client:
        missing = generated.answer("cases.read_case", "SD-999", client=client)
        assert missing.status_code == HTTPStatus.NOT_FOUND
        assert (missing.parsed.type_, missing.parsed.detail) == ("/problems/not-found", "there is no case SD-999")
        wrong = generated.call("cases.list_cases", client=client, limit=0)
        assert (wrong.status, [one.where for one in wrong.errors]) == (422, ["query.limit"])
    with generated.client(embedded, "no such token") as client:
        assert generated.call("cases.list_cases", client=client).type_ == "/problems/unauthorized"


def case_of(generated: Generated, service: Running, secret: str, mail: str) -> str:
    """Key of the case of a mail, asked as a program would."""
    name = next(line for line in mail.splitlines() if line.startswith("Message-ID:")).partition(": ")[2]
    with generated.client(service, secret) as client:
        [message] = generated.call("messages.list_messages", client=client, message_id=name).items
    return str(message.case)
