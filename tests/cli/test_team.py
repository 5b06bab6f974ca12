"""`sodan team` lists and removes learned members of the team."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert

from service.store.database import Database
from service.store.tables import learned_team
from tests.cli.conftest import Sodan


def test_learned_team_members_are_listed_and_removed(sodan: Sodan, tmp_path: Path) -> None:
    sodan("migrate")
    row = {"address": "ken@corp.example", "learned_at": datetime.now(UTC)}
    database = Database(f"sqlite:///{tmp_path}/cli.db")
    database.transact(lambda conn: conn.execute(insert(learned_team), row))
    database.close()
    [learned] = sodan("team", "list", "--json").lines
    assert (learned["side"], learned["address"]) == ("team", "ken@corp.example")
    assert sodan("team", "remove", "KEN@corp.example").status == 0
    assert sodan("team", "list", "--json").out == ""
    unknown = sodan("team", "remove", "eve@stranger.example")
    assert (unknown.status, "eve@stranger.example" in unknown.err) == (1, True)
