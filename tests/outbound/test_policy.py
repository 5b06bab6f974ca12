"""Who may be answered by a machine (RFC 3834)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.outbound.policy import Incoming, OwnAddresses, refusal

HOUSE = OwnAddresses(("corp.example",), ("intake@corp.example", "it@corp.example"))
REPORT = Incoming("aiko@corp.example", "requester", "delivered", None, True, {}, 3, "aiko@corp.example")


def test_a_report_by_one_of_our_people_is_answered() -> None:
    assert refusal(REPORT, HOUSE) is None
    assert refusal(replace(REPORT, author="aiko@tokyo.corp.example"), HOUSE) is None
    assert refusal(replace(REPORT, headers={"auto-submitted": "no", "precedence": "normal"}), HOUSE) is None
    assert refusal(replace(REPORT, headers={"x-auto-response-suppress": "None"}), HOUSE) is None


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
        ({"envelope_from": ""}, "empty envelope sender"),
        ({"envelope_from": "<>"}, "empty envelope sender"),
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
        ({"age": timedelta(days=2)}, "older than a day"),
    ],
)
def test_whatever_might_be_a_machine_a_list_or_a_stranger_is_not(changed: dict[str, Any], reason: str) -> None:
    assert reason in (refusal(replace(REPORT, **changed), HOUSE) or "")
