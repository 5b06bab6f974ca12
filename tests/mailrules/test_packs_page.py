"""The packs shown in docs/packs.md load, and their examples hold."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mailrules.decisions import FACTS
from mailrules.examples import try_examples
from mailrules.library import build, collect

PAGE = (Path(__file__).parents[2] / "docs" / "packs.md").read_text(encoding="utf-8")
PACKS = re.findall(r"^```yaml\n(pack: .*?)^```$", PAGE, re.M | re.S)


def test_two_packs_are_shown() -> None:
    assert len(PACKS) == 2


@pytest.mark.parametrize("text", PACKS)
def test_a_pack_on_the_page_works(tmp_path: Path, text: str) -> None:
    (tmp_path / "shown.yaml").write_text(text, encoding="utf-8")
    library = collect([tmp_path])
    rules = build(library)
    mine = tmp_path / "shown.yaml"
    signals = {id: one for id, one in library.signals.items() if one[1].file == mine}
    decisions = {id: one for id, one in library.decisions.items() if one[1].file == mine}
    tried = list(try_examples(replace(library, signals=signals, decisions=decisions), rules))
    assert tried
    assert [one for one in tried if not one.ok] == []


def test_every_fact_stands_on_the_page() -> None:
    assert [name for name in FACTS if f"`{name}`" not in PAGE] == []
