"""Messages, raw mails, vendor reviews, the spool and the metrics of mail."""

import re

import pytest

from service.store import spool
from tests.mails import ASK, LOGS, REPORT
from tests.running import Running, now
from tests.seeding import seed


def test_a_mail_that_arrives_twice_is_one_message(service: Running) -> None:
    service.deliver(REPORT)
    service.deliver(REPORT)
    for written in ("<report@corp.example>", "report@corp.example"):
        (found,) = service.get("/api/messages", message_id=written)["items"]
        assert (found["subject"], found["deliveries"]) == ("全社ポータルにサインインできません", 2)
    assert service.get("/api/messages", message_id="<nothing@corp.example>")["items"] == []


def test_a_forwarded_message_has_no_raw_mail(service: Running) -> None:
    (key,) = service.deliver(ASK)
    inner = service.get(f"/api/cases/{key}/messages")["items"][0]
    assert inner["origin"] == "forwarded"
    assert service.client.get(f"/api/messages/{inner['id']}/raw").status_code == 404


def test_an_attached_mail_has_a_raw_mail(service: Running) -> None:
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


@pytest.mark.parametrize(
    ("cases", "vendor", "waits"),
    [(20, "microsoft", (None, None, None)), (60, "aws", (3600, 5400, 1800))],  # 4 cases are too few
)
def test_a_vendor_review_shows_the_times_of_both_sides_from_five_cases_on(
    service: Running, cases: int, vendor: str, waits: tuple[int | None, ...]
) -> None:
    seed(service.database, cases, now=now())
    review = service.get(f"/api/vendors/{vendor}")["review"]
    assert review["enough"] == (None not in waits)
    assert tuple(review["median_wait"][side] for side in ("team", "vendor", "requester")) == waits
    assert {one["id"] for one in service.get("/api/vendors")["items"]} == {"microsoft", "aws", "redhat", "cisco"}
    assert service.client.get("/api/vendors/nobody-knows-it").status_code == 404


def test_a_shunted_mail_is_retried(service: Running) -> None:
    service.deliver(REPORT)
    (entry,) = service.get("/api/spool")["items"]
    service.database.transact(lambda conn: spool.shunt(conn, [entry["id"]], "it did not survive", now()))
    assert service.get("/api/spool", state="shunted")["items"][0]["reason"] == "it did not survive"
    assert service.client.post(f"/api/spool/{entry['id']}/retry").json()["state"] == "waiting"


def test_metrics_of_accepted_mail_balance(service: Running) -> None:
    service.deliver(REPORT, ASK, LOGS)
    text = service.client.get("/metrics").text
    numbers = {name: float(value) for name, value in re.findall(r"^sodan_mails_(\w+) (\S+)$", text, re.MULTILINE)}
    assert numbers["accepted_total"] == 3
    assert numbers["accepted_total"] == numbers["taken_in_total"] + numbers["waiting"] + numbers["shunted"]
