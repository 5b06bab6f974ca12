"""Fixtures for all tests: an empty, migrated database, and a service that uses it.

``database`` is SQLite. In ``tests/store``, and if a test is marked ``both_databases``, the test runs on SQLite and on
PostgreSQL. All xdist workers share one PostgreSQL server. Each test gets its own copy of a migrated database.
"""

import contextlib
import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from hypothesis import HealthCheck
from hypothesis import settings as properties
from xdist.scheduler import LoadScopeScheduling

from service.intake import AppContext
from service.settings import Settings, load
from service.store.database import Database
from service.store.migrate import migrate
from tests.postgres import Postgres
from tests.running import Running, running
from tests.served import ending, free_port, wait_until

STORE = Path(__file__).parent / "store"
SERVICES = {
    "besieged": r"tests/hostile/",
    "acceptors": r"tests/smtp/test_conformance",
}
"""Service that tests of several files share → pattern of these files."""
for name, examples in (("short", 50), ("soak", 400)):  # `make test-soak` uses the second
    checks = list(HealthCheck)
    properties.register_profile(
        name, max_examples=examples, deadline=None, derandomize=name == "short", suppress_health_check=checks
    )
properties.load_profile("short")
MEMORY_BYTES = 4_000_000_000  # minimum free space of a file system in memory for temporary files


def pytest_configure(config: pytest.Config) -> None:
    """Put temporary files into memory if there is enough, because databases flush at every commit."""
    memory = "/dev/shm"
    if "TMPDIR" not in os.environ and os.path.isdir(memory) and os.access(memory, os.W_OK):
        found = os.statvfs(memory)
        if found.f_bavail * found.f_frsize > MEMORY_BYTES and not found.f_flag & os.ST_NOEXEC:
            os.environ["TMPDIR"] = tempfile.tempdir = memory


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect garbage rarely: it took a fifth of the time, for modules and tests that stay until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return twice the number of cores, because many tests wait for a process or a lease."""
    return 2 * (os.cpu_count() or 1)


class ByFile(LoadScopeScheduling):
    """Runs the tests of a file in one process, and the files that share a service, too."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((service for service, files in SERVICES.items() if re.match(files, file)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with slow tests, so that none of them runs alone at the end."""
    items.sort(key=lambda item: not item.get_closest_marker("slow"))


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Reset the log, which commands configure for the process."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server that all tests share. Tests that stop a server use ``own_postgres``."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    # not in pytest's folder: the user of the server may not enter it, and the path of a socket must be short
    server = Postgres(Path(tempfile.gettempdir()) / f"sodan-tests-{run[:12]}")
    server.share()
    yield server
    server.leave()


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:
    """The name of a migrated database of this worker, which tests copy."""
    name = f"template_{uuid.uuid4().hex[:12]}"
    _migrated(postgres.create(name))
    return name


def _migrated(url: str) -> None:
    database = Database(url)
    migrate(database)
    database.close()


@pytest.fixture
def new_postgres(postgres: Postgres) -> Iterator[Callable[..., str]]:
    """A function that creates a database (a copy of ``template``) and returns its URL. Removed after the test."""
    names: list[str] = []

    def create(template: str = "template0") -> str:
        names.append(f"test_{uuid.uuid4().hex[:12]}")
        return postgres.create(names[-1], template=template)

    yield create
    for name in names:
        postgres.drop(name)


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server for one test, which may stop it."""
    server = Postgres(Path(tempfile.gettempdir()) / f"sodan-fault-{uuid.uuid4().hex[:8]}")
    server.start()
    yield server
    server.stop()
    server.remove()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "sodan.db"
    _migrated(f"sqlite:///{path}")
    return path


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of the store, and those marked ``both_databases``, on each database."""
    if "database_url" in metafunc.fixturenames:
        item = metafunc.definition
        both = STORE in item.path.parents or item.get_closest_marker("both_databases")
        metafunc.parametrize("database_url", ["sqlite", "postgresql"] if both else ["sqlite"], indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty, migrated database."""
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), tmp_path)}"
        return
    yield request.getfixturevalue("new_postgres")(request.getfixturevalue("template"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty, migrated database."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated SQLite database, also in tests that run on each database."""
    opened = Database(f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The endpoint of an S3-compatible server with one bucket."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"

    def has_bucket() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.put(f"{endpoint}/mails", timeout=30).status_code == 200
        return False

    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with ending(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)):
        wait_until(has_bucket)
        yield endpoint


# ── a service on a free port, with an empty database ─────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings by which the senders of mail from this machine are verified."""
    return load(
        intake="intake@corp.example",
        database_url="sqlite:///unused.db",
        key_file=tmp_path_factory.mktemp("key") / "sodan.key",
        trusted_networks="127.0.0.1,192.0.2.1",
        packs=str(Path(__file__).parent / "packs"),  # phrases of the mails of tests, independent of the reader
    )


@pytest.fixture(scope="session")
def context(settings: Settings) -> AppContext:
    return AppContext.of(settings)


@pytest.fixture
def service(database: Database, context: AppContext, settings: Settings) -> Iterator[Running]:
    """A service with ``database``."""
    with running(database, context, settings) as up:
        yield up


@pytest.fixture
def embedded(sqlite: Database, context: AppContext, settings: Settings) -> Iterator[Running]:
    """A service with ``sqlite``."""
    with running(sqlite, context, settings) as up:
        yield up


@pytest.fixture(scope="session")
def empty(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, context: AppContext, settings: Settings
) -> Iterator[Running]:
    """A service without mail, shared by tests that change nothing."""
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("empty"))
    database = Database(f"sqlite:///{path}")
    with running(database, context, settings) as up:
        yield up
    database.close()
