"""Values that people set and reset by `PATCH /api/cases/{key}`, and the undo of these changes."""

import getpass

import pytest

from tests.mails import ASK, LOGS, REPORT
from tests.running import Running

LOGIN = getpass.getuser()
LOG, TIME = "サインインログをご提供いただけますでしょうか", "発生日時をお知らせいただけますでしょうか"
TWO_REQUESTS = ASK.replace(LOG, f"{LOG}。{TIME}")


def manual_changes(service: Running, key: str) -> list[int]:
    """Return the ids of the events in which people set values, newest first."""
    return [one["id"] for one in service.get(f"/api/cases/{key}/history")["items"] if one["kind"] == "case.set"]


def test_a_value_set_by_hand_is_kept_until_it_is_reset(service: Running) -> None:
    (key,) = service.deliver(ASK)
    before = service.get(f"/api/cases/{key}")
    changed = service.client.patch(f"/api/cases/{key}", json={"priority": "P1", "title": "サインイン障害"}).json()
    assert (changed["priority"], changed["priority_detail"]["set_by"]) == ("P1", LOGIN)
    service.deliver(LOGS)  # now the rules judge the case again
    after = service.get(f"/api/cases/{key}")
    assert (after["priority"], after["title"]) == ("P1", "サインイン障害")
    back = service.client.patch(f"/api/cases/{key}", json={"priority": None, "title": None}).json()
    assert (back["priority"], back["title"]) == (before["priority"], before["title"])
    assert back["priority_detail"]["set_by"] == "rules"


def test_a_checklist_item_is_waived_or_answered(service: Running) -> None:
    (key,) = service.deliver(REPORT)
    first = service.get(f"/api/cases/{key}")["missing"][0]
    second = "resource_id"
    changed = service.client.patch(f"/api/cases/{key}", json={"items": {first: "waived", second: "PC-1042"}}).json()
    states = {line["item"]: line for line in changed["checklist"]}
    assert states[first]["state"] == "waived"
    assert (states[second]["state"], states[second]["value"]) == ("present", "PC-1042")
    assert (states[second]["set_by"], states[second]["quote"]) == (LOGIN, None)
    assert not {first, second} & set(changed["missing"])
    back = service.client.patch(f"/api/cases/{key}", json={"items": {first: None}}).json()
    assert first in back["missing"]
    missing = {line["item"] for line in back["checklist"] if line["state"] == "missing"}
    waived = dict.fromkeys(back["missing"], "waived")
    after = service.client.patch(f"/api/cases/{key}", json={"items": waived}).json()
    assert set(after["missing"]) == missing - set(waived)  # the next missing items move up


def test_an_invalid_change_is_a_problem(embedded: Running) -> None:
    (key,) = embedded.deliver(REPORT)
    titles = ({"title": "x" * 501}, {"title": " "})
    bodies: tuple[object, ...] = ({"priority": "P0"}, {"color": "red"}, *titles, [1], "P1", {"items": []})
    for body in bodies:
        answer = embedded.client.patch(f"/api/cases/{key}", json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), body


def test_a_misspelt_waived_and_an_answer_without_an_open_request_are_refused(embedded: Running) -> None:
    (key,) = embedded.deliver(REPORT)
    for value in ("waved", "Waived", "waive"):
        answer = embedded.client.patch(f"/api/cases/{key}", json={"items": {"version": value}})
        assert (answer.status_code, "did you mean `waived`" in answer.json()["detail"]) == (400, True)
    answer = embedded.client.patch(f"/api/cases/{key}", json={"asks": {"*": "answered"}})
    assert (answer.status_code, "no open request" in answer.json()["detail"]) == (409, True)
    assert manual_changes(embedded, key) == []
    assert embedded.client.patch(f"/api/cases/{key}", json={"items": {"version": "W7"}}).status_code == 200


def test_an_unknown_item_or_request_cannot_be_answered(embedded: Running) -> None:
    (key,) = embedded.deliver(REPORT)
    for group, id in (("items", "versoin"), ("asks", "1-logs")):
        answer = embedded.client.patch(f"/api/cases/{key}", json={group: {id: "answered"}})
        assert (answer.status_code, id in answer.json()["detail"]) == (404, True)
        reset = embedded.client.patch(f"/api/cases/{key}", json={group: {id: None}})  # an older version may have set it
        assert reset.status_code == 200


