"""The site file as people write it: what it may say, and one line with its place where it cannot be used."""

from datetime import time
from pathlib import Path

import pytest

from mailrules.library import PackError, collect, load, read_pack, read_site
from mailrules.thread import RuleInput
from tests.tables import table_beside

TABLES = table_beside(__file__, "site_files.yaml")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "site.yaml"


@pytest.mark.parametrize(("text", "line", "words"), TABLES["wrong"])
def test_what_cannot_be_used_is_one_line_with_its_place(file: Path, text: str, line: int, words: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PackError) as caught:
        collect(site=file)
    said = str(caught.value)
    assert said.startswith(f"{file}:{line}: ")
    assert words in said
    assert "\n" not in said


def test_hours_and_countries_may_be_written_as_people_do(file: Path) -> None:
    file.write_text("calendar: {country: jp, open: 9:00, close: '24:00'}\n", encoding="utf-8")
    calendar = read_site(file).calendar
    assert (calendar.country, calendar.open, calendar.close) == ("JP", time(9), time(0))


def test_an_empty_site_file_says_nothing(file: Path) -> None:
    file.write_text("# nothing yet\n", encoding="utf-8")
    assert read_site(file).people == []


@pytest.mark.parametrize(
    "wrong",
    [
        "hours: {zone: JST}",
        "hours: {open: 9am}",
        "hours: {calendar: Japan}",
        "hours: {open: '18:00', close: '09:00'}",
        "names: ['']",
    ],
)
def test_hours_and_names_of_a_vendor_are_checked_before_any_mail_needs_them(file: Path, wrong: str) -> None:
    file.write_text(f"pack: own.v\nvendor:\n  id: v\n  name: {{ja: V, en: V}}\n  {wrong}\n", encoding="utf-8")
    with pytest.raises(PackError, match=rf"site\.yaml:5: v: vendor\.{wrong.partition(':')[0]}"):
        read_pack(file)


def test_own_products_hosts_and_partners_are_known_in_both_languages(file: Path) -> None:
    partners = "vendors: {examplesaas.zendesk.com: slack}"
    file.write_text(f"hosts: ['KIOSK\\d{{2}}']\nproducts: つくるくん\n{partners}\n", encoding="utf-8")
    rules = load(site=file)
    assert rules.vendors.of_address("support@examplesaas.zendesk.com") == "slack"
    for text in ("つくるくんが止まりました。端末はKIOSK07です。", "つくるくん is stuck on KIOSK07 since this morning."):
        read = rules.read(RuleInput(id="1", side="requester", author="a@corp.example", text=text))
        found = {(s.meaning, s.value) for s in read.statements}
        assert {("item.product", "つくるくん"), ("item.device_id", "KIOSK07")} <= found
