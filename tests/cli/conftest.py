"""Runs commands of `sodan` in this process, in an empty folder, with an empty SQLite database."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.cli.main import main


@dataclass(frozen=True)
class Result:
    """Exit status and output of a command."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Sodan = Callable[..., Result]
Write = Callable[[str, str], Path]


@pytest.fixture
def sodan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Sodan:
    """Runs a command: ``sodan("cases", "--json")``. Its database is empty and not migrated yet."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cli.db").touch()
    monkeypatch.setenv("SODAN_DATABASE_URL", f"sqlite:///{tmp_path}/cli.db")
    monkeypatch.setenv("SODAN_INTAKE", "intake@corp.example")
    monkeypatch.setenv("SODAN_PACKS", str(Path(__file__).parents[1] / "packs"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> Result:
        capfd.readouterr()
        status = main(list(words))
        out, err = capfd.readouterr()
        return Result(status, out, err)

    return run


@pytest.fixture
def mail(tmp_path: Path) -> Write:
    """Writes a mail to a file."""

    def write(name: str, text: str) -> Path:
        file = tmp_path / "mail" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text.lstrip("\n").replace("\n", "\r\n").encode())
        return file

    return write
