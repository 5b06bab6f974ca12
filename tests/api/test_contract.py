"""The contract of the HTTP API: calls, sort orders, headers, fields and errors. Fields may be added, never removed."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from mailrules import catalogue
from service.api import case_schema
from service.api.brief import Brief
from service.api.case_schema import Case, CasePage, CaseSummary
from service.api.events import EventPage
from service.api.health import Health
from service.api.meanings import MeaningOut, Meanings
from service.api.messages import AttachmentOut, Correction, MessageOut, MessagePage, StatementOut, Why
from service.api.problems import ProblemDetails
from service.api.spool import SpoolEntry, SpoolPage
from service.api.vendors import Review, Vendor, VendorPage
from tests.mails import ASK, LOGS, REFUND, REPORT
from tests.running import Running

SIDES = ("team", "vendor", "requester")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?Z")
SUMMARY = """key title status waiting_on waiting_since priority kind language vendor vendor_refs missing needs_triage
    requester excerpt open_asks messages opened_at updated_at"""
PROMISED: dict[type[BaseModel], str] = {
    CaseSummary: SUMMARY,
    Case: f"""{SUMMARY} priority_detail checklist asks tone parked problem clocks participants merged related
        suggestions read_by judged_by""",
    case_schema.VendorRef: "vendor ref",
    case_schema.Person: "name address",
    case_schema.PriorityDetail: "level impact urgency evidence heard set_by",
    case_schema.Evidence: "rule message quote",
    case_schema.Heard: "quote",
    case_schema.ChecklistItem: "item label state value message quote",
    case_schema.Ask: "id by of what quote message asked_at state answered_at answered_by_message",
    case_schema.ToneHint: "id message quote advice",
    case_schema.ParkedTopic: "topic message quote",
    case_schema.ProblemStatement: "statement version drift",
    case_schema.Clocks: "team vendor requester first_response turns",
    case_schema.Participant: "address name role",
    case_schema.Suggested: "id case score reasons",
    case_schema.ReadBy: "reader version pending",
    MessageOut: """id case origin author forwarded_by to cc subject date received_at text quoted_text automatic
        attachments deliveries statements findings defects""",
    AttachmentOut: "id filename content_type size sha256",
    StatementOut: "meaning state quote value confidence reader",
    Why: "case evidence runners_up",
    Correction: "case undo",
    Vendor: "id name review",
    Review: "cases turns_to_resolution median_wait",
    MeaningOut: "id title definition examples",
    SpoolEntry: "id state received_at reason",
    ProblemDetails: "title status",
    Brief: "for lang",
}
"""Type of a response → the fields that other programs rely on."""
ERRORS = (
    ("GET", "/api/cases/SD-999", 404), ("GET", "/api/cases/x", 404), ("GET", "/api/cases/SD-999/messages", 404),
    ("GET", "/api/cases/SD-999/brief", 404), ("GET", "/api/messages/999999", 404), ("GET", "/api/nothing", 404),
    ("GET", "/api/messages/999999/why", 404), ("GET", "/api/messages/999999/raw", 404),
    ("GET", "/api/attachments/999999", 404), ("GET", "/api/vendors/nobody", 404), ("GET", "/api/messages", 422),
    ("POST", "/api/spool/none/retry", 404), ("POST", "/api/corrections/999999/undo", 404), ("PUT", "{case}", 405),
    ("GET", "/api/cases?limit=0", 422), ("GET", "/api/cases?cursor=x", 422), ("GET", "/api/cases?sort=x", 422),
    ("GET", "/api/cases?status=x", 422), ("GET", "/api/cases?waiting_on=x", 422), ("GET", "/api/cases?kind=x", 422),
    ("GET", "/api/cases?priority=P5", 422), ("GET", "/api/cases?updated_since=x", 400),
    ("GET", "/api/cases?older_than=x", 400), ("GET", "/api/spool?state=x", 422), ("PATCH", "{case}", 422),
    ("GET", "{case}/brief?for=x", 422), ("GET", "{case}/brief?format=x", 422),
    ("GET", "{case}/brief?lang=x", 422), ("GET", "/api/cases/SD-999/notes", 404),
    ("GET", "/api/cases/SD-999/questions/draft", 404),
    ("POST", "{case}/merge", 422), ("POST", "/api/messages/{message}/move", 422),
)  # fmt: skip
URGENT = REPORT.replace("<report@", "<urgent@").replace("サインインできません", "が遅い").replace(
    "お疲れ様です。営業部の北川です。",
    "【緊急】至急ベンダーに言って早く直させてください。ログは出せません。再発防止策の報告書と補償もお願いします。",
)  # fmt: skip


def check_schema(value: Any, model: type[BaseModel], at: str) -> None:
    """Check that a value and its parts match their models, have all promised fields and no undescribed fields."""
    for part in parts_of(model.model_validate(value)):
        missing = {*PROMISED.get(type(part), "").split()} - {*part.model_dump(by_alias=True, exclude_unset=True)}
        assert not missing, (at, type(part), missing)
        assert not part.model_extra, (at, type(part))


def parts_of(shown: BaseModel) -> Iterator[BaseModel]:
    yield shown
    for name in type(shown).model_fields:
        value = getattr(shown, name)
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, BaseModel):
                yield from parts_of(part)


class Client:
    """A client that checks every response against the contract."""

    def __init__(self, service: Running) -> None:
        self.client = service.client

    def request(self, method: str, path: str, status: int = 200, **sent: Any) -> httpx.Response:
        answer = self.client.request(method, path, **sent)
        assert answer.status_code == status, (method, path, sent, answer.text)
        if status >= 400:
            assert answer.headers["content-type"] == "application/problem+json", path
            check_schema(answer.json(), ProblemDetails, path)
            assert answer.json()["status"] == status
            assert status != 405 or "GET, PATCH" in answer.headers["allow"]
        return answer

    def get(self, path: str, model: type[BaseModel], **query: Any) -> Any:
        answer = self.request("GET", path, params=query)
        assert answer.headers["content-type"] == "application/json", path
        check_schema(answer.json(), model, path)
        return answer.json()

    def all_pages(self, path: str, model: type[BaseModel], **query: Any) -> list[Any]:
        """Return a list. It must equal the list that is read in pages of one item by ``Link`` and ``next``."""
        url, seen = str(httpx.URL(path, params={**query, "limit": 1})), []
        while url:
            answer = self.request("GET", url)
            check_schema(answer.json(), model, path)
            seen += answer.json()["items"]
            url = answer.links.get("next", {}).get("url", "")
            assert bool(url) == (answer.json()["next"] is not None), path
        whole: list[Any] = self.get(path, model, **query)["items"]
        ids, seen_ids = ([str(one.get("key", one.get("id"))) for one in items] for items in (whole, seen))
        assert ids == seen_ids, path
        return whole


@pytest.mark.both_databases
def test_reading_calls_follow_the_contract(service: Running) -> None:
    client = Client(service)
    report, asked, logs, refund, urgent = service.deliver(REPORT, ASK, LOGS, REFUND, URGENT)
    everything = {report, asked, refund, urgent}
    assert logs == asked
    check_lists(client, everything)
    check_cases(client, everything, asked)
    check_messages_and_files(client, asked)
    check_other_resources(client, asked)


def check_lists(client: Client, everything: set[str]) -> None:
    """Fields, pages and all sort orders. test_cases.py tests the filters."""
    listed = client.all_pages("/api/cases", CasePage)
    assert {case["key"] for case in listed} == everything
    assert all(TIME.fullmatch(case[field]) for case in listed for field in ("opened_at", "updated_at"))
    for name, value in (("updated_since", "2100-01-01"), ("older_than", "1000d"), ("q", "見当たらない")):
        assert client.all_pages("/api/cases", CasePage, **{name: value}) == [], name
    for sort, field in (("updated", "updated_at"), ("opened", "opened_at")):
        for sign in ("", "-"):
            values = [case[field] for case in client.all_pages("/api/cases", CasePage, sort=sign + sort)]
            assert values == sorted(values, reverse=bool(sign)), sort
            assert sign != "-" or sort != "updated" or values == [case["updated_at"] for case in listed]  # the default
    levels = [case["priority"] for case in client.all_pages("/api/cases", CasePage, sort="priority")]
    assert levels == sorted(levels)


def check_cases(client: Client, everything: set[str], asked: str) -> None:
    cases = {key: client.get(f"/api/cases/{key}", Case) for key in everything}
    for name in ("checklist", "asks", "parked", "participants", "vendor_refs", "missing"):
        assert any(case[name] for case in cases.values()), name
    assert any(case["priority_detail"]["evidence"] for case in cases.values())
    assert any(case["priority_detail"]["heard"] for case in cases.values())
    timeline = client.all_pages(f"/api/cases/{asked}/messages", MessagePage)
    assert [message["date"] for message in timeline] == sorted(message["date"] for message in timeline)
    client.get(f"/api/cases/{asked}/history", EventPage)
    for reader in ("vendor", "team", "requester"):
        for lang in ("ja", "en"):
            query = {"for": reader, "lang": lang}
            assert query.items() <= client.get(f"/api/cases/{asked}/brief", Brief, **query).items()
            written = client.request("GET", f"/api/cases/{asked}/brief?for={reader}&lang={lang}&format=markdown")
            assert written.headers["content-type"].startswith("text/markdown")


def check_messages_and_files(client: Client, asked: str) -> None:
    (message,) = client.get("/api/messages", MessagePage, message_id="<logs@corp.example>")["items"]
    assert client.get(f"/api/messages/{message['id']}", MessageOut) == message
    assert client.get(f"/api/messages/{message['id']}/why", Why)["case"] == asked
    raw = client.request("GET", f"/api/messages/{message['id']}/raw")
    assert raw.headers["content-type"] == "message/rfc822"
    assert raw.content == LOGS.lstrip("\n").replace("\n", "\r\n").encode()
    (file,) = message["attachments"]
    assert len(client.request("GET", f"/api/attachments/{file['id']}").content) == file["size"]
    assert (
        client.request("GET", f"/api/attachments/{file['id']}").headers["content-disposition"].startswith("attachment")
    )


def check_other_resources(client: Client, asked: str) -> None:
    assert "microsoft" in {one["id"] for one in client.get("/api/vendors", VendorPage)["items"]}
    assert client.get("/api/vendors/microsoft", Vendor)["review"]["median_wait"] == dict.fromkeys(SIDES)  # too few
    entries = client.all_pages("/api/spool", SpoolPage)
    assert len(entries) == 5
    assert client.all_pages("/api/spool", SpoolPage, state="done") == entries
    for state in ("waiting", "shunted", "refused"):
        assert client.all_pages("/api/spool", SpoolPage, state=state) == []
    for path in ("/healthz", "/readyz"):
        assert client.get(path, Health)["status"] == "ok"
    meanings = client.get("/api/meanings", Meanings)
    assert meanings["ids"] == list(catalogue.load().ids)
    for path, kind in (("/metrics", "text/plain"), ("/docs", "text/html"), ("/openapi.json", "application/json"),
                       ("/", "text/html"), (f"/cases/{asked}", "text/html")):  # fmt: skip
        assert client.request("GET", path).headers["content-type"].startswith(kind), path


@pytest.mark.both_databases
def test_changes_and_errors_follow_the_contract(service: Running) -> None:
    client = Client(service)
    report, asked, refund = service.deliver(REPORT, ASK, REFUND)
    (message,) = client.get("/api/messages", MessagePage, message_id="<refund@corp.example>")["items"]
    assert message["case"] == refund
    path = f"/api/cases/{report}"
    check_changes(client, path)
    check_merges_and_moves(client, report, asked, message)
    check_events(client)
    check_errors(client, path, message["id"])
    client.request("POST", f"{path}/merge", 409, json={"into": report})


def check_changes(client: Client, path: str) -> None:
    """Change each field with ``If-Match``, then reset all fields."""
    first = client.request("GET", path)
    assert client.request("GET", path, 304, headers={"If-None-Match": first.headers["etag"]}).content == b""
    before, tag = first.json(), first.headers["etag"]
    item = before["missing"][0]
    for change in (
        {"status": "resolved"}, {"priority": "P4"}, {"title": "題"}, {"vendor": "aws"},
        {"waiting_on": "vendor"}, {"waiting_on": "none"}, {"items": {item: "waived"}}, {"items": {item: "v1"}},
    ):  # fmt: skip
        changed = client.request("PATCH", path, json=change, headers={"If-Match": tag})
        check_schema(changed.json(), Case, path)
        client.request("PATCH", path, 412, json=change, headers={"If-Match": tag})
        tag = changed.headers["etag"]
        for name in set(change) - {"items"}:
            assert changed.json()[name] == (None if change[name] == "none" else change[name])
    client.request("PATCH", path, json={"priority": "P3"}, headers={"If-Match": "*"})
    back: dict[str, Any] = dict.fromkeys(("status", "priority", "title", "vendor", "waiting_on"))
    after = client.request("PATCH", path, json={**back, "items": {item: None}}).json()
    assert {name: after[name] for name in (*back, "missing")} == {name: before[name] for name in (*back, "missing")}


def check_merges_and_moves(client: Client, report: str, asked: str, message: dict[str, Any]) -> None:
    path = f"/api/cases/{report}"
    done = client.request("POST", f"{path}/merge", json={"into": asked}).json()
    check_schema(done, Correction, "merge")
    for rest in ("", "/messages", "/brief"):
        gone = client.request("GET", path + rest, 308)
        assert gone.headers["location"] == f"/api/cases/{asked}{rest}"
    assert client.get(f"/api/cases/{asked}", Case)["merged"] == [report]
    assert report not in {case["key"] for case in client.all_pages("/api/cases", CasePage)}
    client.request("POST", done["undo"])
    client.request("POST", done["undo"], 409)
    for to in (asked, "new"):
        moved = client.request("POST", f"/api/messages/{message['id']}/move", json={"to": to}).json()
        check_schema(moved, Correction, "move")
        why = client.get(f"/api/messages/{message['id']}/why", Why)
        assert (why["case"], bool(why["pinned_by"])) == (moved["case"], True)
        client.request("POST", moved["undo"])
    assert client.get(f"/api/messages/{message['id']}", MessageOut)["case"] == message["case"]


def check_events(client: Client) -> None:
    events = client.request("GET", "/api/events?once=true")
    assert events.headers["content-type"].startswith("text/event-stream")
    ids = re.findall(r"^id: ([0-9]+)", events.text, re.MULTILINE)
    again = client.request("GET", "/api/events?once=true", headers={"Last-Event-ID": ids[3]})
    assert re.findall(r"^id: ([0-9]+)", again.text, re.MULTILINE) == ids[4:]


def check_errors(client: Client, path: str, message: str) -> None:
    for method, wrong, status in ERRORS:
        client.request(method, wrong.format(case=path, message=message), status)
    client.request("POST", f"{path}/merge", 404, json={"into": "SD-999"})
    client.request("POST", "/api/cases/SD-999/merge", 404, json={"into": path.rpartition("/")[2]})
    client.request("POST", "/api/messages/999999/move", 404, json={"to": "new"})
    client.request("GET", "/api/events", 400, headers={"Last-Event-ID": "x"})
    (entry, *_) = client.all_pages("/api/spool", SpoolPage)
    client.request("POST", f"/api/spool/{entry['id']}/retry", 409)


def test_a_misspelt_parameter_is_refused_with_a_suggestion(empty: Running) -> None:
    answer = empty.client.get("/api/cases", params={"stauts": "open"})
    [wrong] = answer.json()["errors"]
    assert wrong == {"where": "query.stauts", "why": "there is no such parameter; did you mean status?"}
    assert (answer.status_code, empty.client.get("/healthz", params={"probe": "1"}).status_code) == (422, 200)


def test_paths_with_and_without_a_version_return_the_same(service: Running) -> None:
    (key,) = service.deliver(REPORT)
    assert service.get(f"/api/v1/cases/{key}") == service.get(f"/api/cases/{key}")
    assert [service.client.get(f"/api/v1{path}").status_code for path in ("/nothing", "")] == [404, 404]
