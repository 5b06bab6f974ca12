"""A primary and its synchronous standby, which takes its place."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.postgres import USER, Postgres
from tests.served import wait_until


class Cluster:
    """Two servers in a folder of their own; ``url`` names both, and whoever connects takes the primary."""

    def __init__(self) -> None:
        # not below pytest's own folder: the path of a socket must be short
        folder = Path(tempfile.mkdtemp(prefix="sodan-two-"))
        folder.chmod(0o755)
        self._folder = folder
        self.primary, self.standby = Postgres(folder / "a"), Postgres(folder / "b")
        self._ports = {self.primary: 5432, self.standby: 5433}
        for server in self._ports:
            server.folder.mkdir(mode=0o755, parents=True)
            if os.geteuid() == 0:
                owner = pwd.getpwnam(USER)
                os.chown(server.folder, owner.pw_uid, owner.pw_gid)
        self.primary.start()
        self.primary.pause()
        self._own(self.primary)
        self.primary.start()
        self.primary.create("sodan")
        self._follow()
        hosts = "&".join(f"host={server.folder}:{port}" for server, port in self._ports.items())
        self.url = f"postgresql://postgres@/sodan?{hosts}&target_session_attrs=primary"

    def fail_over(self) -> None:
        """The primary dies; the standby takes its place."""
        self.primary.pause()
        # with nobody to confirm, the new primary must not wait for confirmation
        self._sql(self.standby, "ALTER SYSTEM RESET synchronous_standby_names")
        self.standby._run("pg_ctl", "-w", "-t", "30", "-D", str(self.standby.data), "promote")

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
        for server in self._ports:
            server.stop()
        shutil.rmtree(self._folder)

    def _follow(self) -> None:
        """Make the standby a copy of the primary that follows it, and let commits wait for it."""
        source_of = ["-h", str(self.primary.folder), "-p", str(self._ports[self.primary]), "-U", "postgres"]
        how = ["-R", "-X", "stream", "-c", "fast", "--no-sync"]
        self.primary._run("pg_basebackup", *source_of, *how, "-D", str(self.standby.data))
        self._own(self.standby)
        self.standby.start()
        state = "SELECT state FROM pg_stat_replication"
        wait_until(lambda: "streaming" in self._sql(self.primary, state), 60)
        self._sql(self.primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        self._sql(self.primary, "SELECT pg_reload_conf()")

    def _own(self, server: Postgres) -> None:
        """Its own socket and port: the copy of a configuration names the other's."""
        with (server.data / "postgresql.conf").open("a") as conf:
            conf.write(f"unix_socket_directories = '{server.folder}'\nport = {self._ports[server]}\n")

    def _sql(self, server: Postgres, statement: str) -> str:
        where = ["-h", str(server.folder), "-p", str(self._ports[server]), "-U", "postgres", "-d", "postgres"]
        command = [str(server._reachable() / "bin" / "psql"), "-qAt", *where, "-c", statement]
        env = {**os.environ, "LC_ALL": "C", "PGOPTIONS": "-c default_transaction_read_only=off"}
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30, env=env).stdout
