"""Each import contract reports a forbidden import, in a copy of the code with such imports."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# (the contract's name in pyproject.toml, the module that breaks it, what it imports)
BREACHES = [
    ("One mail, as a line downward through the rooms", "service.mail.parse", "service.store.tables"),
    ("mailrules stands alone", "mailrules.engine.judge", "service.errors"),
    ("mail and cases do no I/O and read no clock", "service.cases.revise", "socket"),
    ("Only the library of mailrules touches files", "mailrules.engine.judge", "pathlib"),
    ("Only the store speaks SQL", "service.worker", "sqlalchemy"),
    ("No cycles inside a room", "mailrules.thread", "mailrules.library"),
]


def test_each_contract_reports_a_forbidden_import(tmp_path: Path) -> None:
    for folder in ("service", "mailrules"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "packs"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for _, module, imported in BREACHES:
        with (tmp_path / f"{module.replace('.', '/')}.py").open("a", encoding="utf-8") as file:
            file.write(f"\nimport {imported}  # noqa\n")
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    environment = {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin"}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 1
    _, _, report = result.stdout.partition("Broken contracts")
    for contract, module, imported in BREACHES:
        assert f"{contract} BROKEN" in result.stdout
        of_it = report.partition(f"\n{contract}\n")[2]
        ends = [at for name, *_ in BREACHES if (at := of_it.find(f"\n{name}\n")) >= 0]
        section = of_it[: min(ends, default=None)]
        cycle = contract.startswith("No cycles")
        assert ("No cycles are allowed in mailrules" if cycle else f"{module} -> {imported}") in section, section


def test_the_supervisor_loads_no_rules() -> None:
    """The supervisor runs all the time, so it must use little memory."""
    loaded = "import service.supervisor, sys; sys.exit('mailrules' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded]).returncode == 0
