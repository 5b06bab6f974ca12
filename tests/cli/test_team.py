"""`sodan team` lists, adds and revokes people who count as team; `sodan doctor` says what vouches for senders."""

import pytest

from tests.cli.conftest import Sodan


def test_who_was_learned_is_listed_and_revoked(sodan: Sodan) -> None:
    sodan("migrate")
    assert sodan("team", "list", "--json").out == ""
    assert sodan("team", "add", "Ken Mori <Ken@corp.example>").status == 0
    assert '"address":"ken@corp.example"' in sodan("team", "list", "--json").out.replace(" ", "")
    assert "already" in (said := sodan("team", "add", "ken@corp.example")).out + said.err
    assert sodan("team", "remove", "KEN@corp.example").status == 0
    assert sodan("team", "list", "--json").out == ""


def test_revoking_whom_nobody_learned_is_an_error_that_names_him(sodan: Sodan) -> None:
    sodan("migrate")
    said = sodan("team", "remove", "eve@stranger.example")
    assert said.status != 0
    assert "eve@stranger.example" in said.err


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {},
            "ok     senders: nothing verifies the sender of mail from your own domains; sodan trusts mail of programs",
        ),
        (
            {"SMTP_LISTEN": "0.0.0.0:2525"},
            "WRONG  senders: nothing verifies the sender of mail from your own domains; replies",
        ),
        (
            {"SMTP_LISTEN": "0.0.0.0:2525", "AUTHSERV_ID": "mx.corp.example"},
            "WRONG  senders: any host that reaches the SMTP port can forge the header of SODAN_AUTHSERV_ID",
        ),
        (
            {"SMTP_LISTEN": "0.0.0.0:2525", "AUTHSERV_ID": "mx.corp.example", "SMTP_NETWORKS": "10.0.0.0/8"},
            "",
        ),
        ({"AUTHSERV_ID": "mx.corp.example"}, ""),
        ({"SMTP_LISTEN": "0.0.0.0:2525", "TRUSTED_NETWORKS": "10.0.0.0/8"}, ""),
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
