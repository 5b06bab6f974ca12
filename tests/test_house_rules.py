"""Rules of the project about its code and its dependencies, as tests."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PURE = ("service/mail", "service/cases/facts", "service/cases", "mailrules")
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "core", "misc"}
CLOCKS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.monotonic",
    "time.perf_counter",
}  # fmt: skip
FILES = {"open", "print", "input"}


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def nodes(*folders: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield (place, node) for each syntax node of the files in these folders."""
    for path in sources(*folders):
        name = str(path.relative_to(ROOT))
        for node in ast.walk(tree_of(path)):
            yield f"{name}:{getattr(node, 'lineno', 0)}", node


def called(node: ast.AST) -> str:
    """Return the name that a node calls, with its owner, such as ``datetime.now`` or ``open``."""
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=name)):
            return f"{owner}.{name}"
        case ast.Call(func=ast.Attribute(attr=name)):
            return f".{name}"
    return ""


def test_the_pure_core_reads_no_clock() -> None:
    found = [place for place, node in nodes(*PURE) if called(node) in CLOCKS]
    assert not found, f"time is an argument in the core: {found}"


def test_no_test_asserts_by_the_clock() -> None:
    """Benchmarks measure speed; a busy machine must not make a test fail."""
    measures = {"perf_counter", "perf_counter_ns", "process_time", "process_time_ns", "thread_time", "timeit"}
    found = [
        place
        for place, node in nodes("tests")
        if (isinstance(node, ast.alias) and node.name in measures)
        or (isinstance(node, ast.Attribute) and node.attr in measures)
    ]
    assert not found, f"count what is done instead: {found}"


def test_the_pure_core_opens_no_file() -> None:
    found = [place for place, node in nodes(*PURE) if called(node) in FILES]
    found = [place for place in found if not place.startswith("mailrules/library.py")]  # it reads packs
    assert not found, f"no I/O in the core: {found}"


def test_transactions_begin_and_end_in_one_file() -> None:
    ends = {"commit", "begin", "rollback", "begin_nested"}
    places = {place for place, node in nodes("service") if called(node).rpartition(".")[2] in ends}
    elsewhere = {place for place in places if not place.startswith("service/store/database.py")}
    assert places > elsewhere == set(), f"transactions begin and end in one place: {elsewhere}"


def test_settings_are_read_in_one_place() -> None:
    found = [
        str(p.relative_to(ROOT))
        for p in sources("service", "mailrules")
        if p != ROOT / "service/settings.py" and re.search(r"os\.environ|getenv", p.read_text(encoding="utf-8"))
    ]
    # the supervisor passes its environment to its child processes, and reads no setting from it
    assert set(found) <= {"service/supervisor.py"}, f"service.settings alone reads the environment: {found}"


def test_only_the_package_outbound_sends_mail() -> None:
    modules = [path for path in sources("service") if "outbound" not in path.parts]
    assert [p for p in modules if re.search(r"^\s*(import|from) (aio)?smtplib\b", p.read_text("utf-8"), re.M)] == []


def test_no_name_is_vague() -> None:
    assert [p for p in sources("service", "mailrules") if p.stem in VAGUE_NAMES] == []
    classes = [(place, node.name) for place, node in nodes("service", "mailrules") if isinstance(node, ast.ClassDef)]
    assert [one for one in classes if one[1].endswith(("Manager", "Service", "Helper"))] == []


def test_every_module_has_a_docstring() -> None:
    modules = [p for p in sources("service", "mailrules", "migrations", "bench") if p.name != "__init__.py"]
    silent = [str(p.relative_to(ROOT)) for p in modules if not ast.get_docstring(tree_of(p))]
    assert not silent, f"modules without a docstring: {silent}"


def test_no_temporary_file_of_an_editor_or_merge_is_shipped() -> None:
    shipped = [path for folder in ("service", "mailrules", "migrations") for path in (ROOT / folder).rglob("*")]
    left = [str(path) for path in shipped if path.suffix in {".orig", ".rej", ".bak", ".swp"} or path.name[-1] == "~"]
    assert not left, f"left behind: {left}"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_files_contain_hashes_and_no_hosts(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    pins = re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.M)
    blocks = re.split(r"^(?=[a-z0-9][a-z0-9._-]*==)", text, flags=re.M)[1:]
    assert len(pins) == len(blocks)
    assert all("--hash=sha256:" in block for block in blocks)


def test_every_dependency_has_a_reason_and_is_locked() -> None:
    section = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("dependencies = [")[1].split("\n]")[0]
    silent = [line.strip() for line in section.splitlines() if line.strip() and "#" not in line]
    assert not silent
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = (ROOT / "requirements.lock").read_text(encoding="utf-8").lower()
    for requirement in project["dependencies"]:
        name = re.split(r"[\[><=]", requirement)[0].lower().replace(".", "-")
        assert re.search(rf"^{re.escape(name)}==", pinned, re.M), f"{name} is not in requirements.lock: run `make lock`"


def test_no_module_has_more_than_350_lines() -> None:
    found = {
        str(p.relative_to(ROOT)): lines
        for p in sources("service", "mailrules")
        if (lines := p.read_text(encoding="utf-8").count("\n")) > 350
    }
    assert not found, f"split what has two reasons to change: {found}"


def test_no_function_has_more_than_60_lines() -> None:
    found = {
        f"{place} {node.name}": lines
        for place, node in nodes("service", "mailrules", "tests", "bench")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > 60
    }
    assert not found, f"split it into steps with names: {found}"
