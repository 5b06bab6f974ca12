"""The kill test in short; `python -m bench.kill` is the long one."""

from __future__ import annotations

import pytest

from bench.kill import run
from service.store.database import Database

pytestmark = pytest.mark.both_databases


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_promised_is_lost_or_doubled_when_processes_are_killed(database: Database, database_url: str) -> None:
    account = run(database_url, mails=150, kills=4)
    assert account.good, account
    assert sum(account.kills.values()) == 4
