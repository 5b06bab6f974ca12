"""A PostgreSQL primary with a synchronous standby that can replace it."""

import os
import pwd
import shutil
import tempfile
from pathlib import Path

from tests.postgres import USER, Postgres


class Cluster:
    """Two servers in a new folder. ``url`` names both; clients connect to the primary."""

    def __init__(self) -> None:
        # not in pytest's folder, because the path of a socket must be short
        self._folder = Path(tempfile.mkdtemp(prefix="sodan-two-"))
        self._folder.chmod(0o755)
        self.primary, self.standby = Postgres(self._folder / "a"), Postgres(self._folder / "b")
        self.primary.start()
        self._follow()
        self.primary.create("sodan")  # waits until the standby has confirmed it
        hosts = f"host={self.primary.folder}:5432&host={self.standby.folder}:5432"
        self.url = f"postgresql://postgres@/sodan?{hosts}&target_session_attrs=primary"

    def fail_over(self) -> None:
        """Stop the primary and promote the standby."""
        self.primary.pause()
        # no standby is left, so the new primary must not wait for one
        self.standby.execute("ALTER SYSTEM RESET synchronous_standby_names")
        self.standby.run("pg_ctl", "-w", "-t", "30", "-D", str(self.standby.data), "promote")

    def set_read_only(self, read_only: bool) -> None:
        """Forbid or allow writes in new transactions, and end the connections of the service."""
        self.primary.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if read_only else 'off'}")
        self.primary.execute("SELECT pg_reload_conf()")
        if not read_only:
            ours = "FROM pg_stat_activity WHERE application_name = 'sodan'"
            self.primary.execute(f"SELECT pg_terminate_backend(pid) {ours}")

    def remove(self) -> None:
        self.primary.stop()
        self.standby.stop()
        shutil.rmtree(self._folder)

    def _follow(self) -> None:
        """Make the standby a copy that follows the primary, and let commits wait for the standby."""
        self.standby.folder.mkdir(mode=0o755)
        if os.geteuid() == 0:
            os.chown(self.standby.folder, pwd.getpwnam(USER).pw_uid, -1)
        source = ["-h", str(self.primary.folder), "-U", "postgres", "-R", "-X", "stream", "-c", "fast", "--no-sync"]
        self.primary.run("pg_basebackup", *source, "-D", str(self.standby.data))
        with (self.standby.data / "postgresql.conf").open("a") as conf:
            conf.write(f"unix_socket_directories = '{self.standby.folder}'\n")
        self.standby.start()
        self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.execute("SELECT pg_reload_conf()")
