from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.smtp.conversation import Servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Servers]:
    """The servers that the tests of one run share."""
    servers = Servers(tmp_path_factory.mktemp("servers"), sqlite_template)
    with servers.stack:
        yield servers
