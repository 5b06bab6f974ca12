"""The catalogue of meanings."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from mailrules.catalogue import Meaning, load
from mailrules.catalogue.__main__ import as_markdown
from tests.tables import table_beside

ROOT = Path(__file__).resolve().parents[2]
TABLES = table_beside(__file__, "catalogue.yaml")
ENTRY = TABLES["entry"]


def test_no_sentence_is_japanese_where_english_is_promised() -> None:
    for meaning in load():
        for sentences in (meaning.examples, meaning.near_misses):
            assert all(s.isascii() or not any("ぁ" <= c <= "ヿ" for c in s) for s in sentences["en"]), meaning.id


def test_an_ask_for_a_fact_has_an_instance_for_each_item() -> None:
    catalogue = load()
    assert catalogue.get("ask.info.version") is catalogue.get("ask.info")
    assert catalogue.get("ask.info.nonsense") is None
    assert "ask.info.version" in catalogue.ids
    assert "ask.info" not in catalogue.ids


@pytest.mark.parametrize(("meaning", "state", "side", "fault"), TABLES["statements"])
def test_a_statement_outside_the_catalogue_is_named(meaning: str, state: str, side: str, fault: str | None) -> None:
    said = load().fault(meaning, state, side)
    assert said is None if fault is None else fault in (said or "")


@pytest.mark.parametrize(("change", "said"), TABLES["faults"])
def test_a_faulty_entry_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        Meaning.model_validate(ENTRY | change)
    assert said in str(error.value)


def test_every_shipped_meaning_has_five_examples_and_near_misses_in_each_language() -> None:
    assert all(len(some) >= 5 for one in load() for by in (one.examples, one.near_misses) for some in by.values())


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / "docs/meanings.md").read_text(encoding="utf-8") == as_markdown(load())
