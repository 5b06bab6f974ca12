"""What a mail does not say is no key: mails that all lack something have nothing in common by that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.cases.facts.message_facts import MessageFacts
from service.cases.placement.keys import candidate_lookup, strong_lookup
from tests.cases.filing import USER, Filing, at, mail

BARE = MessageFacts(id=-1, at=at(0), dated=False)


@pytest.mark.parametrize(
    "node",
    [
        BARE,
        replace(BARE, message_id="", parents=("",), refs=("", ""), bounced=""),
        replace(BARE, dated=True),
        replace(BARE, thread_index="", base="printer"),
        replace(BARE, thread_index="AdX1"),
        replace(BARE, text="too short to tell"),
        replace(BARE, side="vendor"),
        replace(BARE, side="team", to_vendor=""),
    ],
    ids=["nothing", "ids", "no author", "no index", "no subject", "few words", "no vendor", "to nobody"],
)
def test_empty_keys_are_never_looked_up(node: MessageFacts) -> None:
    for keys in (strong_lookup(node), candidate_lookup(node)):
        assert not {key for key in keys if not key.startswith("sub:")}


def test_mails_that_lack_the_same_things_stand_apart() -> None:
    filing = Filing()
    filing.deliver(
        mail(None, USER, "", "The lift is stuck.", 0),
        mail(None, USER, "", "Where is the toner kept?", 7000),
        mail(None, "", "Re:", "Hello", 9000),
        mail(None, "", "Re:", "Good day", 9900),
    )
    assert len({node.case for node in filing.nodes.values()}) == len(filing.nodes) == 4
