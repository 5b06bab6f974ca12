"""A mail whose author did not send it (DMARC, by our own server's word alone) is a stranger's, whatever it says."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.cases.facts.extracted import ExtractedMessage
from service.cases.facts.extraction import IngestConfig, extract_messages
from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.roles import Roles
from service.cases.facts.sender import Verdicts
from service.cases.placement.known import CaseFacts, Known
from service.cases.placement.objections import takes_part
from service.cases.placement.placer import Placer
from service.mail.message import Address, Mail
from service.mail.parse import parse

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ROLES = Roles(organisation=("corp.example",), team=("it@corp.example",))
OURS = IngestConfig(prefix="SD", verdicts=Verdicts("mx.corp.example"))


def _brought(results: str, ingest: IngestConfig = OURS) -> ExtractedMessage:
    raw = (
        f"{results}From: IT <it@corp.example>\r\nTo: intake@corp.example\r\nSubject: Re: [SD-7] it works\r\n"
        "Message-ID: <f1@corp.example>\r\n\r\nSolved, please close the case.\r\n"
    )
    return extract_messages(parse(raw.encode()), ROLES, ingest, received_at=NOW)[0]


FAILED = "Authentication-Results: mx.corp.example; dmarc=fail header.from=corp.example\r\n"
PASSED = "Authentication-Results: mx.corp.example; dmarc=pass header.from=corp.example\r\n"


def test_who_wrote_under_our_address_is_nobody_of_ours() -> None:
    forged = _brought(FAILED)
    assert (forged.role, forged.node.side, forged.node.forged) == ("unknown", "unknown", True)
    assert isinstance(forged.source, Mail)
    assert "dmarc-failed" in forged.source.defects
    honest = _brought(PASSED)
    assert (honest.role, honest.node.forged) == ("team", False)
    assert _brought(FAILED, replace(OURS, verdicts=Verdicts())).role == "team"


def test_a_forger_of_a_participant_does_not_take_part() -> None:
    case = CaseFacts(people={"it@corp.example"})
    node = MessageFacts(id=1, at=NOW, author="it@corp.example", forged=True)
    assert not takes_part(node, case, ())
    assert takes_part(replace(node, forged=False), case, ())


def test_a_forged_vendor_is_no_vendor() -> None:
    roles = Roles(vendor_of=lambda address: "acme" if "acme" in address else None, distrusted=("a@acme.example",))
    assert (roles.role_of("A@acme.example"), roles.vendor("a@acme.example")) == ("unknown", None)
    assert roles.vendor(Address("", "b@acme.example")) == "acme"


def _cases(*nodes: MessageFacts) -> list[list[int]]:
    placing = Placer(Known())
    for node in nodes:
        placing.take([replace(node, id=-node.id)])
    plan = placing.finish()
    cases: dict[int, list[int]] = defaultdict(list)
    for message, case in plan.home.items():
        cases[case].append(-message)
    return sorted(map(sorted, cases.values()))


def _node(id: int, **facts: Any) -> MessageFacts:
    return MessageFacts(id=id, at=NOW + timedelta(minutes=id), message_id=f"<m{id}@corp.example>", **facts)


@pytest.mark.parametrize("forged", [True, False])
def test_a_forged_mail_that_answers_two_cases_does_not_make_them_one(forged: bool) -> None:
    first = _node(1, author="it@corp.example", side="team", reply_marked=True, parents=("<lost1@corp.example>",))
    second = _node(2, author="it@corp.example", side="team", reply_marked=True, parents=("<lost2@corp.example>",))
    both = _node(
        3, author="it@corp.example", forged=forged, reply_marked=True, parents=(first.message_id, second.message_id)
    )
    assert _cases(first, second) == [[1], [2]]
    assert _cases(first, second, both) == ([[1, 3], [2]] if forged else [[1, 2, 3]])


@pytest.mark.parametrize("forged", [True, False])
def test_what_a_forged_mail_names_leads_no_other_to_it(forged: bool) -> None:
    number = (("acme", "48151623"),)
    claims = _node(1, author="it@corp.example", side="unknown" if forged else "team", forged=forged, stated=number)
    vendor = _node(2, author="help@acme.example", side="vendor", vendor="acme", stated=number)
    assert _cases(claims, vendor) == ([[1], [2]] if forged else [[1, 2]])
    awaited = _node(1, author="it@corp.example", forged=forged, reply_marked=True, parents=("<late@corp.example>",))
    late = replace(_node(2, author="user@corp.example", side="requester"), message_id="<late@corp.example>")
    assert _cases(awaited, late) == ([[1], [2]] if forged else [[1, 2]])
