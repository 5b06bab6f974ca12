"""The site file (SODAN_SITE_FILE), and `sodan replay` with other packs."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Sodan, Write

SITE = """
products: [WattViewer]
hosts: ['HALL-\\d{3}']
people: [{address: helper@partner.example, side: team}]
"""
TROUBLE = """
From: Noriko <noriko@corp.example>
To: intake@corp.example
Subject: 画面が出ません
Message-ID: <site-1@corp.example>
Date: Mon, 02 Mar 2026 09:00:00 +0900
Content-Type: text/plain; charset=utf-8

WattViewer が起動しません。HALL-204 で起きています。
"""
HELPER = TROUBLE.replace("Noriko <noriko@corp.example>", "helper@partner.example").replace("site-1", "site-2")
LOUD = """
pack: own.loud
find:
  - {id: own.wattviewer, meaning: security, phrases: [WattViewer], examples: [WattViewer が止まった],
     near_misses: [表計算が止まった]}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    file = tmp_path / "site.yaml"
    file.write_text(SITE, encoding="utf-8")
    return file


def test_the_site_file_adds_products_hosts_and_people(
    sodan: Sodan, mail: Write, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [str(mail("1.eml", TROUBLE)), str(mail("2.eml", HELPER))]
    plain = sodan("judge", "--organisation", "corp.example", files[1]).lines
    assert plain[0]["author_role"] != "team"
    monkeypatch.setenv("SODAN_SITE_FILE", str(site))
    known = sodan("judge", "--organisation", "corp.example", *files).lines
    assert {"product", "device_id"} <= set(known[0]["present"])
    assert known[1]["author_role"] == "team"


@pytest.mark.parametrize(
    ("written", "words"),
    [("hosts: ['HALL-(']", "hosts: '"), ("prodcts: [A]", "prodcts"), ("vendors: {a.example: nobody}", "nobody")],
)
def test_an_error_in_the_site_file_is_one_line(
    sodan: Sodan, mail: Write, site: Path, monkeypatch: pytest.MonkeyPatch, written: str, words: str
) -> None:
    site.write_text(written, encoding="utf-8")
    monkeypatch.setenv("SODAN_SITE_FILE", str(site))
    result = sodan("judge", str(mail("1.eml", TROUBLE)))
    assert (result.status, words in result.err, "Traceback" in result.err) == (2, True, False)


def test_replay_uses_other_packs_and_saves_only_with_apply(sodan: Sodan, mail: Write, tmp_path: Path) -> None:
    sodan("import", str(mail("1.eml", TROUBLE)))
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "loud.yaml").write_text(LOUD, encoding="utf-8")

    def priority() -> str:
        return str(json.loads(sodan("show", "SD-1", "--json").out)["priority"])

    before = priority()
    (shown,) = sodan("replay", "--packs", str(folder), "--diff").lines
    assert shown["priority"][0] == before != shown["priority"][1]
    assert shown["evidence"] == [[], ["WattViewer が起動しません。"]]
    assert priority() == before
    kept = sodan("replay", "--packs", str(folder), "--apply", "--since", "2020-01-01")
    assert (kept.status, "1 case judged" in kept.err, "1 differs; saved" in kept.err) == (0, True, True)
    assert priority() == shown["priority"][1]
    assert sodan("replay", "--packs", str(folder)).out == ""
    (folder / "loud.yaml").write_text(LOUD.replace("meaning: security", "meaning: securityy"), encoding="utf-8")
    refused = sodan("replay", "--packs", str(folder), "--apply")
    assert refused.status == 2
    assert "loud.yaml:4: own.wattviewer" in refused.err
    assert priority() == shown["priority"][1]
