"""Reasons not to answer that whole mails cannot show alone, because other reasons hide them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from service.outbound.policy import MAX_HOPS, OwnAddresses, refusal
from service.store.opening_mails import OpeningMail

OWN = OwnAddresses(("corp.example",), ("intake@corp.example",))
NOW = datetime(2026, 11, 4, tzinfo=UTC)
REPORT = OpeningMail(
    case_id=1, message=1, spool_id="", channel="smtp", mail_from="aiko@corp.example", author="aiko@corp.example",
    name="Aiko", role="requester", origin="delivered", automatic=None, verified=True, subject="VPN", language="en",
    message_id=None, references=(), headers={}, date=NOW, received_at=NOW, document={},
)  # fmt: skip


def test_a_report_that_passed_few_servers_is_answered() -> None:
    assert refusal(REPORT, OWN, MAX_HOPS) is None


@pytest.mark.parametrize(
    ("changed", "hops", "reason"),
    [
        ({}, MAX_HOPS + 1, "passed 26 servers"),
        ({"verified": False}, 3, "not verified"),
        ({"origin": "forwarded"}, 3, "did not send the mail to sodan directly"),
        ({"author": "aiko@elsewhere.example"}, 3, "not in a domain of SODAN_ORGANISATION"),
        ({"author": "aiko@notcorp.example"}, 3, "not in a domain of SODAN_ORGANISATION"),
        ({"author": "aiko@corp.example.evil.example"}, 3, "not in a domain of SODAN_ORGANISATION"),
    ],
)
def test_a_loop_a_stranger_or_a_forward_is_not(changed: dict[str, Any], hops: int, reason: str) -> None:
    assert reason in (refusal(replace(REPORT, **changed), OWN, hops) or "")
