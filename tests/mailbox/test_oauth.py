"""Signing in to Dovecot by tokens: expiry, renewal, revocation, and what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import select

from service.mailbox.file import Mailbox
from service.mailbox.run import stored_tokens
from service.settings import Settings
from service.store.database import Database
from service.store.tables import mailboxes
from tests.mailbox.conftest import a_dovecot, fetching, kept, mail, mailbox, status, succeeded, wait_until
from tests.mailbox.dovecot import Dovecot
from tests.mailbox.provider import Provider, a_provider, dovecot_settings


@pytest.fixture
def provider() -> Iterator[Provider]:
    with a_provider() as one:
        yield one


@pytest.fixture
def server(provider: Provider) -> Iterator[Dovecot]:
    with a_dovecot(dovecot_settings(provider)) as one:
        yield one


@pytest.fixture
def refresh_token(tmp_path: Path) -> Path:
    file = tmp_path / "refresh-token"
    file.write_text("first\n")
    return file


def by_token(server: Dovecot, tmp_path: Path, **oauth: Any) -> Mailbox:
    return mailbox(server, tmp_path / "unused", imap={"password": None, "oauth": oauth})


def refreshing(server: Dovecot, tmp_path: Path, provider: Provider, token: Path, **oauth: Any) -> Mailbox:
    return by_token(
        server, tmp_path, grant="refresh_token", token_url=f"{provider.url}/token", client_id="sodan",
        refresh_token={"file": str(token)}, **oauth,
    )  # fmt: skip


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER", None])
def test_a_token_signs_in(
    mechanism: str | None,
    server: Dovecot,
    provider: Provider,
    refresh_token: Path,
    own_settings: Settings,
    sqlite: Database,
    tmp_path: Path,
) -> None:
    server.deliver(mail(1))
    with fetching(own_settings, sqlite, refreshing(server, tmp_path, provider, refresh_token, mechanism=mechanism)):
        wait_until(lambda: succeeded(sqlite))
    assert len(kept(sqlite)) == 1
    assert f"method={mechanism or 'OAUTHBEARER'}" in server.log()


def test_a_token_that_ends_is_renewed_and_one_that_lasts_is_not(
    server: Dovecot,
    provider: Provider,
    refresh_token: Path,
    own_settings: Settings,
    sqlite: Database,
    tmp_path: Path,
) -> None:
    configured = refreshing(server, tmp_path, provider, refresh_token)
    for asked in (1, 1):  # the second time it is the one that was kept over the restart
        with fetching(own_settings, sqlite, configured):
            wait_until(lambda: succeeded(sqlite))
        assert len(provider.given) == asked
    read, keep = stored_tokens(own_settings, sqlite, "support")
    keep({**read(), "until": "2026-01-01T00:00:00+00:00"})
    server.deliver(mail(1))
    with fetching(own_settings, sqlite, configured):
        wait_until(lambda: len(kept(sqlite)) == 1)
    assert len(provider.given) == 2


def test_a_replaced_refresh_token_is_kept_over_a_restart(
    server: Dovecot,
    provider: Provider,
    refresh_token: Path,
    own_settings: Settings,
    sqlite: Database,
    tmp_path: Path,
) -> None:
    provider.rotates, provider.lasts = True, 30  # shorter than a token is used: each sign-in asks for another
    configured = refreshing(server, tmp_path, provider, refresh_token)
    for n in (1, 2, 3):
        server.deliver(mail(n))
        with fetching(own_settings, sqlite, configured):
            wait_until(lambda n=n: len(kept(sqlite)) == n)  # type: ignore[misc]
    used = [form["refresh_token"] for form in provider.given]
    assert used[0] == "first"
    assert len(set(used)) == len(used) >= 3


def test_a_revoked_sign_in_is_told_clearly_and_goes_on_after_renewal_without_a_restart(
    server: Dovecot,
    provider: Provider,
    refresh_token: Path,
    own_settings: Settings,
    sqlite: Database,
    tmp_path: Path,
) -> None:
    server.deliver(mail(1))
    with fetching(own_settings, sqlite, refreshing(server, tmp_path, provider, refresh_token)):
        wait_until(lambda: len(kept(sqlite)) == 1)
        provider.revoke_all()
        server.kill()
        server.start()
        wait_until(lambda: "gives no token: invalid_grant" in str(status(sqlite).cause))
        assert "put the new refresh token where oauth.refresh_token points" in str(status(sqlite).next_step)
        server.deliver(mail(2))
        provider.refresh_tokens.add("second")
        refresh_token.write_text("second\n")
        wait_until(lambda: len(kept(sqlite)) == 2)
        wait_until(lambda: succeeded(sqlite))


def test_a_token_endpoint_that_is_away_is_no_refusal(
    server: Dovecot,
    provider: Provider,
    refresh_token: Path,
    own_settings: Settings,
    sqlite: Database,
    tmp_path: Path,
) -> None:
    provider.status = 503
    with fetching(own_settings, sqlite, refreshing(server, tmp_path, provider, refresh_token)):
        wait_until(lambda: "responds with 503" in str(status(sqlite).cause) if sqlite_has(sqlite) else False)
        provider.status = 200
        wait_until(lambda: succeeded(sqlite))


def sqlite_has(database: Database) -> bool:
    return bool(database.read(lambda conn: conn.execute(select(mailboxes.c.name)).first()))


def test_a_client_secret_signs_in_and_a_wrong_one_is_told(
    server: Dovecot, provider: Provider, own_settings: Settings, sqlite: Database, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wrong")
    configured = by_token(
        server, tmp_path, grant="client_credentials", token_url=f"{provider.url}/token", client_id="sodan",
        client_secret={"file": str(secret)}, scope="imap",
    )  # fmt: skip
    with fetching(own_settings, sqlite, configured):
        wait_until(lambda: sqlite_has(sqlite) and "invalid_client" in str(status(sqlite).cause))
        secret.write_text("right")
        wait_until(lambda: succeeded(sqlite))


def test_a_service_account_signs_for_the_user_of_the_mailbox(
    server: Dovecot, provider: Provider, own_settings: Settings, sqlite: Database, tmp_path: Path
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    provider.public_key = public.decode()
    file = tmp_path / "account.json"
    file.write_text(
        json.dumps(
            {
                "type": "service_account", "client_email": "sodan@project.example", "private_key_id": "1",
                "private_key": private.decode(), "token_uri": f"{provider.url}/token",
            }
        )
    )  # fmt: skip
    server.deliver(mail(1))
    configured = by_token(server, tmp_path, grant="service_account", key_file=str(file), scope="mail")
    with fetching(own_settings, sqlite, configured):
        wait_until(lambda: len(kept(sqlite)) == 1)


def test_tokens_are_encrypted_in_the_database_and_never_logged(
    server: Dovecot,
    provider: Provider,
    refresh_token: Path,
    own_settings: Settings,
    sqlite: Database,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    provider.rotates = True
    with fetching(own_settings, sqlite, refreshing(server, tmp_path, provider, refresh_token)):
        wait_until(lambda: succeeded(sqlite))
    said = "".join(capfd.readouterr())
    stored = str(sqlite.read(lambda conn: conn.execute(select(mailboxes)).one()))
    read, _ = stored_tokens(own_settings, sqlite, "support")
    secrets = [*provider.valid, *provider.refresh_tokens]
    assert set(secrets) <= set(read().values())
    for secret in secrets:
        assert secret not in said
        assert secret not in stored
    assert own_settings.key_file is not None
    assert own_settings.key_file.stat().st_mode & 0o077 == 0
