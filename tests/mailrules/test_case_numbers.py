"""Case numbers of vendors that no pack knows."""

import pytest

from mailrules.vendors.case_numbers import added_number, find_case_numbers, find_matter_numbers, find_tokens
from tests.tables import table_beside

TABLES = table_beside(__file__, "case_numbers.yaml")


@pytest.mark.parametrize(("subject", "text", "numbers"), TABLES["case numbers"])
def test_a_labelled_or_bracketed_token_is_a_case_number(subject: str, text: str, numbers: list[str]) -> None:
    assert [found.number for found in find_case_numbers(subject, text, side="vendor")] == numbers


@pytest.mark.parametrize(("subject", "text"), TABLES["other things"])
def test_numbers_of_other_things_are_no_case_numbers(subject: str, text: str) -> None:
    assert find_case_numbers(subject, text, side="vendor") == ()


@pytest.mark.parametrize(("subject", "text", "numbers"), TABLES["of the team"])
def test_a_number_that_the_team_names_is_the_vendors_unless_it_is_ours(
    subject: str, text: str, numbers: list[str]
) -> None:
    assert [found.number for found in find_case_numbers(subject, text, side="team")] == numbers


@pytest.mark.parametrize(("ours", "subject", "number"), TABLES["added to our subject"])
def test_the_one_number_that_a_vendor_adds_to_our_subject_is_found(ours: str, subject: str, number: str | None) -> None:
    assert added_number(subject, ours) == number


@pytest.mark.parametrize("before", ["we looked at the log again " * 60, "Switch 1: port 1/0/1 is up\n" * 100])
def test_a_labelled_number_is_found_after_a_long_text(before: str) -> None:
    found = find_case_numbers("", f"{before}. Please quote case number 48210377.", side="vendor")
    assert [one.number for one in found] == ["48210377"]


def test_a_bracketed_token_counts_in_a_vendors_subject_only() -> None:
    assert find_case_numbers("[48210] moving boxes", "", side="team") == ()


def test_the_search_is_linear_in_hostile_text() -> None:
    assert find_case_numbers("[" * 100_000, "case " * 200_000, side="vendor") == ()


def test_a_token_keeps_the_office_before_it_where_that_is_set_apart() -> None:
    assert find_tokens("伝票 4471235 と 東-71820 の件", 9) == ("4471235", "東-71820")


@pytest.mark.parametrize(("subject", "text", "numbers"), TABLES["matters"])
def test_only_a_label_of_a_matter_names_one(subject: str, text: str, numbers: list[str]) -> None:
    assert list(find_matter_numbers(subject, text, 9)) == numbers
