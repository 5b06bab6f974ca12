"""The files of deploy/ fit the service: units, alerts, image, bill of materials."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import olefile
import pytest
import yaml

from service.settings import Settings, variable
from tests.running import Running

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


def test_every_metric_of_an_alert_exists(embedded: Running) -> None:
    embedded.get("/api/cases")
    shown = embedded.client.get("/metrics").text
    there = set(re.findall(r"^([a-z_]+)[{ ]", shown, re.M))
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"][0]["rules"]
    assert len(rules) >= 6
    for rule in rules:
        assert rule["annotations"]["summary"]
        named = set(re.findall(r"sodan_[a-z_]+", rule["expr"])) - {"sodan_"}
        assert named <= there, f"{rule['alert']} asks for {named - there}"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
@pytest.mark.parametrize("unit", ["sodan.service", "sodan-backup.service", "sodan-backup.timer"])
def test_systemd_accepts_the_units(unit: str, tmp_path: Path) -> None:
    for one in DEPLOY.glob("sodan*.*"):
        written = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", one.read_text(), flags=re.M)
        (tmp_path / one.name).write_text(written)
    done = subprocess.run(["systemd-analyze", "verify", tmp_path / unit], capture_output=True, text=True, timeout=60)
    assert [line for line in done.stderr.splitlines() if "sodan" in line] == []


def test_units_and_compose_use_only_existing_commands_and_settings() -> None:
    from service.cli.main import app

    commands = {name for command in app for name in ([command] if isinstance(command, str) else command)}
    units = "".join(path.read_text() for path in DEPLOY.glob("sodan*"))
    assert set(re.findall(r"bin/sodan ([a-z-]+)", units)) <= commands
    compose = (DEPLOY / "compose.yaml").read_text()
    services: dict[str, Any] = yaml.safe_load(compose)["services"]
    assert {one["command"][0] for one in services.values() if "command" in one} <= commands
    named = set(re.findall(r"\b(SODAN_[A-Z_0-9]+)", compose + units))
    assert named - {"SODAN_DATABASE_PASSWORD"} <= {variable(name) for name in Settings.model_fields}


def test_the_image_has_no_shell_and_does_not_run_as_root() -> None:
    last = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert last.startswith("${RUNTIME_IMAGE}\n")
    assert not re.search(r"^RUN ", last, re.M)
    assert re.search(r"^USER (?!0)\d+$", last, re.M)
    assert not re.search(r"^(CMD|ENTRYPOINT) (?!\[)", last, re.M)


def test_only_the_api_container_has_a_health_check() -> None:
    assert "/healthz" in (ROOT / "Dockerfile").read_text()
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    ours = {name: one for name, one in services.items() if one["image"] == "sodan"}
    assert {name for name, one in ours.items() if "healthcheck" not in one} == {"api"}
    assert all(one["stop_grace_period"] == "30s" and one["read_only"] for one in ours.values())
    assert Settings.model_fields["stop_seconds"].default < 30


def test_the_image_contains_compiled_files_and_no_build_tools() -> None:
    first = (ROOT / "Dockerfile").read_text().partition("\nFROM ${RUNTIME")[0]
    left_out = re.search(r"compileall -q -x '([^']+)'", first)
    assert left_out is not None
    broken = Path(olefile.__file__).with_name("olefile2.py")  # the only library file that Python 3 cannot compile
    assert re.search(left_out[1], str(broken))
    lock = (ROOT / "requirements.lock").read_text()
    builders = re.findall(r"^([a-z0-9-]+)==[^\n]*\n(?:    [^\n]*\n)*?    # via hatchling\n", lock, re.M)
    assert builders
    for library in ("hatchling", "editables", *builders):
        assert f"/opt/sodan/{library.replace('-', '_')}*" in first, library


def test_the_bill_of_materials_lists_every_locked_library(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    options = "requirements requirements.lock --no-validate --pyproject pyproject.toml -o".split()
    command = [sys.executable, "-m", "cyclonedx_py", *options, str(file)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    listed = {one["name"].lower().replace("_", "-") for one in json.loads(file.read_text())["components"]}
    locked = re.findall(r"^([a-z0-9][a-z0-9._-]*)==", (ROOT / "requirements.lock").read_text(), re.M)
    assert set(locked) <= listed
