"""A reply that begins another matter than the mail that it answers: what its facts and its input for the rules say."""

from datetime import UTC, datetime

import pytest

from mailrules.library import load
from service.cases.facts.extracted import with_reading
from service.cases.facts.extraction import extract_messages
from service.cases.facts.roles import Roles
from service.mail.parse import parse

ROLES = Roles(organisation=("lab.test",), team=("desk@lab.test",))
DEPARTS = "Works again, thanks a lot.\nOur new trainee Jo Park starts on Monday and needs a login and a mailbox.\n"
STAYS = "Works again, thanks a lot.\n"
REPLY = "Subject: Re: Pump\nIn-Reply-To: <1@lab.test>"


@pytest.mark.parametrize(
    ("headers", "text", "begins"),
    [
        (REPLY, DEPARTS, True),
        (REPLY, STAYS, False),
        ("Subject: Re: Pump", DEPARTS, True),
        ("Subject: Fwd: Pump", DEPARTS, False),
        ("Subject: Trainee", DEPARTS, False),
        ("Subject: Trainee", f"Hello, a different matter.\n{DEPARTS}", True),
    ],
)
def test_a_reply_that_departs_begins_a_topic(headers: str, text: str, begins: bool) -> None:
    content = f"From: Ren <ren@lab.test>\nTo: desk@lab.test\n{headers}\n\n{text}".encode()
    [extracted] = extract_messages(parse(content), ROLES, received_at=datetime(2031, 5, 5, tzinfo=UTC))
    read = with_reading(extracted, load().read(extracted.turn))
    assert (read.node.fresh, read.turn.begins) == (begins, begins)


def test_a_reply_that_departs_takes_no_maker_from_its_old_subject() -> None:
    headers = "Subject: Re: Outlook\nIn-Reply-To: <1@lab.test>"
    content = f"From: Ren <ren@lab.test>\nTo: desk@lab.test\n{headers}\n\n"
    assert maker_of(content + STAYS) == "microsoft"
    assert maker_of(content + DEPARTS) is None
    assert maker_of(content + f"{DEPARTS}She needs Outlook, too.\n") == "microsoft"


def maker_of(mail: str) -> str | None:
    [extracted] = extract_messages(parse(mail.encode()), ROLES, received_at=datetime(2031, 5, 5, tzinfo=UTC))
    return load().read(extracted.turn).maker
