"""Images are used only by digest, and a digest is written only if a registry states it."""

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
WITHOUT_DIGESTS = (
    "exit 0", "echo no route >&2; exit 1", f"echo {DIGEST}; exit 1", "echo sha256:abcd", f"echo md5:{'ab' * 32}",
    "echo '<html>login</html>'", f"echo {DIGEST} latest", f"echo {DIGEST}; echo {DIGEST}",
    f'case "$4" in *distroless*) exit 1;; esac; echo {DIGEST}', None,
)  # fmt: skip


def pin(folder: Path, docker: str | None) -> subprocess.CompletedProcess[str]:
    """Run the script with this shell script as ``docker``, or without ``docker``."""
    if docker is not None:
        (folder / "docker").write_text(f"#!/bin/sh\n{docker}\n")
        (folder / "docker").chmod(0o755)
    path = f"{folder}:/usr/bin:/bin" if docker is not None else str(folder)
    command = [sys.executable, "deploy/pin_images.py", str(folder / "images.env")]
    environment = {**os.environ, "PATH": path}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("docker", WITHOUT_DIGESTS)
def test_the_file_is_kept_unless_every_digest_is_known(tmp_path: Path, docker: str | None) -> None:
    file = tmp_path / "images.env"
    file.write_text("BUILD_IMAGE=kept\n")
    done = pin(tmp_path, docker)
    assert (done.returncode, "no digest of" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    assert file.read_text() == "BUILD_IMAGE=kept\n"


def test_the_script_and_the_release_state_tag_and_digest_of_every_image(tmp_path: Path) -> None:
    assert pin(tmp_path, f"echo {DIGEST}").returncode == 0
    tags = runpy.run_path(str(ROOT / "deploy/pin_images.py"))["IMAGES"]
    assert list(tags) == ["BUILD_IMAGE", "RUNTIME_IMAGE", "POSTGRES_IMAGE"]
    for file in (tmp_path / "images.env", ROOT / "deploy/images.env"):
        written = dict(line.split("=", 1) for line in file.read_text().splitlines())
        assert written.keys() == tags.keys()
        assert all(re.fullmatch(rf"{re.escape(tags[name])}@sha256:[0-9a-f]{{64}}", written[name]) for name in tags)


def test_dockerfile_and_compose_file_take_each_image_from_a_variable() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^FROM (.+)$", dockerfile, re.M) == ["${BUILD_IMAGE} AS build", "${RUNTIME_IMAGE}"]
    assert not re.search(r"^ARG \S+=", dockerfile, re.M), "no default that is only a tag"
    services = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"].values()
    images = [one["image"] for one in services if one["image"] != "sodan"]
    assert all(re.match(r"\$\{[A-Z]+_IMAGE:\?", image) for image in images)
    built = [set(one["build"]["args"]) for one in services if "build" in one]
    assert built
    assert all(arguments == {"BUILD_IMAGE", "RUNTIME_IMAGE"} for arguments in built)
