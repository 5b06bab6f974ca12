"""The HTTP side on a real port, over an empty database of each kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.intake import House
from service.settings import Settings, load
from service.store.database import Database
from tests.running import Running, running


@pytest.fixture(scope="session")
def settings() -> Settings:
    return load(intake="intake@corp.example", database_url="sqlite:///unused.db")


@pytest.fixture(scope="session")
def house(settings: Settings) -> House:
    return House.of(settings)


@pytest.fixture
def service(database: Database, house: House, settings: Settings) -> Iterator[Running]:
    """On SQLite and on PostgreSQL."""
    with running(database, house, settings) as up:
        yield up


@pytest.fixture
def embedded(sqlite: Database, house: House, settings: Settings) -> Iterator[Running]:
    """On SQLite alone, for what does not depend on the database."""
    with running(sqlite, house, settings) as up:
        yield up
