"""Roles learned from mail: who forwards a vendor's mail is in the team; whom the team writes to is a partner."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from service.intake import AppContext
from service.replay import replay
from service.settings import load
from service.store import learned_roles
from service.store.database import Database
from service.store.tables import cases, messages
from tests.store.desk import FROM_INSIDE, deliver, on_statements
from tests.store.desk import letter as mail

NOW = datetime(2027, 6, 1, 9, 0, tzinfo=UTC)
INTAKE = "intake@corp.example"
TEAM, ADA = "it@corp.example", "ada@corp.example"
DESK = "desk@brook-alarms.example"
OLD = "\n\n-----Original Message-----\nFrom: {}\nSent: Monday, November 23, 2026 {} AM\nTo: {}\nSubject: {}\n\n{}\n"


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
OTHER_INQUIRY = mail("other", TEAM, DESK, "Two more key fobs", "Please send two key fobs for the new colleagues.", 30)
ASKED_BACK = mail("a", TEAM, "ada@home.example", "RE: VPN", "Since when?", 9, In_Reply_To="<first@x.test>")


class Site:
    """Processes mails, as a worker does."""

    def __init__(self, database: Database, **more: str) -> None:
        chosen = {"intake": INTAKE, "organisation": "corp.example", "team": TEAM, **more}
        self.database, self.context = database, AppContext.of(load(_env_file=None, **chosen))

    def take(self, *mails: bytes, peer: str = "127.0.0.1", batch: int = 1) -> dict[str, Any]:
        """Return name → message of the mails processed so far."""
        envelope = replace(FROM_INSIDE, peer=peer)
        deliver(self.database, self.context, *mails, at=NOW, envelope=envelope, batch=batch)
        query = select(messages.c.message_id, messages.c.case_id, messages.c.author_role, messages.c.vendor)
        found = self.database.read(lambda conn: conn.execute(query).all())
        return {row.message_id[1:-8]: row for row in found if row.message_id}

    def document(self, case: int) -> dict[str, Any]:
        query = select(cases.c.document).where(cases.c.id == case)
        return self.database.read(lambda conn: dict(conn.execute(query).scalar_one()))

    @property
    def partners(self) -> frozenset[str]:
        return self.database.read(learned_roles.learned).partners


@pytest.fixture
def site(sqlite: Database) -> Site:
    return Site(sqlite)


NOTED = mail(
    "noted", ADA, INTAKE, "FortiGate drops VPN",
    "For the record: FortiGate 200F drops all tunnels since 8:30. Opened ticket number 10998877 with them.", 0,
)  # fmt: skip
HANDED_ON = mail(
    "fw", ADA, INTAKE, "FW: Your SAP case", "FYI"
    + OLD.format("support@sap.com", "11:00", ADA, "Your SAP case", "We are looking at the transport error."), 180,
)  # fmt: skip
TICKET = mail("ticket", "support@fortinet.com", INTAKE, "Fortinet Ticket #10998877", "Please send the debug log.", 360)


@pytest.mark.parametrize("batch", [1, 9])
@pytest.mark.parametrize("order", list(permutations((NOTED, HANDED_ON, TICKET))))
def test_who_forwards_a_vendors_mail_is_in_the_team_in_any_order(
    sqlite: Database, order: tuple[bytes, ...], batch: int
) -> None:
    site = Site(sqlite, trusted_networks="127.0.0.1")  # a local sender who is not verified does not become team
    found = site.take(*order, batch=batch)
    roles = {name: row.author_role for name, row in found.items()}
    assert roles == {"noted": "team", "fw": "team", "ticket": "vendor"}
    assert found["noted"].case_id == found["ticket"].case_id != found["fw"].case_id
    assert found["noted"].vendor == "fortinet"
    case = site.document(found["noted"].case_id)
    assert case["vendor_refs"] == [{"vendor": "fortinet", "ref": "10998877"}]
    assert case["waiting_on"] == "team"


@pytest.mark.parametrize(("mails", "table"), [((NOTED, HANDED_ON), "learned_team"), ((RECEIPT, INQUIRY), "partners")])
def test_a_batch_that_shows_a_role_is_written_at_the_first_attempt(
    site: Site, mails: tuple[bytes, ...], table: str
) -> None:
    inserts = []
    with on_statements("before", lambda *its: inserts.extend([its[2]] if f"INTO {table} " in its[2] else [])):
        Site(site.database, trusted_networks="127.0.0.1").take(*mails, batch=9)
    assert len(inserts) == 1


@pytest.mark.parametrize("order", list(permutations((INQUIRY, RECEIPT, ANSWER))))
def test_mail_of_a_partner_counts_as_vendor_mail_in_any_order(site: Site, order: tuple[bytes, ...]) -> None:
    found = site.take(*order)
    roles = {name: row.author_role for name, row in found.items()}
    assert roles == {"inquiry": "team", "receipt": "vendor", "answer": "vendor"}
    assert site.partners == {"brook-alarms.example"}
    if order[0] is INQUIRY:  # its receipt and its number lead to the inquiry
        assert len({row.case_id for row in found.values()}) == 1
        case = site.document(found["inquiry"].case_id)
        assert case["vendor_refs"] == [{"vendor": "brook-alarms.example", "ref": "7714-208"}]
        assert case["waiting_on"] == "team"


def test_earlier_mail_of_a_new_partner_is_read_again(site: Site) -> None:
    text = "Case number: 7714-208\n\nYour gate sensor raised an alarm. May we send somebody?"
    assert site.take(mail("first", DESK, TEAM, "Alarm at the east yard", text, 0))["first"].author_role == "unknown"
    found = site.take(mail("later", TEAM, DESK, "7714-208: gate sensor", "Please send somebody on Tuesday.", 9))
    assert found["first"].author_role == "vendor"
    assert found["first"].case_id == found["later"].case_id


@pytest.mark.parametrize(
    ("mails", "peer", "partners"),
    [
        # only verified mail of the team makes a partner
        *(
            ([mail("one", sender, DESK, "Gate sensor", "It raises an alarm.", 0)], peer, ())
            for sender, peer in ((ADA, "127.0.0.1"), (TEAM, "127.0.0.2"), ("it@elsewhere.example", "127.0.0.1"))
        ),
        # who wrote first may be one of our own people, who writes from home
        ([mail("first", "ada@home.example", TEAM, "VPN", "I cannot connect. Ada", 0), ASKED_BACK], "127.0.0.1", ()),
        # also if the team forwards the answer to this person
        ([mail("first", "ada@home.example", TEAM, "VPN", "I cannot connect. Ada", 0), mail(
            "fw", TEAM, "ada@home.example", "FW: VPN", "Is it this?"
            + OLD.format("ada@home.example", "9:00", TEAM, "VPN", "I cannot connect. Ada"), 9,
        )], "127.0.0.1", ()),
        # the answer quotes a mail of a user, or of the same domain
        *(
            ([mail("re", TEAM, private, subject, "Since when?" + OLD.format(author, "9:00", TEAM, "VPN", "No VPN."), 9,
                   In_Reply_To="<first@x.test>")], "127.0.0.1", ())
            for private, author, subject in (
                ("ada@home.example", ADA, "Re: VPN"),
                ("koji.tanaka@affiliate.example", "koji.tanaka@affiliate.example", "Re: VPN"),
                ("ada@home.example", "support@sap.com", "FW: VPN"),
            )
        ),
        # of a mail that also goes to our own people, only a mailbox of a company's function is a partner
        ([mail("one", TEAM, f"{ADA}, ada@home.example", "Gate", "They come on Tuesday.", 0)], "127.0.0.1", ()),
        ([mail("one", TEAM, f"{ADA}, {DESK}", "Gate", "Please come.", 0)], "127.0.0.1", ("brook-alarms.example",)),
        # a quoted mail of the team
        ([mail(
            "fw", TEAM, INTAKE, "FW: your order", "Phishing?"
            + OLD.format("bad@evil.example", "11:00", TEAM, "your order", "As you asked.")
            + OLD.format(TEAM, "10:00", "bad@evil.example", "order", "Please send it."), 60,
        )], "127.0.0.1", ()),
        # another customer of the same web host is no partner
        ([
            mail("one", TEAM, "a@brook.sakura.ne.jp", "Gate", "Could you come on Tuesday?", 0),
            mail("two", "b@other.sakura.ne.jp", TEAM, "Gate", "We could.", 5),
        ], "127.0.0.1", ("brook.sakura.ne.jp",)),
        # at a mail provider, only the address itself is a partner
        ([mail("one", TEAM, "lou@gmail.com", "Gate", "Could you come today?", 0)], "127.0.0.1", ("lou@gmail.com",)),
    ],
)  # fmt: skip
def test_which_mails_make_their_recipients_partners(
    site: Site, mails: list[bytes], peer: str, partners: tuple[str, ...]
) -> None:
    assert "vendor" not in {row.author_role for row in site.take(*mails, peer=peer).values()}
    assert site.partners == set(partners)


@pytest.mark.parametrize(
    "asked",
    [
        # it contains a user's mail, quoted or forwarded
        mail("pass", TEAM, DESK, "Re: gate", "Please look into it."
             + OLD.format(ADA, "9:00", TEAM, "gate", "It stays open."), 3, In_Reply_To="<user@x.test>"),
        mail("pass", TEAM, DESK, "FW: gate", "Please look into it."
             + OLD.format(ADA, "9:00", TEAM, "gate", "It stays open."), 3, In_Reply_To="<user@x.test>"),
        # it answers a shared mailbox, from which no user writes
        mail("pass", TEAM, "gate-support@brook-alarms.example", "Re: alarm", "Which?", 3, In_Reply_To="<al@x.test>"),
    ],
)  # fmt: skip
def test_a_reply_can_make_its_recipient_a_partner(site: Site, asked: bytes) -> None:
    assert site.take(asked, ANSWER)["answer"].author_role == "vendor"
    assert site.partners == {"brook-alarms.example"}


def test_each_receipt_joins_its_own_inquiry(site: Site) -> None:
    second = RECEIPT.replace(b"<receipt@", b"<second@").replace(b"7714-208", b"7714-231").replace(b"09:01", b"09:31")
    found = site.take(INQUIRY, RECEIPT, OTHER_INQUIRY, second)
    assert found["inquiry"].case_id == found["receipt"].case_id != found["other"].case_id == found["second"].case_id


def test_mail_of_the_partner_that_opened_a_case_counts_and_that_of_others_does_not(site: Site) -> None:
    opening = mail("first", DESK, ADA, "Your call", "We recorded your call as case 7714-208.", 30)
    case = site.take(INQUIRY, opening)["first"].case_id
    for name, author, not_counted in (
        ("one", "eve@elsewhere.example", 1), ("two", "lou@brook-alarms.example", 1), ("three", "eve@alarms.example", 2),
    ):  # fmt: skip
        new = mail(name, author, ADA, "Re: Your call", "Please send the log.", 39, In_Reply_To="<first@x.test>")
        assert site.take(new)[name].case_id == case
        assert [one["why"] for one in site.document(case)["not_counted"]] == ["outsider"] * not_counted


def test_a_removed_partner_is_not_learned_again(site: Site) -> None:
    site.take(INQUIRY, ANSWER)
    site.database.transact(partial(learned_roles.remove, address="brook-alarms.example"))
    site.take(OTHER_INQUIRY, mail("late", DESK, TEAM, "Lens", "The lens is in stock.", 90))
    list(replay(site.database, site.context, None, since=None, apply=True, now=NOW))
    found = site.take()
    assert {found[name].author_role for name in ("answer", "late")} == {"unknown"}
    assert site.partners == frozenset()
    assert site.database.read(learned_roles.listing) == []


def test_who_forwards_mail_of_a_partner_does_not_become_team(site: Site) -> None:
    """Otherwise, a partner could make any of our people team, and they could make further partners."""
    old = OLD.format(DESK, "11:00", ADA, "Lens", "The lens is in stock.")
    forward = mail("fw", ADA, INTAKE, "FW: Lens", f"Is this spam?{old}", 60)
    assert site.take(INQUIRY, forward)["fw"].author_role == "requester"


@pytest.mark.parametrize(
    ("theirs", "subject", "text"),
    [
        ("SR 697204418", "Cisco SR 697204418", "It is solved."),
        ("SR 697204418", "RE: offer", "Cisco SR 697204418 is solved."),
        ("SR 697204418", "Our ref 697204418", "Case number: 697204418\n\nWhich day suits you for a visit?"),
        ("part 697204418", "Our ref 697204418", "Case number: 697204418\n\nWhich day suits you for a visit?"),
    ],
)
def test_a_partner_that_states_another_vendors_number_merges_no_cases(
    site: Site, theirs: str, subject: str, text: str
) -> None:
    switch = mail("sr", "tac@cisco.com", TEAM, "Switch in the west hall", f"We look into {theirs}.", 0)
    found = site.take(switch, INQUIRY, mail("bad", DESK, TEAM, subject, text, 50, In_Reply_To="<inquiry@x.test>"))
    assert found["sr"].case_id != found["bad"].case_id == found["inquiry"].case_id
