"""Commands as a person gives them: in an empty folder, with a database of their own."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from service.cli.main import main
from service.intake import AppContext
from service.settings import load
from service.store.database import Database
from tests.running import Running, running


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Sodan = Callable[..., Said]


@pytest.fixture
def sodan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Sodan:
    """``sodan("cases", "--json")``: an empty, not yet migrated SQLite database stands behind it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cli.db").touch()
    monkeypatch.setenv("SODAN_DATABASE_URL", f"sqlite:///{tmp_path}/cli.db")
    monkeypatch.setenv("SODAN_INTAKE", "intake@corp.example")
    monkeypatch.setenv("SODAN_PACKS", str(Path(__file__).parents[1] / "packs"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> Said:
        capfd.readouterr()
        status = main(list(words))
        out, err = capfd.readouterr()
        return Said(status, out, err)

    return run


@pytest.fixture
def mail(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a mail to a file."""

    def write(name: str, text: str) -> Path:
        file = tmp_path / "mail" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text.lstrip("\n").replace("\n", "\r\n").encode())
        return file

    return write


@pytest.fixture
def embedded(sqlite: Database, context: AppContext) -> Iterator[Running]:
    """A running service, for `--url`."""
    settings = load(intake=("intake@corp.example", "intake@localhost"), database_url="sqlite:///unused.db")
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # its log is not what the command says
    with running(sqlite, AppContext.of(settings, rules=context.rules), settings) as up:
        yield up
    structlog.reset_defaults()
