"""Real ``sodan smtp`` processes, shared by the tests of one run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.smtp.dialogues import Servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Servers]:
    running = Servers(tmp_path_factory.mktemp("servers"), sqlite_template)
    yield running
    running.stop()
