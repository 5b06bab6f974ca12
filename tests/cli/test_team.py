"""`sodan team` lists and revokes people who count as team; `sodan doctor` says what vouches for senders."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from service.store.database import Database
from service.store.tables import learned_team
from tests.cli.conftest import Sodan


def test_who_was_learned_is_listed_and_revoked(sodan: Sodan, tmp_path: Path) -> None:
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


NETWORK = {"SMTP_LISTEN": "0.0.0.0:2525"}
NOTHING = "senders: nothing verifies the sender of mail from your own domains;"
FORGED = "senders: any host that reaches the SMTP port can forge the header of SODAN_AUTHSERV_ID"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, f"ok     {NOTHING} sodan trusts mail of programs"),
        (NETWORK, f"WRONG  {NOTHING} replies"),
        ({**NETWORK, "AUTHSERV_ID": "mx.corp.example"}, f"WRONG  {FORGED}"),
        ({**NETWORK, "AUTHSERV_ID": "mx.corp.example", "SMTP_NETWORKS": "10.0.0.0/8"}, ""),
        ({"AUTHSERV_ID": "mx.corp.example"}, ""),
        ({**NETWORK, "TRUSTED_NETWORKS": "10.0.0.0/8"}, ""),
    ],
)
def test_the_doctor_says_what_vouches_for_senders(
    sodan: Sodan, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], line: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"SODAN_{name}", value)
    sodan("migrate")
    found = [said for said in sodan("doctor").out.splitlines() if " senders: " in said]
    assert len(found) == (1 if line else 0)
    assert all(said.startswith(line) for said in found)
