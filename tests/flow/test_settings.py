"""The error for a wrong setting is one line that begins with its name. The docs list every setting."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service import settings
from service.settings import Listen, Settings, WrongSetting, variable
from service.smtp.server import run_smtp
from service.supervisor import run_supervisor

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in filter(lambda name: name.startswith("SODAN_"), list(os.environ)):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_defaults_are_those_of_the_public_interface() -> None:
    chosen = settings.load()
    assert (chosen.database_url, chosen.max_message_bytes) == ("sqlite:///var/sodan.db", 36_700_160)
    assert (str(chosen.smtp_listen), str(chosen.http_listen)) == ("127.0.0.1:8025", "127.0.0.1:8080")
    assert (chosen.intake, chosen.organisation) == (("intake@localhost",), ("localhost",))
    assert (chosen.team, chosen.packs, chosen.case_prefix) == ((), (), "SD")


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {
        "SMTP_LISTEN": "[::1]:2525", "HTTP_LISTEN": "0.0.0.0:80", "INTAKE": "Help@Corp.example, @cases.corp.example",
        "TEAM": "it@corp.example,@it.corp.example", "PACKS": f"{tmp_path}:/", "MAX_MESSAGE_BYTES": "5000",
        "CASE_PREFIX": "help", "ZONE": "Europe/Berlin",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"SODAN_{name}", value)
    chosen = settings.load()
    assert chosen.smtp_listen == Listen("::1", 2525)
    assert not chosen.http_listen.loopback
    assert chosen.intake == ("help@corp.example", "@cases.corp.example")
    assert chosen.organisation == ("corp.example", "cases.corp.example")
    assert chosen.team == ("it@corp.example", "@it.corp.example")
    assert chosen.packs == (tmp_path, Path("/"))
    assert (chosen.max_message_bytes, chosen.case_prefix, chosen.zone) == (5000, "HELP", ZoneInfo("Europe/Berlin"))


def test_the_environment_overrides_the_file_env(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SODAN_CASE_PREFIX=FILE\nSODAN_ORGANISATION=corp.example\nOTHER=1\n")
    assert settings.load().case_prefix == "FILE"
    assert settings.load().organisation == ("corp.example",)
    monkeypatch.setenv("SODAN_CASE_PREFIX", "ENV")
    assert settings.load().case_prefix == "ENV"


WRONG = {
    "SMTP_LISTEN": ("25", "127.0.0.1:70000"), "HTTP_LISTEN": ("localhost",), "LMTP_LISTEN": ("x:y",),
    "INTAKE": ("nobody", "a@b@c", " , "), "ORGANISATION": ("corp.example, @", "a b"), "TEAM": ("corp.example",),
    "PACKS": ("/not/there",), "DATABASE_URL": ("mysql://root:secret@host/db", "secret"), "CASE_PREFIX": ("S-D", "1SD"),
    "MAX_MESSAGE_BYTES": ("many", "1"), "WORKERS": ("0",), "ZONE": ("Mars/Olympus", "../../etc/passwd"),
    "LOG_LEVEL": ("loud",), "REOPEN_DAYS": ("-1",), "SMTP_TIMEOUT": ("0",), "WEBHOOK_NETWORKS": ("ten",),
    "SMTP_NETWORKS": ("10.0.0.1/8",), "SMTP_BARE_NEWLINES": ("perhaps",),
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_the_error_for_a_wrong_value_begins_with_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"SODAN_{name}", value)
    with pytest.raises(WrongSetting) as wrong:
        settings.load()
    error = str(wrong.value)
    assert error.startswith(f"SODAN_{name}: ")
    assert "\n" not in error
    assert "secret" not in error


def test_a_url_of_a_model_needs_the_name_of_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SODAN_MODEL_URL", "http://127.0.0.1:1/v1")
    with pytest.raises(WrongSetting, match=r"^SODAN_MODEL: not set; SODAN_MODEL_URL needs the name"):
        settings.load()


@pytest.mark.parametrize("start", [run_smtp, run_supervisor])
@pytest.mark.parametrize(
    ("given", "value", "reason"),
    [
        ("SMTP_REQUIRE_TLS", "yes", "it needs SODAN_SMTP_TLS_CERTIFICATE too"),
        ("SMTP_PASSWORDS", "names", "it needs SODAN_SMTP_TLS_CERTIFICATE too, because"),
        ("SMTP_REQUIRE_LOGIN", "yes", "it needs SODAN_SMTP_PASSWORDS too"),
    ],
)
def test_only_commands_with_an_smtp_server_check_the_settings_that_it_needs(
    monkeypatch: pytest.MonkeyPatch, start: Callable[[Settings], None], given: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(f"SODAN_{given}", value)
    chosen = settings.load()
    with pytest.raises(WrongSetting, match=f"^SODAN_{given}: {reason}"):
        start(chosen)


def test_the_docs_list_every_setting_with_its_default() -> None:
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(SODAN_[A-Z0-9_]+)` \| (.+?) \|", page, re.M))
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else "" if default is None else str(default)
        assert rows.pop(variable(name), "missing") == (f"`{shown}`" if shown else "empty"), name
    assert not rows, "settings that no longer exist"


def test_the_example_file_contains_only_settings_that_exist(tmp_path: Path) -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^#? ?SODAN_([A-Z_]+)=(.*)$", example, re.M)
    assert named
    assert {f"SODAN_{name}" for name, _ in named} <= set(map(variable, Settings.model_fields))
    (tmp_path / ".env").write_text("\n".join(f"SODAN_{name}={value}" for name, value in named))
    settings.load()
