"""The services that attacks of this folder are made on: one with its defaults for each worker of the test run."""

from collections.abc import Iterator

import pytest

from tests.attack.site import Site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`sodan serve` with a fresh data directory and its defaults, but for the intake address and the ports."""
    up = Site(tmp_path_factory.mktemp("site"))
    yield up
    up.close()


@pytest.fixture(scope="session")
def behind_mx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Behind a mail server that writes Authentication-Results as ``mx.corp.example``; contents are in a folder."""
    folder = tmp_path_factory.mktemp("behind")
    contents = {"content_store": str(folder / "contents"), "content_store_from_bytes": "0"}
    up = Site(folder, authserv_id="mx.corp.example", **contents)
    yield up
    up.close()
