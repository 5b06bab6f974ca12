"""The site file as people write it: what it may say, and one line with its place where it cannot be used."""

from datetime import time
from pathlib import Path

import pytest

from mailrules.library import PackError, collect, load, read_pack, read_site
from mailrules.thread import RuleInput


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "site.yaml"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("products:\n  - StockBook\n  - ' '\n", 3, "products: a name without a letter: ' '"),
        ("hosts:\n  - KIOSK\n  - 'NB-(?=1)'\n", 3, "hosts: 'NB-(?=1)' is not a valid RE2 pattern"),
        ("hosts: ['.*']\n", 1, "hosts: '.*' fits no word at all, too: a name needs a shape"),
        (
            "people:\n- {address: helper, side: team}\n",
            2,
            "people.address: expected an address or @domain",
        ),
        (
            "people:\n- {address: a@b.example, side: team}\n- {address: A@b.example, side: vendor}\n",
            1,
            "people: A@b.example is listed with two sides",
        ),
        ("people:\n- {address: a@b.example, side: boss}\n", 2, "people.side: Input should be 'team', 'requester'"),
        (
            "vendors:\n  a.example: slack\n  b.example: Cisco\n",
            3,
            "vendor 'Cisco'; did you mean 'cisco'?",
        ),
        ("calendar: {open: '18:00', close: '9:00'}\n", 1, "calendar: open (18:00) must be before close (09:00)"),
        ("calendar:\n  open: 9am\n", 2, "calendar.open: expected a time such as 09:00"),
        ("calendar:\n  closed: [29.12.2026]\n", 2, "calendar.closed: expected a date such as 2026-12-29"),
        ("calendar:\n  country: Japan\n", 2, "calendar.country: no holidays are known for 'Japan': write an ISO 3166"),
        ("calender: {open: '09:00'}\n", 1, "calender: unknown field; did you mean 'calendar'?"),
        ("- products\n", 1, "expected fields, each as name: value"),
    ],
)
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


@pytest.mark.parametrize("wrong", ["zone: JST", "open: '9am'", "calendar: Japan", "open: '18:00', close: '09:00'"])
def test_a_vendors_hours_are_checked_before_any_mail_needs_them(tmp_path: Path, wrong: str) -> None:
    pack = "pack: own.v\ntitle: V\nvendor:\n  id: v\n  name: {ja: V, en: V}\n  hours: {%s}\n" % wrong  # noqa: UP031
    (tmp_path / "v.yaml").write_text(pack, encoding="utf-8")
    with pytest.raises(PackError, match=r"v\.yaml:6: v: vendor\.hours"):
        read_pack(tmp_path / "v.yaml")


def test_a_vendor_without_a_name_is_refused(tmp_path: Path) -> None:
    pack = "pack: own.v\ntitle: V\nvendor:\n  id: v\n  name: {ja: V, en: V}\n  names: ['']\n"
    (tmp_path / "v.yaml").write_text(pack, encoding="utf-8")
    with pytest.raises(PackError, match=r"v\.yaml:6: v: vendor\.names: a name without a letter"):
        read_pack(tmp_path / "v.yaml")


def test_own_hosts_are_read_in_both_languages(file: Path) -> None:
    file.write_text("hosts: ['KIOSK\\d{2}']\nproducts: つくるくん\n", encoding="utf-8")
    rules = load(site=file)
    for text in ("つくるくんが止まりました。端末はKIOSK07です。", "つくるくん is stuck on KIOSK07 since this morning."):
        read = rules.read(RuleInput(id="1", side="requester", author="a@corp.example", text=text))
        assert {"product", "device_id"} <= {s.meaning[5:] for s in read.statements}
