"""A pack that cannot be used is refused with one line: file, line, rule, and what is wrong."""

from pathlib import Path

import pytest

from mailrules.library import PackError, load
from mailrules.thread import RuleInput

GOOD = """pack: own
title: words of this site
find:
  - id: own.gate
    meaning: item.product
    phrases: [正門ゲート]
    examples: [正門ゲートが開きません。]
    near_misses: [裏門です。]
meanings:
  - id: own.flood
    title: {ja: 浸水, en: Flood}
    definition: {ja: 水が入った。, en: Water came in.}
    sides: [requester, team]
    examples: {ja: [水が入りました。], en: [Water came in.]}
    near_misses: {ja: [水を飲みます。], en: [I drink water.]}
rules:
  priority:
    - id: own.flood_stops
      gives: impact is high
      any: [own.flood]
"""


def write(folder: Path, text: str) -> Path:
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    return folder


def turn(text: str) -> RuleInput:
    return RuleInput(id="1", side="requester", author="a@corp.example", text=text)


@pytest.mark.parametrize(
    ("change", "line", "rule", "words"),
    [
        (("phrases: [正門ゲート]", "phrasez: [正門ゲート]"), 6, "own.gate", "unknown field; did you mean 'phrases'?"),
        (("phrases: [正門ゲート]", "patterns: ['(?!x)y']"), 4, "own.gate", "is not a valid RE2 pattern"),
        (("phrases: [正門ゲート]", "unless: x"), 4, "own.gate", "this entry finds nothing"),
        (("meaning: item.product", "meaning: item.produkt"), 4, "own.gate", "unknown meaning 'item.produkt'"),
        (("    phrases:", "    state: half\n    phrases:"), 4, "own.gate", "no state 'half'"),
        (("id: own.flood\n", "id: act.chase\n"), 10, "act.chase", "already has a meaning with this id"),
        (("any: [own.flood]", "any: [own.fire]"), 18, "own.flood_stops", "unknown meaning"),
        (("any: [own.flood]", "any: [weather]"), 18, "own.flood_stops", "unknown fact"),
        (("any: [own.flood]", "any: ['own.flood and more']"), 18, "own.flood_stops", "expected `NAME`"),
        (("any: [own.flood]", "ani: [own.flood]"), 18, "own.flood_stops", "unknown field: ani"),
        (("  - id: own.gate", "  - id: own.gate\n   - x"), 5, "", "this is not valid YAML"),
    ],
)
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
    found = [s for s in rules.read(turn("正門ゲートが開きません。")).statements if s.reader == "own"]
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


def test_the_site_file_adds_products_hosts_and_partners(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(
        "products: [つくるくん]\nhosts: ['KIOSK\\d{2}']\nvendors: {examplesaas.zendesk.com: slack}\n"
        "people: [{address: helper@partner.example, side: team}]\ncalendar: {closed: [2026-11-25]}\n",
        encoding="utf-8",
    )
    rules = load(site=site)
    said = rules.read(turn("つくるくんが止まりました。端末はKIOSK07です。")).statements
    assert {("item.product", "つくるくん"), ("item.device_id", "KIOSK07")} <= {(s.meaning, s.value) for s in said}
    assert rules.vendors.of_address("support@examplesaas.zendesk.com") == "slack"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hosts: ['(']", "is not a valid RE2 pattern"),
        ("vendors: {a.example: nobody}", "unknown vendor"),
        ("x: 1", "x: unknown field"),
    ],
)
def test_a_wrong_site_file_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(PackError) as caught:
        load(site=site)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
