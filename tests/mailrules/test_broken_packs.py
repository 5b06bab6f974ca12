"""A pack that cannot be used is refused with one line: file, line, rule, and what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailrules.library import PackError, collect, load
from mailrules.thread import Turn

GOOD = """pack: own.words
title: words of this site
signals:
  - id: own_gate
    phrases: [正門ゲート]
    examples: [正門ゲートが開きません。]
    near_misses: [裏門です。]
decisions:
  - id: own.gate
    when: own_gate && ours
    then: {item: product}
    examples: [正門ゲートが開きません。]
    near_misses: [裏門です。]
"""


def write(folder: Path, text: str) -> Path:
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    return folder


def turn(text: str) -> Turn:
    return Turn(id="1", side="requester", author="a@corp.example", text=text)


@pytest.mark.parametrize(
    ("change", "line", "rule", "words"),
    [
        (
            ("phrases: [正門ゲート]", "phrasez: [正門ゲート]"),
            5,
            "own_gate",
            "is known; did you mean 'phrases'?",
        ),
        (("phrases: [正門ゲート]", "patterns: ['(?!x)y']"), 4, "own_gate", "RE2 does not take"),
        (("phrases: [正門ゲート]", "title: x"), 4, "own_gate", "notices nothing"),
        (("own_gate && ours", "own_gaet && ours"), 9, "own.gate", "undeclared reference to 'own_gaet'"),
        (("own_gate && ours", "own_gate && side"), 9, "own.gate", "no matching overload"),
        (("own_gate && ours", "side"), 9, "own.gate", "is a STRING"),
        (("own_gate && ours", "ours"), 9, "own.gate", "names no signal"),
        (("own_gate && ours", "own_gate && kind == 'incident'"), 9, "own.gate", "per: mail"),
        (("item: product", "item: produkt"), 9, "own.gate", "no pack lists the item"),
        (("item: product", "state: none"), 11, "own.gate", "concludes nothing"),
        (("  - id: own_gate", "  - id: own_gate\n   - x"), 5, "", "is not YAML"),
        (("title: words of this site\n", ""), 1, "", "title: Field required"),
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
    assert any(item.item == "product" for item in rules.read(turn("正門ゲートが開きません。")).items)
    assert rules.version != load().version


def test_a_rule_of_the_same_id_replaces_the_shipped_one(tmp_path: Path) -> None:
    own = GOOD.replace("own.gate", "item.product")
    rules = load([write(tmp_path, own)])
    read = rules.read(turn("Outlook が起動しません。"))
    assert not any(finding.rule == "item.product" for finding in read.findings)


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
    items = {item.item for item in rules.read(turn("つくるくんが止まりました。端末はKIOSK07です。")).items}
    assert {"product", "device_id"} <= items
    assert rules.vendor_of("support@examplesaas.zendesk.com") == "slack"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hosts: ['(']", "RE2 does not take"),
        ("vendors: {a.example: nobody}", "no pack knows the vendor"),
        ("x: 1", "x: no field of this name is known"),
    ],
)
def test_a_wrong_site_file_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(PackError) as caught:
        load(site=site)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_shipped_rules_have_unique_ids() -> None:
    library = collect()
    assert len(library.signals) == sum(len(source.pack.signals) for source in library.sources)
    assert len(library.decisions) == sum(len(source.pack.decisions) for source in library.sources)
