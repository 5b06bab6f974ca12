"""A primary and its synchronous standby: either may be stopped, killed, replaced by the other."""

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

from tests.postgres import USER, Postgres

PORTS = {"a": 5432, "b": 5433}
ATTACH_SECONDS = 60.0


class Cluster:
    """Two servers in ``folder``; ``url`` names both, and whoever connects takes the primary."""

    def __init__(self, folder: Path) -> None:
        self._servers = {name: Postgres(folder / name) for name in PORTS}
        self.primary, self.standby = "a", "b"
        if os.geteuid() == 0:
            owner = pwd.getpwnam(USER)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        first = self._servers["a"]
        first.start()
        with (first.data / "postgresql.conf").open("a") as conf:
            conf.write(
                "wal_retrieve_retry_interval = 200ms\nmax_wal_size = 128MB\n"
                "min_wal_size = 32MB\nwal_keep_size = 64MB\nmax_connections = 100\n"
            )
        first.pause()
        self._own("a")
        first.start()
        first.create("sodan")
        self._attach()
        hosts = "&".join(f"host={self._servers[name].folder}:{port}" for name, port in PORTS.items())
        self.url = f"postgresql://postgres@/sodan?{hosts}&target_session_attrs=primary"

    def fail_over(self) -> None:
        """The primary dies; the standby takes its place, and a new standby is made."""
        self._servers[self.primary].pause()
        # with nobody to confirm, the new primary must not wait for confirmation
        self._sql(self.standby, "ALTER SYSTEM RESET synchronous_standby_names")
        server = self._servers[self.standby]
        server._run("pg_ctl", "-w", "-t", "30", "-D", str(server.data), "promote")
        self.primary, self.standby = self.standby, self.primary
        self._attach()

    def terminate_all(self) -> None:
        """End every connection of the service."""
        self._sql(
            self.primary, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sodan'"
        )

    def read_only(self, on: bool) -> None:
        """New transactions may not write."""
        self._sql(self.primary, f"ALTER SYSTEM SET default_transaction_read_only = {'on' if on else 'off'}")
        self._sql(self.primary, "SELECT pg_reload_conf()")

    def remove(self) -> None:
        for server in self._servers.values():
            server.stop()
            server.remove()

    def _attach(self) -> None:
        """Make the other server a copy of the primary that follows it, and let commits wait for it."""
        server, source = self._servers[self.standby], self._servers[self.primary]
        server.pause()
        shutil.rmtree(server.data, ignore_errors=True)
        server.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(USER)
            os.chown(server.folder, owner.pw_uid, owner.pw_gid)
        port = str(PORTS[self.primary])
        source_of = ["-h", str(source.folder), "-p", port, "-U", "postgres"]
        how = ["-R", "-X", "stream", "-c", "fast", "--no-sync"]
        source._run("pg_basebackup", *source_of, *how, "-D", str(server.data))
        self._own(self.standby)
        server.start()
        end = time.monotonic() + ATTACH_SECONDS
        while "streaming" not in self._sql(self.primary, "SELECT state FROM pg_stat_replication"):
            if time.monotonic() > end:
                raise RuntimeError("the standby does not follow")
            time.sleep(0.1)
        self._sql(self.primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        self._sql(self.primary, "SELECT pg_reload_conf()")

    def _own(self, name: str) -> None:
        """Its own socket and port: the copy of a configuration names the other's."""
        with (self._servers[name].data / "postgresql.conf").open("a") as conf:
            conf.write(f"unix_socket_directories = '{self._servers[name].folder}'\nport = {PORTS[name]}\n")

    def _sql(self, name: str, statement: str) -> str:
        server = self._servers[name]
        where = ["-h", str(server.folder), "-p", str(PORTS[name]), "-U", "postgres", "-d", "postgres"]
        return subprocess.run(
            [str(server._reachable() / "bin" / "psql"), "-qAt", *where, "-c", statement],
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "LC_ALL": "C", "PGOPTIONS": "-c default_transaction_read_only=off"},
        ).stdout
