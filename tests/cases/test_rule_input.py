"""The input for the rules: replies that begin another matter, and whom a vendor addresses."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mailrules.library import load
from service.cases.facts.extracted import with_reading
from service.cases.facts.extraction import extract_messages
from service.cases.facts.roles import Roles
from service.mail.parse import parse

ROLES = Roles(organisation=("lab.test",), team=("desk@lab.test",))
STAYS = "Works again, thanks a lot.\n"
DEPARTS = f"{STAYS}Our new trainee Jo Park starts on Monday and needs a login and a mailbox.\n"
REPLY = "Subject: Re: Outlook\nIn-Reply-To: <1@lab.test>"


@pytest.mark.parametrize(
    ("headers", "text", "begins", "maker"),
    [
        (REPLY, STAYS, False, "microsoft"),
        (REPLY, DEPARTS, True, None),  # the maker of the product in its old subject does not count
        (REPLY, f"{DEPARTS}She needs Outlook, too.\n", True, "microsoft"),
        ("Subject: Re: Pump", DEPARTS, True, None),
        ("Subject: Fwd: Pump", DEPARTS, False, None),
        ("Subject: Trainee", DEPARTS, False, None),
        ("Subject: Trainee", f"Hello, a different matter.\n{DEPARTS}", True, None),
    ],
)
def test_a_reply_that_departs_begins_a_topic(headers: str, text: str, begins: bool, maker: str | None) -> None:
    content = f"From: Ren <ren@lab.test>\nTo: desk@lab.test\n{headers}\n\n{text}".encode()
    [extracted] = extract_messages(parse(content), ROLES, received_at=datetime(2031, 5, 5, tzinfo=UTC))
    read = with_reading(extracted, load().read(extracted.turn))
    assert (read.node.fresh, read.turn.begins, read.node.maker) == (begins, begins, maker)


@pytest.mark.parametrize(
    ("to", "towards"),
    [
        ("jo@lab.test", {"requester"}),
        ("desk@lab.test", {"team"}),
        ("jo@lab.test, desk@lab.test", {"team"}),
        ("jo@lab.test, help@other.test", {"requester", "unknown"}),
    ],
)
def test_a_vendor_writes_to_a_user_if_it_does_not_write_to_the_team(to: str, towards: set[str]) -> None:
    roles = replace(ROLES, known={"@maker.test": "vendor"})
    content = f"From: care@maker.test\nTo: {to}\nCc: desk@lab.test\nSubject: Pump\n\nWhich model is it?\n".encode()
    [extracted] = extract_messages(parse(content), roles, received_at=datetime(2031, 5, 5, tzinfo=UTC))
    assert extracted.turn.towards == towards
