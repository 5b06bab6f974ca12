"""A mail whose author did not send it (DMARC, by our own server's word alone) is a stranger's, whatever it says."""

from typing import Any

import pytest

from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.roles import Roles
from service.cases.placement.known import CaseFacts, Known
from service.cases.placement.objections import takes_part
from service.cases.placement.placer import Placer
from tests.cases.filing import ACME, DESK, USER, at


def _node(id: int, author: str, **facts: Any) -> MessageFacts:
    values: dict[str, Any] = {"message_id": f"<m{id}@lab.test>"} | facts
    return MessageFacts(id=id, at=at(id), author=author, **values)


def _cases(*nodes: MessageFacts) -> list[list[int]]:
    placing = Placer(Known())
    for node in nodes:
        placing.take([node.evolve(id=-node.id)])
    home = placing.finish().home
    return sorted(sorted(-message for message in home if home[message] == case) for case in {*home.values()})


def test_a_forged_vendor_is_no_vendor() -> None:
    roles = Roles(vendor_of=lambda address: "acme" if "acme" in address else None, distrusted=(ACME,))
    assert (roles.role_of(ACME.upper()), roles.vendor(ACME)) == ("unknown", None)
    assert roles.vendor("b@acme.test") == "acme"


@pytest.mark.parametrize("forged", [True, False])
def test_a_forged_mail_moves_nothing(forged: bool) -> None:
    assert takes_part(_node(1, USER, forged=forged), CaseFacts(people={USER}), ()) != forged
    first, second = (_node(n, DESK, side="team", reply_marked=True, parents=(f"<{n}@x>",)) for n in (1, 2))
    both = _node(3, DESK, forged=forged, reply_marked=True, parents=(first.message_id, second.message_id))
    assert _cases(first, second, both) == ([[1, 3], [2]] if forged else [[1, 2, 3]])


@pytest.mark.parametrize("forged", [True, False])
def test_what_a_forged_mail_names_leads_no_other_to_it(forged: bool) -> None:
    cases = [[1], [2]] if forged else [[1, 2]]
    number = (("acme", "48151623"),)
    claims = _node(1, DESK, side="unknown" if forged else "team", forged=forged, stated=number)
    assert _cases(claims, _node(2, ACME, side="vendor", vendor="acme", stated=number)) == cases
    awaited = _node(1, DESK, forged=forged, reply_marked=True, parents=("<late@x>",))
    assert _cases(awaited, _node(2, USER, side="requester", message_id="<late@x>")) == cases
