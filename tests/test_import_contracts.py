"""Each import contract is seen failing once: on a copy of the tree with one forbidden import added."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# (the contract's name in pyproject.toml, the file that breaks it, the line that does)
BREACHES = [
    ("One mail, as a line downward through the rooms", "service/mail/parse.py", "import service.store.tables"),
    ("mailrules stands alone", "mailrules/engine/judge.py", "import service.errors"),
    ("mail and cases do no I/O and read no clock", "service/cases/revise.py", "import socket"),
    ("Only the library of mailrules touches files", "mailrules/engine/judge.py", "import pathlib"),
    ("Only the store speaks SQL", "service/worker.py", "import sqlalchemy"),
    ("No cycles inside a room", "mailrules/thread.py", "import mailrules.library"),
]


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [program, "--no-cache"],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in ("service", "mailrules"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "packs"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("contract", "file", "line"), BREACHES, ids=[b[0] for b in BREACHES])
def test_a_breach_is_found(tree: Path, contract: str, file: str, line: str) -> None:
    path = tree / file
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}  # noqa\n", encoding="utf-8")
    result = lint(tree)
    assert result.returncode == 1
    assert any(contract in row and "BROKEN" in row for row in result.stdout.splitlines()), result.stdout


def test_the_tree_keeps_every_contract(tree: Path) -> None:
    result = lint(tree)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout
