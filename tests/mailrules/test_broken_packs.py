"""A pack that cannot be used is refused with one line: file, line, rule, and what is wrong."""

from pathlib import Path

import pytest

from mailrules.library import PackError, load
from mailrules.thread import RuleInput
from tests.tables import table_beside

TABLES = table_beside(__file__, "broken_packs.yaml")

GOOD = Path(__file__).with_name("own_pack.yaml").read_text(encoding="utf-8")


def write(folder: Path, text: str) -> Path:
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(("change", "line", "rule", "words"), TABLES["changes"])
def test_the_error_names_file_line_and_rule(
    tmp_path: Path, change: tuple[str, str], line: int, rule: str, words: str
) -> None:
    with pytest.raises(PackError) as caught:
        load([write(tmp_path, GOOD.replace(*change))])
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{tmp_path / 'own.yaml'}:{line}: {rule}")
    assert words in text


def test_a_pack_of_the_user_is_heard(tmp_path: Path) -> None:
    rules = load([write(tmp_path, GOOD)])
    mail = RuleInput(id="1", side="requester", author="a@corp.example", text="正門ゲートが開きません。")
    found = [s for s in rules.read(mail).statements if s.reader == "own"]
    assert [(s.meaning, s.quote) for s in found] == [("item.product", "正門ゲートが開きません。")]
    assert rules.version != load().version


def test_a_rule_of_the_same_id_replaces_the_shipped_one(tmp_path: Path) -> None:
    own = GOOD.replace("id: own.flood_stops", "id: priority.impact_high")
    rules = load([write(tmp_path, own)])
    mine = [rule for rule in rules.files["priority"].rules if rule.id == "priority.impact_high"]
    assert [[term.name for term in rule.condition.terms()] for rule in mine] == [["own.flood"]]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="is not a folder"):
        load([tmp_path / "missing"])
