"""The service that attacks of this folder are made on."""

from collections.abc import Iterator

import pytest

from service.intake import AppContext
from service.settings import load
from service.store.database import Database
from tests.attack.site import INTAKE, Site
from tests.running import running


@pytest.fixture
def site(sqlite: Database, context: AppContext) -> Iterator[Site]:
    """A service with the default settings, and the intake address."""
    settings = load(_env_file=None, intake=INTAKE)
    with running(sqlite, AppContext.of(settings, rules=context.rules), settings) as service:
        yield Site(service)
