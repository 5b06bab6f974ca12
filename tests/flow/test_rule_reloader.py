"""Packs and the site file that change while the service runs: loaded or refused, and no mail lost."""

import signal
import time
from pathlib import Path

import pytest

from service import rule_reloader
from service.intake import AppContext
from service.rule_reloader import RuleReloader
from service.settings import Settings, load
from tests.served import Served

PACK = """pack: own.words
title: words of this site
find:
  - id: own.gate
    meaning: item.product
    phrases: [正門ゲート]
    examples: [正門ゲートが閉まりません。]
    near_misses: [裏門です。]
"""
BROKEN = PACK.replace("item.product", "item.produkt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "packs"
    made.mkdir()
    return made


@pytest.fixture
def settings(folder: Path, tmp_path: Path) -> Settings:
    site = tmp_path / "site.yaml"
    site.write_text("products: [StockBook]\n", encoding="utf-8")
    return load(_env_file=None, intake="help@corp.example", packs=str(folder), site_file=str(site))


class Looking(RuleReloader):
    """Looks at the files when the test says so."""

    def twice(self) -> None:
        """A change is seen, and the next time at rest."""
        self.look()
        self.look()

    def at_once(self) -> None:
        self.ask()
        self.look()


@pytest.fixture
def context(settings: Settings) -> AppContext:
    return AppContext.of(settings)


@pytest.fixture
def files(settings: Settings, context: AppContext, monkeypatch: pytest.MonkeyPatch) -> Looking:
    monkeypatch.setattr(rule_reloader, "LOOK_SECONDS", 0.0)
    return Looking(settings, context)


def write(folder: Path, text: str) -> None:
    (folder / "own.yaml").write_text(text, encoding="utf-8")


def test_a_change_is_loaded_once_it_is_at_rest(context: AppContext, files: Looking, folder: Path) -> None:
    before = context.rules
    files.twice()
    assert context.rules is before  # nothing changed
    write(folder, PACK)
    files.look()
    assert context.rules is before  # may still be written
    files.look()
    assert "own.words" in context.rules.packs
    loaded = context.rules
    (folder / "own.yaml").touch()
    files.twice()
    assert context.rules is loaded  # the same words
    (folder / "own.yaml").unlink()
    files.twice()
    assert context.rules.version == before.version


def test_what_is_broken_is_refused_and_told_once(
    context: AppContext, files: Looking, folder: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, PACK)
    files.at_once()
    good = context.rules
    write(folder, BROKEN)
    files.twice()
    files.twice()
    assert context.rules is good
    assert str(context.refused).startswith(f"{folder / 'own.yaml'}:4: own.gate: ")
    assert capsys.readouterr().out.count("changed rules refused") == 1
    write(folder, PACK)
    files.twice()
    assert context.rules is good
    assert str(context.refused) == "None"
    assert settings.site_file is not None
    for wrong in ("hosts: ['(']\n", "people: {x", "calendar: {country: XX}\n", "\x00"):
        settings.site_file.write_text(wrong, encoding="utf-8")
        files.at_once()
        assert context.rules is good
        assert str(context.refused).startswith(str(settings.site_file))
    settings.site_file.write_text("people: [{address: helper@partner.example}]\n", encoding="utf-8")
    files.at_once()
    assert str(context.refused) == "None"
    assert "helper@partner.example" in context.roles().team


def test_a_folder_that_goes_away_changes_nothing(context: AppContext, files: Looking, folder: Path) -> None:
    write(folder, PACK)
    files.at_once()
    folder.rename(folder.with_name("elsewhere"))
    files.twice()
    assert "own.words" in context.rules.packs
    assert str(context.refused).endswith("is not a folder; SODAN_PACKS and --packs name folders of packs")


@pytest.mark.slow
def test_a_running_service_follows_its_packs_and_loses_no_mail(tmp_path: Path, folder: Path) -> None:
    served = Served(tmp_path, packs=str(folder), database_url=f"sqlite:///{tmp_path}/sodan.db")
    try:
        follows_its_packs(served, folder)
    finally:
        served.stop()


def follows_its_packs(served: Served, folder: Path) -> None:
    sent = 0

    def said(event: str) -> int:
        return served.log.read_text().count(event)

    def send_until(event: str, times: int) -> None:
        """Mail keeps coming while the worker and the interface load."""
        nonlocal sent
        while said(event) < times:
            sent += 1
            served.send(sent)
            time.sleep(0.1)

    write(folder, PACK)
    send_until('event="rules loaded"', 2)  # noticed by themselves: the worker's and the interface's
    write(folder, BROKEN)
    served.process.send_signal(signal.SIGHUP)
    send_until('event="changed rules refused"', 2)
    assert "own.yaml:4: own.gate" in served.log.read_text()
    assert "sodan doctor" in served.get("/readyz").json()["note"]
    assert "sodan_rules_refused 1.0" in served.get("/metrics").text
    write(folder, PACK.replace("正門ゲート", "南門ゲート"))
    send_until('event="rules loaded"', 4)
    served.wait_for(lambda: said('event="taken in"') == sent)
    assert served.get("/readyz").json() == {"status": "ok"}
    assert "restarted" not in served.log.read_text()
