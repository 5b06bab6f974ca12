"""A mail whose author did not send it (DMARC, by our own server's word alone) is a stranger's, whatever it says."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.roles import Roles
from service.cases.placement.known import CaseFacts, Known
from service.cases.placement.objections import takes_part
from service.cases.placement.placer import Placer
from service.mail.message import Address

NOW = datetime(2026, 3, 2, tzinfo=UTC)
AUTHOR = "it@corp.example"
ID = "<late@corp.example>"


def test_a_forger_of_a_participant_does_not_take_part() -> None:
    case = CaseFacts(people={AUTHOR})
    node = MessageFacts(id=1, at=NOW, author=AUTHOR, forged=True)
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


def _node(id: int, author: str = AUTHOR, **facts: Any) -> MessageFacts:
    values = {"message_id": f"<m{id}@corp.example>"} | facts
    return MessageFacts(id=id, at=NOW + timedelta(minutes=id), author=author, **values)


@pytest.mark.parametrize("forged", [True, False])
def test_a_forged_mail_that_answers_two_cases_does_not_make_them_one(forged: bool) -> None:
    first, second = (_node(n, side="team", reply_marked=True, parents=(f"<lost{n}@corp.example>",)) for n in (1, 2))
    both = _node(3, forged=forged, reply_marked=True, parents=(first.message_id, second.message_id))
    assert _cases(first, second) == [[1], [2]]
    assert _cases(first, second, both) == ([[1, 3], [2]] if forged else [[1, 2, 3]])


@pytest.mark.parametrize("forged", [True, False])
def test_what_a_forged_mail_names_leads_no_other_to_it(forged: bool) -> None:
    cases = [[1], [2]] if forged else [[1, 2]]
    number = (("acme", "48151623"),)
    claims = _node(1, side="unknown" if forged else "team", forged=forged, stated=number)
    assert _cases(claims, _node(2, "help@acme.example", side="vendor", vendor="acme", stated=number)) == cases
    awaited = _node(1, forged=forged, reply_marked=True, parents=(ID,))
    assert _cases(awaited, _node(2, "user@corp.example", side="requester", message_id=ID)) == cases
