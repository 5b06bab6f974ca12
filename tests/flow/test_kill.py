"""The kill test in short; `python -m bench.kill` is the long one."""

from __future__ import annotations

import pytest

from bench.kill import run
from service.store.database import Database

pytestmark = pytest.mark.both_databases


@pytest.mark.slow
@pytest.mark.parametrize(("mails", "kills"), [(60, 2), pytest.param(500, 12, marks=pytest.mark.long)])
def test_nothing_promised_is_lost_or_doubled_when_processes_are_killed(
    database: Database, database_url: str, mails: int, kills: int
) -> None:
    account = run(database_url, mails=mails, kills=kills)
    assert account.good, account
    assert sum(account.kills.values()) == kills
