"""Sides of addresses, base subjects, and tokens that nobody can make up."""

from dataclasses import replace

import pytest

from service.cases.facts.roles import LearnedRoles, Roles
from service.cases.facts.subject import read_subject, shown_subject
from service.cases.facts.tokens import case_of_address, case_of_message_id, case_of_token, own_message_id, token
from tests.tables import table_beside

TABLES = table_beside(__file__, "roles_subject_tokens.yaml")

ROLES = Roles(
    organisation=("lab.test",),
    team=("desk@lab.test", "@it.lab.test"),
    learned=LearnedRoles(team=frozenset({"ren@lab.test"})),
    vendor_of=lambda address: "acme" if address.endswith(("@acme.test", "@lab.test")) else None,
)


@pytest.mark.parametrize(("address", "side"), TABLES["an_address_is_on_one_side"])
def test_an_address_is_on_one_side(address: str | None, side: str) -> None:
    assert ROLES.role_of(address) == side


@pytest.mark.parametrize(("address", "side"), TABLES["the_side_of_a_whole_domain_may_be_named"])
def test_the_side_of_a_whole_domain_may_be_named(address: str, side: str) -> None:
    known = {
        "@partner.test": "vendor",
        "@desk.partner.test": "team",
        "lent@partner.test": "requester",
        "@shop.lab.test": "vendor",
    }
    roles = Roles(organisation=("lab.test",), team=("ito@partner.test",), known=known)  # type: ignore[arg-type]
    assert roles.role_of(address) == side


def test_only_trusted_addresses_outside_our_organisation_are_of_a_vendor() -> None:
    addresses = ("mika@lab.test", "help@acme.test", "forged@acme.test")
    roles = replace(ROLES, distrusted=("forged@acme.test",))
    assert [roles.vendor(address) for address in addresses] == [None, "acme", None]
    assert roles.role_of("FORGED@acme.test") == "unknown"


@pytest.mark.parametrize("subject", TABLES["marks_banners_and_tags_do_not_change_the_base_subject"])
def test_marks_banners_and_tags_do_not_change_the_base_subject(subject: str) -> None:
    assert read_subject(subject).base == "vpn が切れる"


@pytest.mark.parametrize(("subject", "base"), TABLES["what_is_no_mark_stays"])
def test_what_is_no_mark_stays(subject: str, base: str) -> None:
    assert read_subject(subject).base == base


@pytest.mark.parametrize(
    ("subject", "reply", "forward", "shown"), TABLES["marks_say_reply_or_forward_and_are_not_shown"]
)
def test_marks_say_reply_or_forward_and_are_not_shown(subject: str, reply: bool, forward: bool, shown: str) -> None:
    assert (*read_subject(subject)[1:], shown_subject(subject)) == (reply, forward, shown)


def test_a_token_names_its_case_and_nothing_else_does() -> None:
    secret = b"kept in the store"
    name = token(4711, secret)
    assert case_of_token(name.upper(), secret) == 4711
    for invalid, key in ((name, b"other"), (name, b""), (name[:-1] + "0", secret), ("4711", secret)):
        assert case_of_token(invalid, key) is None
    assert case_of_token(token(4711, b""), b"") is None  # before there is a key nobody can know it
    assert case_of_address(f"intake+{name}@lab.test", secret) == 4711
    assert case_of_address("intake@lab.test", secret) is None
    ours = own_message_id(4711, "u7", "lab.test", secret)
    assert case_of_message_id(ours, secret) == 4711
    assert case_of_message_id("<sodan.1.aaaaaaaaaaaaaaaa.u@lab.test>", secret) is None
