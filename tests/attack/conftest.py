"""Services that attacks of this folder are made on."""

from collections.abc import Iterator

import pytest

from service.intake import AppContext
from service.settings import load
from service.store.database import Database
from tests.attack.site import INTAKE, Site
from tests.running import running


def _site(database: Database, context: AppContext, **settings: str) -> Iterator[Site]:
    chosen = load(_env_file=None, intake=INTAKE, **settings)
    with running(database, AppContext.of(chosen, rules=context.rules), chosen) as service:
        yield Site(service)


@pytest.fixture
def site(sqlite: Database, context: AppContext) -> Iterator[Site]:
    """A service with the default settings."""
    yield from _site(sqlite, context)


@pytest.fixture
def behind_mx(sqlite: Database, context: AppContext) -> Iterator[Site]:
    """A service behind a mail server that writes Authentication-Results as ``mx.corp.example``."""
    yield from _site(sqlite, context, authserv_id="mx.corp.example")
