from collections.abc import Iterator

import pytest

from service.store.database import Database
from tests.outbound.desk import Desk, Smarthost, desk_with, smarthost


@pytest.fixture
def host() -> Iterator[Smarthost]:
    with smarthost() as up:
        yield up


@pytest.fixture
def desk(database: Database, host: Smarthost) -> Desk:
    """On SQLite, or on each database in turn (``both_databases``)."""
    return desk_with(database, host)
