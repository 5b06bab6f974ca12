"""Changes of packs and of the site file while the service runs: sodan loads or refuses them, and loses no mail."""

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


@pytest.fixture
def context(settings: Settings) -> AppContext:
    return AppContext.of(settings)


@pytest.fixture
def reloader(settings: Settings, context: AppContext, monkeypatch: pytest.MonkeyPatch) -> RuleReloader:
    monkeypatch.setattr(rule_reloader, "CHECK_SECONDS", 0.0)
    return RuleReloader(settings, context)


def write(folder: Path, text: str) -> None:
    (folder / "own.yaml").write_text(text, encoding="utf-8")


def check_twice(reloader: RuleReloader) -> None:
    """The second check sees that the files no longer change."""
    reloader.check()
    reloader.check()


def load_now(reloader: RuleReloader) -> None:
    reloader.request_reload()
    reloader.check()


def test_a_change_is_loaded_when_the_files_no_longer_change(
    context: AppContext, reloader: RuleReloader, folder: Path
) -> None:
    before = context.rules
    check_twice(reloader)
    assert context.rules is before
    write(folder, PACK)
    reloader.check()
    assert context.rules is before, "the file may be incomplete"
    reloader.check()
    assert "own.words" in context.rules.packs
    loaded = context.rules
    (folder / "own.yaml").touch()
    check_twice(reloader)
    assert context.rules is loaded, "the content is unchanged"
    (folder / "own.yaml").unlink()
    check_twice(reloader)
    assert context.rules.version == before.version


def test_an_invalid_file_is_refused_with_its_line_and_logged_once(
    context: AppContext, reloader: RuleReloader, folder: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, PACK)
    load_now(reloader)
    valid = context.rules
    write(folder, BROKEN)
    check_twice(reloader)
    check_twice(reloader)
    assert context.rules is valid
    assert str(context.refused).startswith(f"{folder / 'own.yaml'}:4: own.gate: ")
    assert capsys.readouterr().out.count("changed rules refused") == 1
    write(folder, PACK)
    check_twice(reloader)
    assert context.rules is valid
    assert str(context.refused) == "None"
    assert settings.site_file is not None
    for wrong in ("hosts: ['(']\n", "people: {x", "calendar: {country: XX}\n", "\x00"):
        settings.site_file.write_text(wrong, encoding="utf-8")
        load_now(reloader)
        assert context.rules is valid
        assert str(context.refused).startswith(str(settings.site_file))
    settings.site_file.write_text("people: [{address: helper@partner.example}]\n", encoding="utf-8")
    load_now(reloader)
    assert context.roles().role_of("helper@partner.example") == "team"
    folder.rename(folder.with_name("elsewhere"))
    check_twice(reloader)
    assert "own.words" in context.rules.packs
    assert str(context.refused).endswith("is not a folder; SODAN_PACKS and --packs name folders of packs")


@pytest.mark.slow
def test_a_running_service_loads_changed_packs_and_loses_no_mail(tmp_path: Path, folder: Path) -> None:
    served = Served(tmp_path, packs=str(folder), database_url=f"sqlite:///{tmp_path}/sodan.db")
    try:
        _change_packs(served, folder)
    finally:
        served.stop()


def _change_packs(served: Served, folder: Path) -> None:
    sent = 0

    def logged(event: str) -> int:
        return served.log.read_text().count(event)

    def send_until(event: str, times: int) -> None:
        """Send mails until the worker and the API have logged ``event`` so many times."""
        nonlocal sent
        while logged(event) < times:
            sent += 1
            served.send(sent)
            time.sleep(0.1)

    write(folder, PACK)
    send_until('event="rules loaded"', 2)
    write(folder, BROKEN)
    served.process.send_signal(signal.SIGHUP)
    send_until('event="changed rules refused"', 2)
    assert "own.yaml:4: own.gate" in served.log.read_text()
    assert "sodan doctor" in served.get("/readyz").json()["note"]
    assert "sodan_rules_refused 1.0" in served.get("/metrics").text
    write(folder, PACK.replace("正門ゲート", "南門ゲート"))
    send_until('event="rules loaded"', 4)
    served.wait_for(lambda: logged('event="taken in"') == sent)
    assert served.get("/readyz").json() == {"status": "ok"}
    assert "restarted" not in served.log.read_text()
