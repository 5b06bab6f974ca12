"""An empty database of either kind, without tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.store.database import Database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    on_sqlite = request.param == "sqlite"
    made = Database(f"sqlite:///{tmp_path}/new/sodan.db" if on_sqlite else request.getfixturevalue("new_postgres")())
    yield made
    made.close()
