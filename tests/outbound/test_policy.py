"""Reasons not to write to an author which whole mails cannot show alone, because other reasons also apply."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from service.outbound.compose import address_of
from service.outbound.policy import OwnAddresses, refusal
from service.store.opening_mails import OpeningMail

OWN = OwnAddresses(("corp.example",), ("intake@corp.example",))
NOW = datetime(2026, 11, 4, tzinfo=UTC)
REPORT = OpeningMail(
    case_id=1, message=1, spool_id="", channel="smtp", mail_from="aiko@corp.example", author="aiko@corp.example",
    name="Aiko", role="requester", origin="delivered", automatic=None, verified=True, subject="VPN", language="en",
    message_id=None, references=(), headers={}, date=NOW, received_at=NOW, document={},
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"verified": False}, "not verified"),
        ({"origin": "forwarded"}, "did not send the mail to sodan directly"),
        ({"author": "aiko@elsewhere.example"}, "not in a domain of SODAN_ORGANISATION"),
        ({"author": "aiko@notcorp.example"}, "not in a domain of SODAN_ORGANISATION"),
        ({"author": "aiko@corp.example.evil.example"}, "not in a domain of SODAN_ORGANISATION"),
    ],
)
def test_only_a_verified_direct_mail_of_the_organisation_is_answered(changed: dict[str, Any], reason: str) -> None:
    assert refusal(REPORT, OWN) is None
    assert reason in (refusal(replace(REPORT, **changed), OWN) or "")


@pytest.mark.parametrize(
    ("addresses", "to"),
    [
        (["no-reply-aws@amazon.test", "li@amazon.test"], "li@amazon.test"),
        (["DoNotReply@acme.test", "do_not_reply@acme.test", "jira-noreply@acme.test"], ""),
        (["", "noreen@acme.test"], "noreen@acme.test"),
    ],
)
def test_the_draft_of_a_brief_goes_to_the_first_address_that_accepts_replies(addresses: list[str], to: str) -> None:
    participants = [{"address": "ren@lab.test", "role": "team"}, *({"address": a, "role": "vendor"} for a in addresses)]
    assert address_of({"participants": participants}, "vendor") == to
