"""A forged mail (DMARC failed) merges no cases, and no other mail follows what it names."""

from typing import Any

import pytest

from service.cases.facts.message_facts import MessageFacts
from service.cases.placement.known import Known
from service.cases.placement.placer import Placer
from tests.cases.filing import ACME, DESK, USER, at


def _node(id: int, author: str, **facts: Any) -> MessageFacts:
    values: dict[str, Any] = {"message_id": f"<m{id}@lab.test>"} | facts
    return MessageFacts(id=-id, at=at(id), author=author, **values)


def _cases(*nodes: MessageFacts) -> set[frozenset[int]]:
    placing = Placer(Known())
    for node in nodes:
        placing.follow_strong_evidence([node])
    home = placing.finish().home
    return {frozenset(-message for message in home if home[message] == case) for case in home.values()}


@pytest.mark.parametrize("forged", [True, False])
def test_a_forged_mail_links_no_cases(forged: bool) -> None:
    first, second = (_node(n, DESK, side="team", reply_marked=True, parents=(f"<{n}@x>",)) for n in (1, 2))
    both = _node(3, DESK, forged=forged, reply_marked=True, parents=(first.message_id, second.message_id))
    assert _cases(first, second, both) == ({frozenset((1, 3)), frozenset((2,))} if forged else {frozenset((1, 2, 3))})
    apart_or_one = {frozenset((1,)), frozenset((2,))} if forged else {frozenset((1, 2))}
    number = (("acme", "48151623"),)
    claims = _node(1, DESK, side="unknown" if forged else "team", forged=forged, stated=number)
    assert _cases(claims, _node(2, ACME, side="vendor", vendor="acme", stated=number)) == apart_or_one
    awaited = _node(1, DESK, forged=forged, reply_marked=True, parents=("<late@x>",))
    assert _cases(awaited, _node(2, USER, side="requester", message_id="<late@x>")) == apart_or_one
