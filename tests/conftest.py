"""What tests of all rooms share: an empty, migrated database of either kind, on real parts.

``database`` is SQLite; in ``tests/store`` and where a test is marked ``both_databases`` it is each kind in turn. The
tests start the PostgreSQL themselves: one server for the whole run, shared by all xdist workers, and a database of its
own for each test, copied from a migrated template.
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
"""Running services that tests of several files share."""
for name, examples in (("short", 50), ("soak", 400)):  # `make test-soak` asks for the other
    checks = list(HealthCheck)
    properties.register_profile(
        name, max_examples=examples, deadline=None, derandomize=name == "short", suppress_health_check=checks
    )
properties.load_profile("short")
MEMORY_BYTES = 4_000_000_000  # as much is free in a file system in memory that is used for temporary files


def pytest_configure(config: pytest.Config) -> None:
    """Temporary files are in memory where it has room for them: databases flush with every commit."""
    memory = "/dev/shm"
    if "TMPDIR" not in os.environ and os.path.isdir(memory) and os.access(memory, os.W_OK):
        found = os.statvfs(memory)
        if found.f_bavail * found.f_frsize > MEMORY_BYTES and not found.f_flag & os.ST_NOEXEC:
            os.environ["TMPDIR"] = tempfile.tempdir = memory


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect garbage rarely: a fifth of all time went into looking at modules and tests that stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Twice the cores: many tests wait for a process, a lease or a clock, and others run meanwhile."""
    return 2 * (os.cpu_count() or 1)


class ByFile(LoadScopeScheduling):
    """Runs the tests of a file in one process, and so all files whose tests share a running service."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((service for service, files in SERVICES.items() if re.match(files, file)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that have slow tests, so that none is left alone at the end."""
    items.sort(key=lambda item: not item.get_closest_marker("slow"))


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Commands configure the log of the process."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server of this run: ``create(name)`` makes a database. Tests that stop a server start their own."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    # not below pytest's own folder: the server's user may not enter it, and a socket's path must be short
    server = Postgres(Path(tempfile.gettempdir()) / f"sodan-tests-{run[:12]}")
    server.share()
    yield server
    server.leave()


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:
    """Name of a migrated database of this worker, to be copied."""
    name = f"template_{uuid.uuid4().hex[:12]}"
    _migrated(postgres.create(name))
    return name


def _migrated(url: str) -> None:
    database = Database(url)
    migrate(database)
    database.close()


@pytest.fixture
def new_postgres(postgres: Postgres) -> Iterator[Callable[..., str]]:
    """Creates databases, which are removed after the test: returns the URL. ``template``: name of one to be copied."""
    names: list[str] = []

    def create(template: str = "template0") -> str:
        names.append(f"test_{uuid.uuid4().hex[:12]}")
        return postgres.create(names[-1], template=template)

    yield create
    for name in names:
        postgres.drop(name)


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server of this test alone, to be stopped at will."""
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
    """Tests of the store, and those marked ``both_databases``, run on each kind."""
    if "database_url" in metafunc.fixturenames:
        item = metafunc.definition
        both = STORE in item.path.parents or item.get_closest_marker("both_databases")
        metafunc.parametrize("database_url", ["sqlite", "postgresql"] if both else ["sqlite"], indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty, migrated database."""
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), tmp_path)}"
        return
    yield request.getfixturevalue("new_postgres")(request.getfixturevalue("template"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty, migrated store."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated SQLite store, also where ``database`` is of each kind."""
    opened = Database(f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The endpoint of a server that speaks S3, with one bucket."""
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


# ── the HTTP side on a real port, over an empty database ─────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Mail from this machine is verified: these tests are about what becomes of mail of known senders."""
    return load(
        intake="intake@corp.example",
        database_url="sqlite:///unused.db",
        key_file=tmp_path_factory.mktemp("key") / "sodan.key",
        trusted_networks="127.0.0.1,192.0.2.1",
        packs=str(Path(__file__).parent / "packs"),  # phrases of the tests' mails: a reader may read less
    )


@pytest.fixture(scope="session")
def context(settings: Settings) -> AppContext:
    return AppContext.of(settings)


@pytest.fixture
def service(database: Database, context: AppContext, settings: Settings) -> Iterator[Running]:
    """Over ``database``."""
    with running(database, context, settings) as up:
        yield up


@pytest.fixture
def embedded(sqlite: Database, context: AppContext, settings: Settings) -> Iterator[Running]:
    """Over ``sqlite``."""
    with running(sqlite, context, settings) as up:
        yield up


@pytest.fixture(scope="session")
def empty(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, context: AppContext, settings: Settings
) -> Iterator[Running]:
    """One service without any mail, for all requests that change nothing."""
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("empty"))
    database = Database(f"sqlite:///{path}")
    with running(database, context, settings) as up:
        yield up
    database.close()
