"""Messages, raw mail, attachments, the brief, vendors and the spool."""

from __future__ import annotations

import re

import pytest

from service.api.messages import disposition
from tests.mails import ASK, LOGS, REPORT
from tests.running import Running, now
from tests.seeding import seed


def test_a_message_is_found_by_its_message_id(service: Running) -> None:
    service.deliver(REPORT)
    for written in ("<report@corp.example>", "report@corp.example"):
        (found,) = service.get("/api/messages", message_id=written)["items"]
        assert found["subject"] == "全社ポータルにサインインできません"
    assert service.get("/api/messages", message_id="<nothing@corp.example>")["items"] == []


def test_the_same_mail_twice_is_one_message(service: Running) -> None:
    service.deliver(REPORT)
    service.deliver(REPORT)
    (found,) = service.get("/api/messages", message_id="<report@corp.example>")["items"]
    assert found["deliveries"] == 2


def test_the_raw_mail_is_byte_for_byte_what_came(service: Running) -> None:
    service.deliver(REPORT)
    (found,) = service.get("/api/messages", message_id="<report@corp.example>")["items"]
    raw = service.client.get(f"/api/messages/{found['id']}/raw")
    assert raw.headers["content-type"] == "message/rfc822"
    assert raw.headers["content-disposition"].startswith("attachment;")
    assert raw.content == REPORT.lstrip("\n").replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "message/rfc822"),
        ("message/rfc822, application/octet-stream;q=0.5", "message/rfc822"),
        ("Application/Octet-Stream, */*;q=0.1", "application/octet-stream"),
        ("application/octet-stream;level=1;q=0", "message/rfc822"),
        ("message/rfc822;level=1;q=0, application/octet-stream;level=1;q=1", "application/octet-stream"),
    ],
)
def test_the_raw_mail_is_labelled_as_bytes_only_for_a_client_that_asks(
    embedded: Running, accept: str, kind: str
) -> None:
    embedded.deliver(REPORT)
    (found,) = embedded.get("/api/messages", message_id="<report@corp.example>")["items"]
    raw = embedded.client.get(f"/api/messages/{found['id']}/raw", headers={"Accept": accept})
    assert (raw.headers["content-type"], raw.headers["vary"]) == (kind, "Accept")
    assert raw.content == REPORT.lstrip("\n").replace("\n", "\r\n").encode()


def test_a_message_found_inside_another_has_no_raw_mail_of_its_own(service: Running) -> None:
    (key,) = service.deliver(ASK)
    inner = service.get(f"/api/cases/{key}/messages")["items"][0]
    assert inner["origin"] == "forwarded"
    assert service.client.get(f"/api/messages/{inner['id']}/raw").status_code == 404


def test_an_attached_mail_has_its_own_raw_mail(service: Running) -> None:
    attached = "From: Yu <yu@corp.example>\nSubject: Scanner\nMessage-ID: <inner@corp.example>\n\nIt is dead.\n"
    outer = (
        "From: Sato <sato@corp.example>\nTo: help@corp.example\nSubject: See it\nMessage-ID: <outer@corp.example>\n"
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nSee it.\n'
        f"--b\nContent-Type: message/rfc822\n\n{attached}\n--b--\n"
    )
    service.deliver(outer)
    (found,) = service.get("/api/messages", message_id="<inner@corp.example>")["items"]
    assert found["origin"] == "attached"
    raw = service.client.get(f"/api/messages/{found['id']}/raw")
    assert (raw.status_code, raw.content) == (200, attached.replace("\n", "\r\n").encode())


def test_an_attachment_is_a_download(service: Running) -> None:
    service.deliver(ASK, LOGS)
    (found,) = service.get("/api/messages", message_id="<logs@corp.example>")["items"]
    (file,) = found["attachments"]
    assert (file["filename"], file["content_type"]) == ("signin.csv", "text/csv")
    answer = service.client.get(f"/api/attachments/{file['id']}")
    assert answer.content == b"time,result\r\n09:02,50053"
    assert len(answer.content) == file["size"]
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith('attachment; filename="signin.csv"')
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd", "..\\..\\windows\\system32\\evil.dll", "/abs/olute", "C:\\x.txt", "a\r\nSet-Cookie: x=1",
        'q"; filename=evil.html', "\u202egnp.exe", "nul\x00.txt", "", "...", "報告書 ①.pdf", "x" * 5000, "\ud800bad",
    ],
)  # fmt: skip
def test_a_file_name_that_a_stranger_chose_stays_a_name(name: str) -> None:
    made = disposition(name)
    assert re.fullmatch(r"attachment; filename=\"[A-Za-z0-9._ -]+\"; filename\*=UTF-8''[A-Za-z0-9%._~-]+", made)
    assert ".." not in made.split('"')[1][:2]
    assert "%0D" not in made
    assert "%2F" not in made
    assert "%5C" not in made
    assert len(made) < 2500


