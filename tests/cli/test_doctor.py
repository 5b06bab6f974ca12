"""`sodan doctor` reports each problem with a next step."""

import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service import intake
from service.cli import listeners
from service.store import spool
from service.store.database import Database
from service.store.migrate import migrate
from tests.cli.conftest import Sodan
from tests.postgres import Postgres
from tests.running import Running


@pytest.fixture
def database(sodan: Sodan, tmp_path: Path) -> Iterator[Database]:
    """The database of ``sodan``, migrated."""
    sodan("migrate")
    opened = Database(f"sqlite:///{tmp_path}/cli.db")
    yield opened
    opened.close()


def received(database: Database, at: datetime, content: bytes = b"Subject: VPN\r\n\r\nIt fails.\r\n") -> str:
    return intake.receive(database, [(spool.Envelope("smtp"), content)], at)[0]


def wrong(sodan: Sodan) -> str:
    """Run the doctor, which must find a problem, and return its lines with WRONG."""
    result = sodan("doctor")
    assert result.status == 1
    assert result.err == "sodan: there are problems; see the lines with WRONG\n"
    return "\n".join(line for line in result.out.splitlines() if line.startswith("WRONG"))


def test_the_doctor_prints_findings_before_its_summary(tmp_path: Path) -> None:
    command = f"{sys.executable} -m service doctor 2>&1"
    ended = subprocess.run(["sh", "-c", command], cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=False)
    assert ended.stdout.endswith("\nsodan: there are problems; see the lines with WRONG\n")


def test_the_doctor_reports_waiting_and_shunted_mail(sodan: Sodan, database: Database) -> None:
    now = datetime.now(UTC)
    received(database, now - timedelta(hours=1))
    assert "no worker runs, or the worker fails" in wrong(sodan)
    aside = received(database, now)
    database.transact(lambda conn: spool.shunt(conn, [aside], "it cannot be read", now))
    assert "`sodan spool retry --all`" in wrong(sodan)


def test_the_doctor_reports_a_mail_from_the_future(sodan: Sodan, database: Database) -> None:
    received(database, datetime.now(UTC) + timedelta(hours=1))
    assert "NTP" in wrong(sodan)


@pytest.mark.usefixtures("database")
def test_the_doctor_reports_little_disk_space(sodan: Sodan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SODAN_MIN_FREE_BYTES", str(10**16))
    assert "Free some disk space" in wrong(sodan)


def test_the_doctor_reports_a_damaged_database(sodan: Sodan, database: Database, tmp_path: Path) -> None:
    for number in range(50):
        received(database, datetime.now(UTC), b"%d" % number * 3000)
    database.read(lambda conn: conn.exec_driver_sql("PRAGMA wal_checkpoint").all())
    database.close()
    file = tmp_path / "cli.db"
    content = bytearray(file.read_bytes())
    content[len(content) // 2 :] = b"\xa5" * (len(content) - len(content) // 2)
    file.write_bytes(content)
    assert "restore the last backup" in wrong(sodan)


def test_the_doctor_reports_servers_that_do_not_respond(
    sodan: Sodan, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for name in ("SMTP", "HTTP"):
            monkeypatch.setenv(f"SODAN_{name}_LISTEN", f"127.0.0.1:{silent.getsockname()[1]}")
        result = wrong(sodan)
    assert result.count("the process hangs. Restart it") == 2


def test_the_doctor_reports_a_service_that_is_not_ready(
    sodan: Sodan, monkeypatch: pytest.MonkeyPatch, embedded: Running
) -> None:
    monkeypatch.setenv("SODAN_HTTP_LISTEN", embedded.url.removeprefix("http://"))
    assert "it has no tables; this version of sodan needs" in wrong(sodan)
    sodan("migrate")
    assert sodan("doctor").status == 0
    embedded.database.transact(lambda conn: conn.exec_driver_sql("DELETE FROM alembic_version"))
    assert "/readyz: 503" in wrong(sodan)


@pytest.mark.parametrize(
    ("url", "advice"),
    [("postgresql://nobody@127.0.0.1:1/none", "Start the database server"),
     ("sqlite:////proc/none/sodan.db", "create it with `sodan migrate`")],
)  # fmt: skip
def test_the_doctor_reports_a_missing_database(
    sodan: Sodan, monkeypatch: pytest.MonkeyPatch, url: str, advice: str
) -> None:
    monkeypatch.setenv("SODAN_DATABASE_URL", url)
    result = wrong(sodan)
    assert advice in result
    assert len(result.splitlines()) == 1


def test_the_doctor_reports_unsafe_settings_of_postgresql(
    sodan: Sodan, monkeypatch: pytest.MonkeyPatch, postgres: Postgres
) -> None:
    name = f"doctor_{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("SODAN_DATABASE_URL", postgres.url(name))
    assert "createdb" in wrong(sodan)
    database = Database(postgres.create(name))
    migrate(database)
    database.close()
    result = wrong(sodan)  # the test server has fsync = off
    assert "has fsync = off; after a power failure, mail that got 250 may be lost" in result
    postgres.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    assert "target_session_attrs=primary" in wrong(sodan)
    postgres.drop(name)
