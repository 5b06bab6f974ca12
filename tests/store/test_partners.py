"""Companies that no pack knows: whoever the team writes to is a partner, and its mail is read as a vendor's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import partial
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from service import intake
from service.intake import AppContext
from service.replay import replay
from service.store import learning
from service.store.database import Database
from service.store.spool import Envelope
from service.store.tables import cases, messages
from service.worker import Worker

NOW = datetime(2027, 6, 1, 9, 0, tzinfo=UTC)
TEAM = "it@corp.example"
DESK = "desk@brook-alarms.example"


def mail(name: str, author: str, to: str, subject: str, text: str, at: int, **headers: str) -> bytes:
    """A mail sent so many minutes after nine."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = author, to, subject
    message["Cc"] = "intake@corp.example"
    message["Message-ID"] = f"<{name}@x.test>"
    message["Date"] = datetime(2026, 11, 23, 9, 0, tzinfo=UTC) + timedelta(minutes=at)
    for header, value in headers.items():
        message[header.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


INQUIRY = mail(
    "inquiry", TEAM, DESK, "Gate sensor at the east yard",
    "Hello, the gate sensor at the east yard raises an alarm every ten minutes since Monday. Please have a look.", 0,
)  # fmt: skip
RECEIPT = mail(
    "receipt", "no-reply@brook-alarms.example", TEAM, "We have your message",
    "Thank you. Your case number is 7714-208. Somebody will write to you.", 1, Auto_Submitted="auto-replied",
)  # fmt: skip
ANSWER = mail(
    "answer", "lou@mail.brook-alarms.example", TEAM, "7714-208",
    "Case number: 7714-208\n\nThe sensor needs a new lens. Which day suits you for a visit?", 50,
)  # fmt: skip


@pytest.fixture
def context() -> AppContext:
    from service import settings

    return AppContext.of(
        settings.load(_env_file=None, intake="intake@corp.example", organisation="corp.example", team=TEAM)
    )


def take(database: Database, context: AppContext, mails: Sequence[bytes], peer: str = "127.0.0.1") -> None:
    """Take them in one by one, as a worker does."""
    envelope = Envelope("smtp", "x@corp.example", ("intake@corp.example",), peer=peer)
    worker = Worker(database, context, by="w", batch=1, lease=timedelta(60), clock=lambda: NOW + timedelta(minutes=1))
    for place, content in enumerate(mails):
        intake.receive(database, [(envelope, content)], NOW + timedelta(seconds=place))
        worker.step()


def rows(database: Database) -> dict[str, Any]:
    query = select(messages.c.message_id, messages.c.case_id, messages.c.author_role)
    return {
        row.message_id[1:-8]: row for row in database.read(lambda conn: conn.execute(query).all()) if row.message_id
    }


def document(database: Database, case: int) -> dict[str, Any]:
    query = select(cases.c.document).where(cases.c.id == case)
    return dict(database.read(lambda conn: conn.execute(query).scalar_one()))


@pytest.mark.parametrize("order", list(permutations((INQUIRY, RECEIPT, ANSWER))))
def test_a_partners_mail_is_a_vendors_in_any_order(
    sqlite: Database, context: AppContext, order: tuple[bytes, ...]
) -> None:
    take(sqlite, context, order)
    found = rows(sqlite)
    roles = {name: row.author_role for name, row in found.items()}
    assert roles == {"inquiry": "team", "receipt": "vendor", "answer": "vendor"}
    assert sqlite.read(learning.learned).partners == {"brook-alarms.example"}


def test_its_receipt_and_its_number_lead_to_the_inquiry(sqlite: Database, context: AppContext) -> None:
    take(sqlite, context, [INQUIRY, RECEIPT, ANSWER])
    found = rows(sqlite)
    assert {row.author_role for row in found.values()} == {"team", "vendor"}
    assert len({row.case_id for row in found.values()}) == 1
    case = document(sqlite, found["inquiry"].case_id)
    assert case["vendor_refs"] == [{"vendor": "brook-alarms.example", "ref": "7714-208"}]
    assert case["waiting_on"] == "team"


def test_what_a_partner_wrote_before_is_read_anew(sqlite: Database, context: AppContext) -> None:
    first = mail(
        "first", DESK, TEAM, "Alarm at the east yard",
        "Case number: 7714-208\n\nYour gate sensor raised an alarm. May we send somebody?", 0,
    )  # fmt: skip
    later = mail("later", TEAM, DESK, "7714-208: gate sensor", "Please send somebody on Tuesday.", 9)
    take(sqlite, context, [first])
    assert rows(sqlite)["first"].author_role == "unknown"
    take(sqlite, context, [later])
    found = rows(sqlite)
    assert found["first"].author_role == "vendor"
    assert found["first"].case_id == found["later"].case_id


def test_who_wrote_first_is_no_partner_by_our_answer(sqlite: Database, context: AppContext) -> None:
    """He may be one of our people, who writes from home."""
    first = mail("first", "ada@home.example", TEAM, "VPN", "I cannot connect from home. Ada", 0)
    take(
        sqlite,
        context,
        [first, mail("a", TEAM, "ada@home.example", "RE: VPN", "Since when?", 9, In_Reply_To="<first@x.test>")],
    )
    assert rows(sqlite)["first"].author_role == "unknown"
    assert partners(sqlite) == frozenset()


@pytest.mark.parametrize(
    ("author", "peer"), [("ada@corp.example", "127.0.0.1"), (TEAM, "127.0.0.2"), ("it@elsewhere.example", "127.0.0.1")]
)
def test_only_the_teams_believed_mail_makes_a_partner(
    sqlite: Database, context: AppContext, author: str, peer: str
) -> None:
    take(sqlite, context, [mail("one", author, DESK, "Gate sensor", "The gate sensor raises an alarm.", 0)], peer=peer)
    assert partners(sqlite) == frozenset()


def partners(database: Database) -> frozenset[str]:
    return database.read(learning.learned).partners


def test_a_mail_to_our_own_people_makes_no_partner_of_whom_it_names_too(sqlite: Database, context: AppContext) -> None:
    both = mail("one", TEAM, f"ada@corp.example, {DESK}", "Gate sensor", "They come on Tuesday.", 0)
    take(sqlite, context, [both])
    assert partners(sqlite) == frozenset()


def test_somebody_at_a_mail_provider_is_a_partner_alone(sqlite: Database, context: AppContext) -> None:
    take(sqlite, context, [mail("one", TEAM, "lou@gmail.com", "Gate sensor", "Could you come on Tuesday?", 0)])
    assert partners(sqlite) == {"lou@gmail.com"}


def test_two_inquiries_get_their_own_receipts(sqlite: Database, context: AppContext) -> None:
    other = mail("other", TEAM, DESK, "Two more key fobs", "Please send two key fobs for the new colleagues.", 30)
    second = mail(
        "second", "no-reply@brook-alarms.example", TEAM, "We have your message",
        "Thank you. Your case number is 7714-231. Somebody will write to you.", 31, Auto_Submitted="auto-replied",
    )  # fmt: skip
    take(sqlite, context, [INQUIRY, RECEIPT, other, second])
    found = rows(sqlite)
    assert found["inquiry"].case_id == found["receipt"].case_id != found["other"].case_id == found["second"].case_id


def test_a_partner_that_a_person_removed_stays_a_stranger(sqlite: Database, context: AppContext) -> None:
    take(sqlite, context, [INQUIRY, ANSWER])
    sqlite.transact(partial(learning.remove, address="brook-alarms.example"))
    again = mail("again", TEAM, DESK, "Key fobs", "Please send two key fobs.", 80)
    take(sqlite, context, [again, mail("late", DESK, TEAM, "Lens", "The lens is in stock.", 90)])
    list(replay(sqlite, context, None, since=None, apply=True, now=NOW))
    found = rows(sqlite)
    assert {found[name].author_role for name in ("answer", "late")} == {"unknown"}
    assert partners(sqlite) == frozenset()
    assert sqlite.read(learning.listing) == []


def test_who_forwards_a_partners_mail_is_not_of_the_team_by_that(sqlite: Database, context: AppContext) -> None:
    """Whoever was written to once might make any of our people team, and those further partners."""
    forward = mail(
        "fw", "ada@corp.example", "intake@corp.example", "FW: Lens",
        f"Is this spam?\n\n-----Original Message-----\nFrom: {DESK}\nSent: Monday, November 23, 2026 11:00 AM\n"
        "To: ada@corp.example\nSubject: Lens\n\nThe lens is in stock.\n", 60,
    )  # fmt: skip
    take(sqlite, context, [INQUIRY, forward])
    assert rows(sqlite)["fw"].author_role == "requester"


def test_a_quote_of_a_mail_of_ours_makes_no_partner(sqlite: Database, context: AppContext) -> None:
    forward = mail(
        "fw", TEAM, "intake@corp.example", "FW: your order",
        "Phishing?\n\n-----Original Message-----\nFrom: bad@evil.example\nSent: Monday, November 23, 2026 11:00 AM\n"
        "To: it@corp.example\nSubject: your order\n\nAs you asked.\n\n"
        "-----Original Message-----\nFrom: it@corp.example\n"
        "Sent: Monday, November 23, 2026 10:00 AM\nTo: bad@evil.example\nSubject: order\n\nPlease send it.\n", 60,
    )  # fmt: skip
    take(sqlite, context, [forward])
    assert partners(sqlite) == frozenset()


@pytest.mark.parametrize("where", ["subject", "text"])
def test_a_partner_that_names_another_vendors_number_unites_no_cases(
    sqlite: Database, context: AppContext, where: str
) -> None:
    number = "Cisco SR 697204418"
    theirs = mail("sr", "tac@cisco.com", TEAM, "SR 697204418 - switch", "We look into SR 697204418.", 0)
    subject, text = (
        (number, "It is solved. You may close it.") if where == "subject" else ("RE: offer", f"{number} is solved.")
    )
    bad = mail("bad", "lou@brook-alarms.example", TEAM, subject, text, 40, In_Reply_To="<inquiry@x.test>")
    take(sqlite, context, [theirs, INQUIRY, bad])
    found = rows(sqlite)
    assert found["sr"].case_id != found["bad"].case_id == found["inquiry"].case_id


@pytest.mark.parametrize("number", ["SR 697204418", "part 697204418"])
def test_a_partner_that_gives_another_vendors_number_as_its_own_stays_out_of_the_case(
    sqlite: Database, context: AppContext, number: str
) -> None:
    theirs = mail("sr", "tac@cisco.com", TEAM, "Switch in the west hall", f"We look into {number}.", 0)
    text = "Case number: 697204418\n\nThe sensor needs a new lens. Which day suits you for a visit?"
    take(sqlite, context, [theirs, INQUIRY, mail("bad", DESK, TEAM, "Our ref 697204418", text, 50)])
    found = rows(sqlite)
    assert found["sr"].case_id != found["bad"].case_id


def test_a_neighbour_at_the_same_host_is_no_partner(sqlite: Database, context: AppContext) -> None:
    take(sqlite, context, [mail("one", TEAM, "a@brook.sakura.ne.jp", "Gate", "Could you come on Tuesday?", 0)])
    take(sqlite, context, [mail("two", "b@other.sakura.ne.jp", TEAM, "Gate", "We could.", 5)])
    assert rows(sqlite)["two"].author_role == "unknown"
