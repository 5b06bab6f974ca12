"""A small disk of its own for a database: it can be filled, frozen and made read-only without harm to the machine."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path


class Disk:
    """An ext4 file system in a file. Raises OSError or CalledProcessError where the kernel or our rights forbid it."""

    def __init__(self, image: Path, mount: Path, megabytes: int) -> None:
        if missing := [name for name in ("mkfs.ext4", "fsfreeze") if shutil.which(name) is None]:
            raise OSError(f"{missing[0]} is not installed")
        self.mount, self._image = mount, image
        mount.mkdir(parents=True, exist_ok=True)
        with image.open("wb") as file:
            file.truncate(megabytes * 1_000_000)
        _do("mkfs.ext4", "-q", "-m", "0", "-F", str(image))
        _do("mount", "-o", "loop", str(image), str(mount))

    def remove(self) -> None:
        _do("umount", "-l", str(self.mount))
        self._image.unlink()

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte is free."""
        filler = self.mount / "filler"
        with filler.open("wb") as file:
            for step in (1 << 26, 1 << 22, 1 << 16, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, step)
        try:
            yield
        finally:
            filler.unlink()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Whoever writes waits, as on a disk that hangs."""
        _do("fsfreeze", "-f", str(self.mount))
        try:
            yield
        finally:
            _do("fsfreeze", "-u", str(self.mount))

    def read_only(self) -> bool:
        """Mount it read-only; False while somebody has a file open for writing."""
        command = ["mount", "-o", "remount,ro", str(self.mount)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def writable(self) -> None:
        _do("mount", "-o", "remount,rw", str(self.mount))


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)


@contextlib.contextmanager
def injected(pid: int, calls: str, what: str) -> Iterator[None]:
    """System calls of a process fail or are slow (``what`` in strace's words, such as ``error=EIO:when=1+``).

    Raises OSError where strace is not there or may not attach.
    """
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid), "-e", f"trace={calls}"]
    process = subprocess.Popen([*command, "-e", f"inject={calls}:{what}"], stderr=subprocess.DEVNULL)
    try:
        while not _traced(pid):
            if process.poll() is not None:
                raise OSError("strace cannot attach")
            time.sleep(0.01)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _traced(pid: int) -> bool:
    """Whether all threads are; one that is gone meanwhile counts as traced."""
    for task in Path(f"/proc/{pid}/task").glob("*/status"):
        with contextlib.suppress(OSError):
            if "\nTracerPid:\t0\n" in task.read_text():
                return False
    return True
