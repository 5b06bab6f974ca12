"""Who may be answered by a machine (RFC 3834)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.outbound.policy import OwnAddresses, refusal
from service.store.opening_mails import OpeningMail

HOUSE = OwnAddresses(("corp.example",), ("intake@corp.example", "it@corp.example"))
NOW = datetime(2026, 11, 4, tzinfo=UTC)
REPORT = OpeningMail(
    case_id=1, message=1, spool_id="", channel="smtp", mail_from="aiko@corp.example", author="aiko@corp.example",
    name="Aiko", role="requester", origin="delivered", automatic=None, verified=True, subject="VPN", language="en",
    message_id=None, references=(), headers={}, date=NOW, received_at=NOW, document={},
)  # fmt: skip


def refused(hops: int = 3, **changed: Any) -> str:
    return refusal(replace(REPORT, **changed), HOUSE, hops) or ""


def test_a_report_by_one_of_our_people_is_answered() -> None:
    assert refused() == ""
    assert refused(author="aiko@tokyo.corp.example") == ""
    assert refused(headers={"auto-submitted": "no", "precedence": "normal"}) == ""
    assert refused(headers={"x-auto-response-suppress": "None"}) == ""
    assert refused(date=None) == ""


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"author": ""}, "has no author address"),
        ({"author": "intake@corp.example"}, "sodan itself"),
        ({"author": "intake+3f.abc@corp.example"}, "sodan itself"),
        ({"author": "it@corp.example"}, "sodan itself"),
        ({"author": "aiko@elsewhere.example"}, "SODAN_ORGANISATION"),
        ({"author": "aiko@notcorp.example"}, "SODAN_ORGANISATION"),
        ({"author": "aiko@corp.example.evil.example"}, "SODAN_ORGANISATION"),
        ({"role": "vendor"}, "counts as vendor"),
        ({"role": "team"}, "counts as team"),
        ({"role": "unknown"}, "counts as unknown"),
        *(
            ({"author": f"{local}@corp.example"}, "machine")
            for local in (
                "noreply",
                "no-reply",
                "do_not_reply",
                "donotreply+7",
                "mailer-daemon",
                "postmaster",
                "owner-staff",
                "staff-request",
                "staff-bounces",
                "staff-owner",
                "notifications",
                "alerts",
                "alert-service",
                "newsletter",
                "root",
                "listserv",
            )
        ),
        ({"verified": False}, "the sender of the mail is not verified"),
        ({"origin": "forwarded"}, "did not send the mail to sodan directly"),
        ({"origin": "quoted"}, "did not send the mail to sodan directly"),
        ({"automatic": "auto_reply"}, "automatic"),
        ({"automatic": "bounce"}, "automatic"),
        ({"automatic": "notification"}, "automatic"),
        ({"automatic": "calendar"}, "automatic"),
        ({"automatic": "receipt"}, "automatic"),
        ({"mail_from": ""}, "empty envelope sender"),
        ({"mail_from": "<>"}, "empty envelope sender"),
        ({"headers": {"auto-submitted": "auto-replied"}}, "Auto-Submitted"),
        ({"headers": {"auto-submitted": "auto-generated; owner-email=x@y.example"}}, "Auto-Submitted"),
        ({"headers": {"list-id": "<staff.corp.example>"}}, "mailing list"),
        ({"headers": {"list-unsubscribe": "<mailto:x@y.example>"}}, "mailing list"),
        ({"headers": {"list-post": "NO"}}, "mailing list"),
        ({"headers": {"mailing-list": "contact x"}}, "mailing list"),
        ({"headers": {"ml-name": "staff"}}, "mailing list"),
        ({"headers": {"precedence": "bulk"}}, "Precedence"),
        ({"headers": {"precedence": " List "}}, "Precedence"),
        ({"headers": {"precedence": "junk"}}, "Precedence"),
        ({"headers": {"x-auto-response-suppress": "DR, AutoReply"}}, "X-Auto-Response-Suppress"),
        ({"headers": {"x-auto-response-suppress": "All"}}, "X-Auto-Response-Suppress"),
        ({"headers": {"x-sodan-loop": "sodan.other.example"}}, "automatic replier"),
        ({"headers": {"x-autoreply": "yes"}}, "automatic replier"),
        ({"headers": {"x-autorespond": "1"}}, "automatic replier"),
        ({"hops": 26}, "passed 26 servers"),
        ({"channel": "import"}, "imported"),
        ({"date": NOW - timedelta(days=2)}, "older than a day"),
    ],
)
def test_whatever_might_be_a_machine_a_list_or_a_stranger_is_not(changed: dict[str, Any], reason: str) -> None:
    assert reason in refused(**changed)
