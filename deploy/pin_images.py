"""Gets the current digests of the base images from the registries and writes them to deploy/images.env.

If Docker is missing or a registry does not respond, the file does not change, and the exit status is 1.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

IMAGES = {
    "BUILD_IMAGE": "docker.io/library/python:3.11-slim-bookworm",
    "RUNTIME_IMAGE": "gcr.io/distroless/python3-debian12:nonroot",
    "POSTGRES_IMAGE": "docker.io/library/postgres:17",
}
SECONDS = 60


def main(file: Path) -> int:
    lines = []
    for name, tag in IMAGES.items():
        digest = digest_of(tag)
        if digest is None:
            print(f"pin_images: no digest of {tag}: check Docker and the registry", file=sys.stderr)
            return 1
        lines.append(f"{name}={tag}@{digest}\n")
    file.write_text("".join(lines))
    print(f"pin_images: {len(lines)} digests in {file}", file=sys.stderr)
    return 0


def digest_of(tag: str) -> str | None:
    """The digest of the index that a tag points to now; None where nobody says."""
    command = ["docker", "buildx", "imagetools", "inspect", tag, "--format", "{{.Manifest.Digest}}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)  # noqa: S603 - constants
    except (OSError, subprocess.TimeoutExpired):
        return None
    written = done.stdout.strip()
    return written if done.returncode == 0 and re.fullmatch(r"sha256:[0-9a-f]{64}", written) else None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("images.env")))
