"""Sides of addresses, base subjects, and tokens that nobody can make up."""

from pathlib import Path

import pytest
import yaml

from service.cases.facts.roles import LearnedRoles, Roles
from service.cases.facts.subject import read_subject, shown_subject
from service.cases.facts.tokens import case_of_address, case_of_message_id, case_of_token, own_message_id, token

TABLES = yaml.safe_load(Path(__file__).with_name("roles_subject_tokens.yaml").read_text(encoding="utf-8"))

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


def test_our_own_people_are_never_a_vendor_even_where_we_are_one() -> None:
    assert ROLES.vendor("mika@lab.test") is None
    assert ROLES.vendor("help@acme.test") == "acme"


@pytest.mark.parametrize("subject", TABLES["marks_banners_and_tags_do_not_change_the_base_subject"])
def test_marks_banners_and_tags_do_not_change_the_base_subject(subject: str) -> None:
    assert read_subject(subject).base == "vpn が切れる"


@pytest.mark.parametrize(("subject", "base"), TABLES["what_is_no_mark_stays"])
def test_what_is_no_mark_stays(subject: str, base: str) -> None:
    assert read_subject(subject).base == base


def test_replies_and_forwards_are_told_apart() -> None:
    assert read_subject("Re: x")[1:] == (True, False)
    assert read_subject("転送: x")[1:] == (False, True)
    assert read_subject("Re: Fwd: x")[1:] == (True, True)


def test_a_title_keeps_case_and_numbers() -> None:
    assert shown_subject("RE: 【外部】Fwd: [acme #12345] Fan Noise") == "[acme #12345] Fan Noise"
    assert shown_subject("返信：プリンター") == "プリンター"


def test_a_token_names_its_case_and_nothing_else_does() -> None:
    secret = b"kept in the store"
    name = token(4711, secret)
    assert case_of_token(name, secret) == 4711
    assert case_of_token(name.upper(), secret) == 4711
    assert case_of_token(name, b"other") is None
    assert case_of_token(name, b"") is None
    assert case_of_token(token(4711, b""), b"") is None  # before there is a key nobody can know it
    assert case_of_token(name[:-1] + ("a" if name[-1] != "a" else "b"), secret) is None
    assert case_of_token("4711", secret) is None
    assert case_of_address(f"intake+{name}@lab.test", secret) == 4711
    assert case_of_address("intake@lab.test", secret) is None
    ours = own_message_id(4711, "u7", "lab.test", secret)
    assert case_of_message_id(ours, secret) == 4711
    assert case_of_message_id("<sodan.1.aaaaaaaaaaaaaaaa.u@lab.test>", secret) is None
