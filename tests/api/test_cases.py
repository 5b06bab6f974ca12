"""The filters of `GET /api/cases`."""

from collections.abc import Callable
from typing import Any

import pytest

from service.store import search
from tests.running import Running
from tests.seeding import seed

FILTERS: list[tuple[dict[str, Any], Callable[[dict[str, Any]], Any]]] = [
    ({"status": "closed"}, lambda case: case["status"] == "closed"),
    ({"status": ["closed", "resolved"]}, lambda case: case["status"] != "open"),
    ({"waiting_on": "vendor"}, lambda case: case["waiting_on"] == "vendor"),
    ({"waiting_on": "none"}, lambda case: case["waiting_on"] is None),
    ({"priority": "P1"}, lambda case: case["priority"] == "P1"),
    ({"kind": "billing"}, lambda case: case["kind"] == "billing"),
    ({"vendor": "aws"}, lambda case: case["vendor"] == "aws"),
    ({"vendor_ref": "2600000007"}, lambda case: {"vendor": "redhat", "ref": "2600000007"} in case["vendor_refs"]),
    ({"missing": "any"}, lambda case: case["missing"]),
    ({"missing": "version"}, lambda case: "version" in case["missing"]),
    ({"participant": "User7@corp.example"}, lambda case: case["key"] == "SD-7"),
    ({"participant": "@corp.example"}, lambda case: True),
    ({"participant": "nobody@corp.example"}, lambda case: False),
    ({"q": "返金"}, lambda case: case["kind"] == "billing"),
    ({"q": "全社"}, lambda case: "全社" in case["title"]),
    ({"q": "osaka"}, lambda case: "Osaka" in case["title"]),
    ({"q": "ＯＳＡＫＡ 遅延"}, lambda case: False),
    ({"q": "SD-3"}, lambda case: case["key"] == "SD-3"),
    ({"q": "2600000011"}, lambda case: case["key"] == "SD-11"),
    ({"updated_since": "2026-11-24T02:00:00Z"}, lambda case: case["updated_at"] >= "2026-11-24T02:00:00Z"),
    ({"older_than": "2026-11-24T02:00:00Z"}, lambda case: case["updated_at"] < "2026-11-24T02:00:00Z"),
]  # fmt: skip


@pytest.mark.both_databases
def test_each_filter_returns_exactly_the_matching_cases(service: Running) -> None:
    seed(service.database, 20)
    while service.database.transact(search.index_pending):
        pass
    everything = service.get("/api/cases", limit=200)["items"]
    for query, fits in FILTERS:
        expected = [case["key"] for case in everything if fits(case)]
        assert [case["key"] for case in service.get("/api/cases", limit=200, **query)["items"]] == expected, query


@pytest.mark.parametrize(
    ("name", "values", "status", "named"),
    [
        ("cursor", ("none", "1", "P7-1-1", "-1-1", "1-1-1", "1-1'--", "१-१", "1-" + "9" * 16), 422, "cursor"),
        ("updated_since", ("yesterday", "2026-13-01", "3 days", "P5M", "99999999d"), 400, "updated_since"),
        ("missing", ("shoe_size",), 400, "occurred_at, "),
    ],
)
def test_an_invalid_parameter_value_is_refused_with_its_name(
    empty: Running, name: str, values: tuple[str, ...], status: int, named: str
) -> None:
    for value in values:
        answer = empty.client.get("/api/cases", params={name: value})
        assert (answer.status_code, named in answer.text) == (status, True), value
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_blank_missing_filter_is_ignored_and_an_unknown_item_is_refused_on_the_page(empty: Running) -> None:
    assert empty.get("/api/cases", missing="") == {"items": [], "next": None}
    assert empty.client.get("/", params={"missing": "shoe_size"}).status_code == 400
