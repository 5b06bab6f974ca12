"""Commands as a person gives them: in an empty folder, with a database of their own."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.cli.main import main


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