def test_why_a_message_is_where_it_is(service: Running) -> None:
    service.deliver(ASK, LOGS)
    (found,) = service.get("/api/messages", message_id="<logs@corp.example>")["items"]
    why = service.get(f"/api/messages/{found['id']}/why")
    assert why["case"] == found["case"]
    assert why["evidence"]


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("reader", ["vendor", "team"])
def test_the_brief_is_ready_to_paste(embedded: Running, lang: str, reader: str) -> None:
    (key,) = embedded.deliver(ASK)
    query = {"for": reader, "lang": lang}
    made = embedded.get(f"/api/cases/{key}/brief", **query)
    assert (made["for"], made["lang"]) == (reader, lang)
    written = embedded.client.get(f"/api/cases/{key}/brief", params={**query, "format": "markdown"})
    assert written.headers["content-type"] == "text/markdown; charset=utf-8"
    assert "2611170040001177" in written.text


def test_a_review_speaks_only_from_five_cases_on_and_of_both_sides(service: Running) -> None:
    from datetime import UTC, datetime

    seed(service.database, 20, now=datetime.now(UTC))
    vendor = service.get("/api/vendors/microsoft")
    assert vendor["review"]["cases"] == 4
    assert vendor["review"]["median_wait"] == {"team": None, "vendor": None, "requester": None}
    seed_more = service.get("/api/vendors")["items"]
    assert {one["id"] for one in seed_more} == {"microsoft", "aws", "redhat", "cisco"}
    assert service.client.get("/api/vendors/nobody-knows-it").status_code == 404


def test_a_review_of_enough_cases_has_both_sides_side_by_side(service: Running) -> None:
    from datetime import UTC, datetime

    seed(service.database, 60, now=datetime.now(UTC))
    review = service.get("/api/vendors/aws")["review"]
    assert review["enough"]
    assert review["median_wait"] == {"team": 3600, "vendor": 5400, "requester": 1800}


def test_the_spool_shows_every_mail_with_its_state(service: Running) -> None:
    service.deliver(REPORT, ASK)
    entries = service.get("/api/spool")["items"]
    assert [entry["state"] for entry in entries] == ["done", "done"]
    assert service.get("/api/spool", state="shunted")["items"] == []
    first = service.client.get("/api/spool", params={"limit": 1})
    second = service.client.get(first.links["next"]["url"])
    assert {first.json()["items"][0]["id"], second.json()["items"][0]["id"]} == {entry["id"] for entry in entries}
    assert service.client.post(f"/api/spool/{entries[0]['id']}/retry").status_code == 409
    assert service.client.post("/api/spool/none/retry").status_code == 404


def test_a_shunted_mail_can_be_tried_again(service: Running) -> None:
    from service.store import spool

    service.deliver(REPORT)
    (entry,) = service.get("/api/spool")["items"]
    service.database.transact(lambda conn: spool.shunt(conn, [entry["id"]], "it did not survive", now()))
    assert service.get("/api/spool", state="shunted")["items"][0]["reason"] == "it did not survive"
    assert service.client.post(f"/api/spool/{entry['id']}/retry").json()["state"] == "waiting"


def test_metrics_balance(service: Running) -> None:
    service.deliver(REPORT, ASK, LOGS)
    text = service.client.get("/metrics").text
    numbers = {
        name: float(found[1])
        for name in ("accepted_total", "taken_in_total", "waiting", "shunted")
        if (found := re.search(rf"^sodan_mails_{name} (\S+)$", text, re.MULTILINE))
    }
    assert numbers["accepted_total"] == 3
    assert numbers["accepted_total"] == numbers["taken_in_total"] + numbers["waiting"] + numbers["shunted"]


def test_health(service: Running) -> None:
    assert service.get("/healthz") == {"status": "ok"}
    assert service.get("/readyz") == {"status": "ok"}
