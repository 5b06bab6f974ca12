"""No image is built from or started by a tag alone, and a digest is written only if a registry said it."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DIGEST = "sha256:" + "ab" * 32
ANSWERS = (
    "exit 0", "echo no route >&2; exit 1", f"echo {DIGEST}; exit 1", "echo sha256:abcd", f"echo md5:{'ab' * 32}",
    "echo '<html>login</html>'", f"echo {DIGEST} latest", f"echo {DIGEST}; echo {DIGEST}",
    f'case "$4" in *distroless*) exit 1;; esac; echo {DIGEST}', None,
)  # fmt: skip


def pin(folder: Path, answer: str | None) -> subprocess.CompletedProcess[str]:
    """Run the script with a ``docker`` that answers so; None: there is none."""
    (folder / "bin").mkdir(exist_ok=True)
    if answer is not None:
        (folder / "bin/docker").write_text(f"#!/bin/sh\n{answer}\n")
        (folder / "bin/docker").chmod(0o755)
    path = f"{folder}/bin:/usr/bin:/bin" if answer is not None else str(folder / "bin")
    return subprocess.run(
        [sys.executable, "deploy/pin_images.py", str(folder / "images.env")],
        cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("before", ["", "BUILD_IMAGE=kept\n"])
def test_without_every_digest_nothing_is_written(tmp_path: Path, answer: str | None, before: str) -> None:
    file = tmp_path / "images.env"
    if before:
        file.write_text(before)
    done = pin(tmp_path, answer)
    assert (done.returncode, "no digest of" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    assert (file.read_text() if file.exists() else "") == before


def test_digests_are_written_with_their_tags_and_the_release_contains_one_of_every_image(tmp_path: Path) -> None:
    assert pin(tmp_path, f"echo {DIGEST}").returncode == 0
    tags = runpy.run_path(str(ROOT / "deploy/pin_images.py"))["IMAGES"]
    assert list(tags) == ["BUILD_IMAGE", "RUNTIME_IMAGE", "POSTGRES_IMAGE"]
    for file in (tmp_path / "images.env", ROOT / "deploy/images.env"):
        written = dict(line.split("=", 1) for line in file.read_text().splitlines())
        assert written.keys() == tags.keys()
        assert all(re.fullmatch(rf"{re.escape(tags[name])}@sha256:[0-9a-f]{{64}}", written[name]) for name in tags)


def test_dockerfile_and_compose_name_no_image_without_one() -> None:
    stages = re.findall(r"^FROM (.+)$", (ROOT / "Dockerfile").read_text(), re.M)
    assert len(stages) == 2
    services = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    images = [one["image"] for one in services.values() if one["image"] != "sodan"]
    assert stages == ["${BUILD_IMAGE} AS build", "${RUNTIME_IMAGE}"]
    assert not re.search(r"^ARG \S+=", (ROOT / "Dockerfile").read_text(), re.M), "no default that is only a tag"
    assert all(re.match(r"\$\{[A-Z]+_IMAGE:\?", image) for image in images)
    built = [one["build"]["args"] for one in services.values() if "build" in one]
    assert built
    assert all(set(args) == {"BUILD_IMAGE", "RUNTIME_IMAGE"} for args in built)
