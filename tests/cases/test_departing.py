"""A reply that begins another matter than the mail that it answers: what its facts and its input for the rules say."""

from datetime import UTC, datetime

import pytest

from mailrules.library import load
from service.cases.facts.extracted import ExtractedMessage, with_reading
from service.cases.facts.extraction import extract_messages
from service.cases.facts.roles import Roles
from service.mail.parse import parse

ROLES = Roles(organisation=("lab.test",), team=("desk@lab.test",))
STAYS = "Works again, thanks a lot.\n"
DEPARTS = f"{STAYS}Our new trainee Jo Park starts on Monday and needs a login and a mailbox.\n"
REPLY = "Subject: Re: Outlook\nIn-Reply-To: <1@lab.test>"


def as_read(headers: str, text: str) -> ExtractedMessage:
    content = f"From: Ren <ren@lab.test>\nTo: desk@lab.test\n{headers}\n\n{text}".encode()
    [extracted] = extract_messages(parse(content), ROLES, received_at=datetime(2031, 5, 5, tzinfo=UTC))
    return with_reading(extracted, load().read(extracted.turn))


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
    read = as_read(headers, text)
    assert (read.node.fresh, read.turn.begins) == (begins, begins)


@pytest.mark.parametrize(
    ("text", "maker"), [(STAYS, "microsoft"), (DEPARTS, None), (f"{DEPARTS}She needs Outlook, too.\n", "microsoft")]
)
def test_a_reply_that_departs_takes_no_maker_from_its_old_subject(text: str, maker: str | None) -> None:
    assert as_read(REPLY, text).node.maker == maker