def test_undoing_a_change_keeps_values_set_later(embedded: Running) -> None:
    (key,) = embedded.deliver(REPORT)
    first = embedded.get(f"/api/cases/{key}")
    item = first["missing"][0]
    embedded.client.patch(f"/api/cases/{key}", json={"priority": "P4", "items": {item: "waived"}})
    embedded.client.patch(f"/api/cases/{key}", json={"owner": "Aki", "items": {"resource_id": "PC-1042"}})
    done = manual_changes(embedded, key)
    assert embedded.client.post(f"/api/corrections/{done[-1]}/undo").status_code == 200
    after = embedded.get(f"/api/cases/{key}")
    assert (after["priority"], after["owner"]) == (first["priority"], "Aki")
    assert item in after["missing"]
    assert [line["value"] for line in after["checklist"] if line["item"] == "resource_id"] == ["PC-1042"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"priority": "P1"}, {"priority": "P2"}),
        ({"priority": "P1"}, {"priority": "P1"}),
        ({"items": {"contact": "waived"}}, {"items": {"contact": "内線 1234"}}),
        ({"items": None}, {"items": {"contact": "内線 1234"}}),
    ],
)
def test_an_older_change_of_the_same_value_is_undone_only_after_the_newer_one(
    embedded: Running, one: dict[str, object], other: dict[str, object]
) -> None:
    (key,) = embedded.deliver(REPORT)
    before = embedded.get(f"/api/cases/{key}")
    for change in (one, other):
        after = embedded.client.patch(f"/api/cases/{key}", json=change).json()
    newer, older = manual_changes(embedded, key)
    refused = embedded.client.post(f"/api/corrections/{older}/undo")
    assert (refused.status_code, "first undo that change" in refused.text) == (409, True)
    assert embedded.get(f"/api/cases/{key}")["checklist"] == after["checklist"]
    for event in (newer, older):
        assert embedded.client.post(f"/api/corrections/{event}/undo").status_code == 200
    now = embedded.get(f"/api/cases/{key}")
    assert (now["priority"], now["checklist"]) == (before["priority"], before["checklist"])


def test_a_written_answer_to_a_request_fills_the_checklist(service: Running) -> None:
    (key,) = service.deliver(ASK.replace(LOG, TIME))
    (ask,) = [one for one in service.get(f"/api/cases/{key}")["asks"] if one["what"].startswith("info:")]
    item = ask["what"].removeprefix("info:")
    changed = service.client.patch(f"/api/cases/{key}", json={"asks": {ask["id"]: {"answer": "11/17 9:00頃"}}}).json()
    (answered,) = [one for one in changed["asks"] if one["id"] == ask["id"]]
    assert (answered["state"], answered["answer"], answered["set_by"]) == ("answered", "11/17 9:00頃", LOGIN)
    line = next(line for line in changed["checklist"] if line["item"] == item)
    assert (line["state"], line["value"], line["set_by"]) == ("present", "11/17 9:00頃", LOGIN)
    assert changed["waiting_on"] == "vendor"
    back = service.client.patch(f"/api/cases/{key}", json={"asks": {ask["id"]: None}}).json()
    assert [one["answer"] for one in back["asks"] if one["id"] == ask["id"]] == [None]


def test_a_request_is_marked_as_answered_and_reopened(service: Running) -> None:
    (key,) = service.deliver(ASK)
    before = service.get(f"/api/cases/{key}")
    assert before["waiting_on"] == "team"
    ids = [ask["id"] for ask in before["asks"] if ask["state"] == "open"]
    changed = service.client.patch(f"/api/cases/{key}", json={"asks": dict.fromkeys(ids, "answered")}).json()
    assert (changed["waiting_on"], changed["open_asks"]) == ("vendor", 0)
    assert {(ask["state"], ask["set_by"]) for ask in changed["asks"]} == {("answered", LOGIN)}
    words = service.client.patch(f"/api/cases/{key}", json={"asks": {"*": {"answer": "明日お電話します"}}})
    assert (words.status_code, "for one request, by its id" in words.text) == (400, True)
    back = service.client.patch(f"/api/cases/{key}", json={"asks": None}).json()
    assert (back["waiting_on"], back["open_asks"]) == ("team", len(ids))
    assert service.client.patch(f"/api/cases/{key}", json={"asks": {"*": "answered"}}).json()["waiting_on"] == "vendor"
    assert service.client.patch(f"/api/cases/{key}", json={"asks": {ids[0]: "sent"}}).status_code == 422


def test_one_request_is_reopened_after_all_were_answered_at_once(service: Running) -> None:
    (key,) = service.deliver(TWO_REQUESTS)
    first, second, *_ = ids = [ask["id"] for ask in service.get(f"/api/cases/{key}")["asks"]]
    changed = service.client.patch(f"/api/cases/{key}", json={"asks": {"*": "answered"}}).json()
    at = {ask["id"]: ask["answered_at"] for ask in changed["asks"]}
    assert set(at) == set(ids)
    back = service.client.patch(f"/api/cases/{key}", json={"asks": {first: None}}).json()
    states = {ask["id"]: (ask["state"], ask["answered_at"]) for ask in back["asks"]}
    assert states == {first: ("open", None)} | {id: ("answered", at[id]) for id in ids if id != first}
    assert back["waiting_on"] == "team"
    done = manual_changes(service, key)
    assert service.client.post(f"/api/corrections/{done[0]}/undo").status_code == 200
    assert {ask["state"] for ask in service.get(f"/api/cases/{key}")["asks"]} == {"answered"}
    again = service.client.patch(f"/api/cases/{key}", json={"asks": {second: None}}).json()
    assert [ask["id"] for ask in again["asks"] if ask["state"] == "open"] == [second]
