"""Sign-in to Dovecot by OAuth tokens: renewal, revocation, storage."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from sqlalchemy import select

from service.mailbox.oauth import TokenStore
from service.mailbox.settings import Mailbox
from service.store.encryption import secret_box
from service.store.tables import mailboxes
from tests.mailbox.conftest import Box, a_dovecot, mail
from tests.mailbox.dovecot import CERTIFICATE, KEY, Dovecot
from tests.mailbox.provider import Provider, a_provider, dovecot_settings


@pytest.fixture
def provider() -> Iterator[Provider]:
    with a_provider() as one:
        yield one


@pytest.fixture
def dovecot(provider: Provider) -> Iterator[Dovecot]:
    with a_dovecot(dovecot_settings(provider)) as one:
        yield one


@pytest.fixture
def refresh_token(tmp_path: Path) -> Path:
    file = tmp_path / "refresh-token"
    file.write_text("first\n")
    return file


def by_token(box: Box, **oauth: Any) -> Mailbox:
    return box.mailbox(imap={"password": None, "oauth": oauth})


def refreshing(box: Box, provider: Provider, token: Path, **oauth: Any) -> Mailbox:
    return by_token(
        box, grant="refresh_token", token_url=f"{provider.url}/token", client_id="sodan",
        refresh_token={"file": str(token)}, **oauth,
    )  # fmt: skip


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER", None])
def test_sign_in_by_a_token(box: Box, mechanism: str | None, provider: Provider, refresh_token: Path) -> None:
    box.deliver(mail(1))
    with box.fetching(refreshing(box, provider, refresh_token, mechanism=mechanism)):
        box.is_well()
    assert len(box.kept) == 1
    assert f"method={mechanism or 'OAUTHBEARER'}" in box.server.log()


def test_a_new_refresh_token_is_used_after_a_restart(box: Box, provider: Provider, refresh_token: Path) -> None:
    provider.rotates, provider.lasts = True, 30  # tokens expire at once, so each sign-in requests another
    configured = refreshing(box, provider, refresh_token)
    for n in (1, 2, 3):
        box.deliver(mail(n))
        with box.fetching(configured):
            box.has(mails=n)
    used = [form["refresh_token"] for form in provider.given]
    assert used[0] == "first"
    assert len(set(used)) == len(used) >= 3


def test_a_revoked_token_is_reported_and_a_new_one_needs_no_restart(
    box: Box, provider: Provider, refresh_token: Path
) -> None:
    box.deliver(mail(1))
    with box.fetching(refreshing(box, provider, refresh_token)):
        box.has(mails=1)
        provider.revoke_all()
        box.server.kill()
        box.server.start()
        failed = box.fails("gives no token: invalid_grant")
        assert "put the new refresh token where oauth.refresh_token points" in str(failed.next_step)
        box.deliver(mail(2))
        provider.refresh_tokens.add("second")
        refresh_token.write_text("second\n")
        box.has(mails=2)
        box.is_well()


def test_an_error_of_the_token_endpoint_is_retried(box: Box, provider: Provider, refresh_token: Path) -> None:
    provider.status = 503
    with box.fetching(refreshing(box, provider, refresh_token)):
        box.fails("responds with 503")
        provider.status = 200
        box.is_well()


def by_account(box: Box, provider: Provider) -> Mailbox:
    provider.public_key = x509.load_pem_x509_certificate(CERTIFICATE.read_bytes()).public_key()
    account = {
        "type": "service_account", "client_email": "sodan@project.example", "private_key_id": "1",
        "private_key": KEY.read_text(), "token_uri": f"{provider.url}/token",
    }  # fmt: skip
    file = box.folder / "account.json"
    file.write_text(json.dumps(account))
    return by_token(box, grant="service_account", key_file=str(file), scope="mail")


def test_a_service_account_signs_in_as_the_user_of_the_mailbox(box: Box, provider: Provider) -> None:
    box.deliver(mail(1))
    with box.fetching(by_account(box, provider)):
        box.has(mails=1)
    claims = jwt.decode(provider.given[0]["assertion"], options={"verify_signature": False})
    assert claims.keys() == {"iss", "sub", "scope", "aud", "iat", "exp"}  # the claims that Google documents


@pytest.mark.parametrize("error", ["unauthorized_client", "invalid_client", "invalid_request"])
def test_the_error_for_a_refused_service_account_says_what_to_check(box: Box, provider: Provider, error: str) -> None:
    provider.status, provider.error = 401, error
    with box.fetching(by_account(box, provider)):
        failed = box.fails(f"gives no token: {error}")
    assert failed.next_step == "check the key file, and the domain-wide delegation of the service account"


def test_tokens_are_encrypted_in_the_database_and_never_logged(
    box: Box, provider: Provider, refresh_token: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    provider.rotates = True
    with box.fetching(refreshing(box, provider, refresh_token)):
        box.is_well()
    output = "".join(capfd.readouterr())
    stored = str(box.database.read(lambda conn: conn.execute(select(mailboxes)).one()))
    tokens = TokenStore(box.database, secret_box(box.settings), "support")
    secrets = [*provider.valid, *provider.refresh_tokens]
    assert set(secrets) <= set(tokens.read().values())
    for secret in secrets:
        assert secret not in output
        assert secret not in stored
    assert box.settings.key_file is not None
    assert box.settings.key_file.stat().st_mode & 0o077 == 0
