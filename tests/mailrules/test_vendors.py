"""Whose case a mail is about, and which of its digits are the case's number."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest

from mailrules.library import VENDORS as FILES
from mailrules.library import collect, load
from mailrules.patterns import compile_pattern, options_for, set_of
from mailrules.thread import RuleInput
from mailrules.vendors import Recognised, Vendors, check
from mailrules.vendors.references import References, lines_of, places_of
from tests.tables import table_beside

RULES = load()
VENDORS: Vendors = RULES.vendors
TABLES = table_beside(__file__, "vendors.yaml")
PROFILES = sorted(source.pack.vendor.id for source in collect().sources if source.pack.vendor)
WITH_DOMAINS = [one for one in PROFILES if VENDORS.profiles[one].domains]


def turn(
    text: str = "", *, subject: str = "", side: str = "team", author: str = "", towards: Sequence[str] = (), **more: Any
) -> RuleInput:
    return RuleInput("m", side, author, text, subject, towards=frozenset(towards), **more)  # type: ignore[arg-type]


def by(vendor: str | None) -> dict[str, str]:
    """The author of a mail by this vendor; None: by the team."""
    return {"side": "vendor", "author": f"x@{VENDORS.profiles[vendor].domains[0]}"} if vendor else {}


def recognised(mail: RuleInput) -> Recognised:
    return VENDORS.read(mail)[0]


def numbers(mail: RuleInput) -> list[str]:
    return [reference.ref for reference in VENDORS.read(mail)[1] if not reference.token]


def test_every_vendor_has_its_own_file_named_after_it() -> None:
    files = {file.stem for file in FILES.glob("*.yaml")} - {"any"}
    assert files == set(PROFILES)
    assert len(PROFILES) >= 42
    assert set(TABLES["known"]) <= set(PROFILES)


def test_no_domain_and_no_name_belongs_to_two_vendors() -> None:
    profiles = VENDORS.profiles.values()
    names = [name.lower() for one in profiles for name in (*one.names, *one.products)]
    for words in (names, [domain for one in profiles for domain in one.domains]):
        assert sorted(word for word in set(words) if words.count(word) > 1) == []


@pytest.mark.parametrize("vendor", PROFILES)
def test_examples_and_near_misses_of_every_vendor_hold(vendor: str) -> None:
    profile = VENDORS.profiles[vendor]
    assert profile.examples
    assert profile.near_misses
    assert check(VENDORS, profile) == []


@pytest.mark.parametrize("vendor", WITH_DOMAINS)
def test_no_vendor_takes_a_part_of_a_longer_token(vendor: str) -> None:
    own = {ref for example in VENDORS.profiles[vendor].examples for ref in example.refs if "ref:" not in ref}
    for ref in sorted(own):
        for example in VENDORS.profiles[vendor].examples:
            for longer in (f"{ref}-0007", f"{ref}-B2", f"{ref}_3", f"26-{ref}", f"QX{ref}"):
                texts = {name: getattr(example, name).replace(ref, longer) for name in ("text", "subject")}
                if texts != {"text": example.text, "subject": example.subject}:
                    assert ref not in numbers(turn(**texts, **by(vendor))), longer


@pytest.mark.parametrize("vendor", WITH_DOMAINS)
def test_after_a_label_the_whole_token_is_the_number(vendor: str) -> None:
    for label, token in product(TABLES["labels"], TABLES["tokens"]):
        assert numbers(turn(subject=f"{label}{token} 本件のご回答", **by(vendor))) == [token]


def test_check_tells_which_example_fails() -> None:
    broken = VENDORS.profiles["akamai"].model_copy(update={"references": []})
    wrong = check(Vendors([broken]), broken)
    assert wrong
    assert "F-CS-9988776" in wrong[0]


@pytest.mark.parametrize(("address", "vendor"), TABLES["addresses"])
def test_the_address_names_the_vendor(address: str, vendor: str | None) -> None:
    assert VENDORS.of_address(address) == vendor


def test_a_site_maps_further_addresses() -> None:
    mapped = Vendors([VENDORS.profiles["aws"]], mapped={"@desk.partner.example": "aws", "one@other.example": "aws"})
    assert mapped.of_address("kato@desk.partner.example") == "aws"
    assert mapped.of_address("one@other.example") == "aws"
    assert mapped.of_address("two@other.example") is None


@pytest.mark.parametrize(("mail", "seen"), TABLES["named"])
def test_whose_case_a_mail_is_about(mail: dict[str, Any], seen: dict[str, Any]) -> None:
    found = recognised(turn(**mail))
    assert {name: getattr(found, name) for name in seen} == seen


@pytest.mark.parametrize(("vendor", "mail", "refs"), TABLES["numbers"])
def test_which_digits_are_the_number_of_the_case(vendor: str | None, mail: dict[str, Any], refs: list[str]) -> None:
    assert sorted(numbers(turn(**mail, **by(vendor)))) == refs


@pytest.mark.parametrize("text", TABLES["no numbers"])
def test_what_only_looks_like_a_number(text: str) -> None:
    assert [numbers(turn(text, **by(vendor))) for vendor in ("smarthr", "paloalto")] == [[], []]


@pytest.mark.parametrize(("vendor", "mail", "marks"), TABLES["marks"])
def test_whether_a_number_is_stated_or_mentioned_and_whose_it_is(
    vendor: str, mail: dict[str, Any], marks: list[list[str]]
) -> None:
    found = VENDORS.read(turn(**mail, **by(vendor)))[1]
    marked = [[one.ref, one.vendor, "token" if one.token else "stated" if one.stated else "mentioned"] for one in found]
    assert sorted(marked) == marks


@pytest.mark.parametrize("text", ["ケース番号: 12345678 " * 20_000, "AWS Slack " * 40_000, "受付番号 " + "1" * 400_000])
def test_a_huge_text_is_read_to_its_end(text: str) -> None:
    mail = turn(text, side="vendor", author="x@cisco.com", subject="SR 691234567")
    assert "691234567" in numbers(mail)
    assert recognised(turn(text[:-1])).vendor in ("aws", None)


def test_patterns_too_large_for_one_automaton_are_searched_one_by_one() -> None:
    many = [compile_pattern(rf"HX{n}@ [\p{{L}} ]{{1,60}}(?P<ref>[0-9]{{6}})").pattern for n in range(10)]
    large = compile_pattern(r"[\p{L}\p{N}]{1,1000}X@(?P<ref>[0-9]{6})").pattern
    find = set_of([large, *many], options_for())
    assert list(find(b"HX3@ abc 123456")) == [4]
    assert list(find(b"nothing")) == []


def test_hidden_text_keeps_its_length() -> None:
    """The token of the first postcode has a second one in it."""
    mail = turn("受付 〒112-2335-b/112-2335 ケース番号 02223334", **by("okta"))
    places = places_of(mail, lines_of(mail))
    before = [len(line) for line in places.plain["line"]]
    References([VENDORS.profiles["okta"]], never=[r"〒?\b\d{3}-\d{4}\b"]).read(places, "okta", by_domain=True)
    assert [len(line) for line in places.masked["line"]] == before
