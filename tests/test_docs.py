"""The pages of docs/: every `sodan` command on a page exists, and no page is too long."""

import re
from pathlib import Path

import pytest
from cyclopts import App

from service.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "README.ja.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(?:console|sh)\n(.*?)^```", re.M | re.S)
IN_TEXT = re.compile(r"`(sodan [a-z][^`]*)`")


def commands(page: str) -> set[str]:
    """Return the calls of `sodan` in blocks and in the text, without comments, pipes and redirections."""
    lines = [line for block in BLOCK.findall(page) for line in block.replace("\\\n", " ").splitlines()]
    called = {
        match[1] for line in lines if (match := re.search(r"(?:^|[ /])(sodan [a-z].*)", line.partition("  #")[0]))
    }
    return {re.split(r"[|<>]", one)[0].strip() for one in called | set(IN_TEXT.findall(page))}


def options(command: App) -> set[str]:
    arguments = command.assemble_argument_collection() if command.default_command else ()
    return {name for argument in arguments for name in argument.names} | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_exists_with_its_options(page: Path) -> None:
    for written in commands(page.read_text(encoding="utf-8")):
        command, words = app, written.split()[1:]
        while words and words[0] in command:
            command = command[words.pop(0)]
        assert command is not app, f"no such command: {written}"
        known = options(command)
        for word in words:
            name = word.partition("=")[0]
            assert not name.startswith("--") or name in known, f"no such option: {written}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_at_most_250_lines(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 250


def test_the_command_prints_the_installed_version(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    from service.cli.main import main

    main(["--version"])
    assert capsys.readouterr().out.strip() == version("sodan") != "0.0.0"


def test_every_path_in_the_table_of_contributing_exists() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = page.partition("## Where does it go?")[2].partition("\n## ")[0]
    paths = [path for path in re.findall(r"`([a-z_]+/[A-Za-z_./<>]*)`", table) if "<" not in path]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
