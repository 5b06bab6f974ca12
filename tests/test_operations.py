"""The commands in docs/operations.md work, in their order, with a running service that has a case."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from service.cli.main import main
from tests.served import Served

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
MAIL = (
    "From: Aiko <aiko@corp.example>\nTo: help@corp.example\nMessage-ID: <night@corp.example>\nSubject: Portal\n\n"
    "The portal shows error 0x80070005 since 9:00.\n"
)


def commands(kind: str) -> list[str]:
    blocks = re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.M | re.S)
    return [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.slow
def test_every_command_on_the_page_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    given = {"database_url": f"sqlite:///{tmp_path}/sodan.db", "content_store": str(tmp_path / "contents")}
    given["intake"] = "help@corp.example"
    service = Served(tmp_path, **given)
    addresses = {"smtp_listen": f"127.0.0.1:{service.smtp}", "http_listen": f"127.0.0.1:{service.http}"}
    for name, value in (given | addresses).items():
        monkeypatch.setenv(f"SODAN_{name.upper()}", value)
    monkeypatch.setenv("BACKUPS", str(tmp_path / "backups"))
    monkeypatch.setenv("ELSEWHERE", f"sqlite:///{tmp_path}/elsewhere/sodan.db")
    (tmp_path / "backups").mkdir()
    try:
        service.send_mail(MAIL)
        service.wait_for(lambda: service.get("/api/cases").json()["items"])
        for command in commands("sh"):
            status, output = _run(command.replace("127.0.0.1:8080", f"127.0.0.1:{service.http}"), capfd)
            assert status == 0, f"{command}: {output}"
            if command == "sodan spool list":
                monkeypatch.setenv("ID", re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", output)[0])
            if command.startswith("sodan backup"):
                [backup] = (tmp_path / "backups").glob("*.backup")
                monkeypatch.setenv("BACKUP", str(backup))
            if command.endswith("sodan cases"):
                assert "Portal" in output
            if command.endswith("--yes"):
                assert '"left": 0' in output
    finally:
        service.stop()


def _run(command: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run a line of the page; `sodan` runs in this process, which has loaded the packs already."""
    if "sodan " not in command:
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr
    words = shlex.split(os.path.expandvars(command))
    at = words.index("sodan")
    with pytest.MonkeyPatch.context() as only_here:
        for name, _, value in (word.partition("=") for word in words[:at]):
            only_here.setenv(name, value)
        capfd.readouterr()
        status = main(words[at + 1 :])
    return status, "".join(capfd.readouterr())


def test_every_unit_on_the_page_exists() -> None:
    for command in commands("systemd"):
        named = re.findall(r"(?:status|reload|-u) (\S+)", command)
        assert named
        assert all((ROOT / f"deploy/{unit}.service").exists() for unit in named)


def test_every_setting_and_reply_on_the_page_exists() -> None:
    from service.settings import Settings, variable

    settings = {variable(name) for name in Settings.model_fields}
    assert set(re.findall(r"SODAN_[A-Z0-9_]+", PAGE)) - {"SODAN_TOKEN"} <= settings  # a variable in the example
    channels = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "service/smtp").glob("*.py"))
    for reply in re.findall(r"senders get `([0-9 .]+)`", PAGE):
        assert f'"{reply}' in channels or f" {reply}" in channels, reply
