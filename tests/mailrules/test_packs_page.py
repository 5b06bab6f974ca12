"""The packs shown in docs/packs.md load, and their examples hold."""

import re
from pathlib import Path

import pytest

from mailrules.engine.examples import try_examples
from mailrules.engine.lint import lint
from mailrules.engine.rulefile import FACTS
from mailrules.library import build, collect, read_site

PAGE = (Path(__file__).parents[2] / "docs" / "packs.md").read_text(encoding="utf-8")
PACKS = re.findall(r"^```yaml\n(pack: .*?)^```$", PAGE, re.M | re.S)


@pytest.mark.parametrize("text", PACKS)
def test_a_pack_on_the_page_works(tmp_path: Path, text: str) -> None:
    (tmp_path / "shown.yaml").write_text(text, encoding="utf-8")
    library = collect([tmp_path])
    rules = build(library)
    name = text.partition("\n")[0].split()[1]
    tried = list(try_examples(library, rules, [name]))
    assert tried
    assert [one for one in tried if one] == []
    assert lint(library, rules) == []


def test_the_site_file_on_the_page_is_read(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```yaml\n(products: .*?)^```$", PAGE, re.M | re.S)
    file = tmp_path / "site.yaml"
    file.write_text(text, encoding="utf-8")
    assert [one.side for one in read_site(file).people] == ["team", "vendor"]


def test_every_fact_stands_on_the_page() -> None:
    assert [name for name in FACTS if f"`{name}`" not in PAGE] == []
