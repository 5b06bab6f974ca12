"""Gets OAuth 2.0 access tokens for IMAP and Microsoft Graph, and renews them.

Grants: ``refresh_token``; ``client_credentials`` with a secret (RFC 6749) or a certificate; a service account of Google
(RFC 7523). If the endpoint issues a new refresh token, sodan stores it and uses it instead of the configured token,
until the configured token changes.
"""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from service.errors import Refused
from service.mailbox.settings import OAuth
from service.mailbox.source import MailboxError, SignInRefused, now, tls_context
from service.rate import retry_after
from service.store import mailboxes
from service.store.database import Database
from service.store.encryption import SecretBox

_log = structlog.get_logger("sodan.mailbox")

EARLY = timedelta(seconds=60)  # a token is renewed this long before it expires
_BY_JWT = "urn:ietf:params:oauth:{}:jwt-bearer"
_RENEW = {
    "refresh_token": "sign in again at the provider, and put the new refresh token where oauth.refresh_token points",
    "client_credentials": "check client_id, scope, and secret or certificate (it may have expired)",
    "service_account": "check the key file, and the domain-wide delegation of the service account",
}
"""Grant → what the operator should do if the endpoint issues no token."""
_CHECK = {
    "invalid_client": "create a new secret (the old one may have expired); set client_secret to its value, not its id",
    "unauthorized_client": "check client_id: is the app registered in this tenant?",
    "invalid_request": "check client_id and tenant or token_url",
}
"""Error of the endpoint (RFC 6749 §5.2) → what to do instead, for the grant ``client_credentials``."""


@dataclass
class TokenStore:
    """The stored tokens of one mailbox, encrypted with the key of the installation."""

    database: Database
    box: SecretBox
    mailbox: str

    def read(self) -> dict[str, str]:
        """Return the tokens; none if they cannot be decrypted. sodan then uses the configured credentials."""
        stored = self.database.read(lambda conn: mailboxes.stored_tokens(conn, self.mailbox))
        try:
            return dict(json.loads(self.box.decrypt(stored))) if stored is not None else {}
        except Refused as error:
            _log.warning("kept tokens cannot be read", mailbox=self.mailbox, reason=str(error))
            return {}

    def write(self, tokens: dict[str, str]) -> None:
        encrypted = self.box.encrypt(json.dumps(tokens))
        self.database.transact(lambda conn: mailboxes.save_tokens(conn, self.mailbox, encrypted))


@dataclass
class Tokens:
    """Access tokens for one mailbox."""

    config: OAuth
    user: str  # the mailbox user of a service account
    store: TokenStore
    ca_file: Path | None = None
    timeout: float = 30  # time limit of a request to the endpoint, in seconds

    def token(self) -> str:
        """Return a valid access token. Raises SignInRefused if none is issued, MailboxError if the endpoint fails."""
        tokens = self._stored_tokens()
        if "access_token" not in tokens or datetime.fromisoformat(tokens["until"]) <= now() + EARLY:
            tokens = self._renew(tokens)
        return tokens["access_token"]

    def refused(self) -> bool:
        """Discard the access token because a server refused it. Return whether there was one."""
        tokens = self._stored_tokens()
        had_token = tokens.pop("access_token", None) is not None
        self.store.write(tokens)
        return had_token

    def _renew(self, stored: dict[str, str]) -> dict[str, str]:
        """Request a new access token; store and return the tokens."""
        answer = self._request_token(stored)
        lifetime = timedelta(seconds=float(answer.get("expires_in") or 300))
        new = {"access_token": str(answer["access_token"]), "until": (now() + lifetime).isoformat()}
        if answer.get("refresh_token"):
            new["refresh_token"] = str(answer["refresh_token"])
        self.store.write(stored | new)
        return stored | new

    def _stored_tokens(self) -> dict[str, str]:
        """Return the stored tokens, unless they were issued for another configuration."""
        configuration, stored = self._configuration_hash(), self.store.read()
        return stored if stored.get("for") == configuration else {"for": configuration}

    def _configuration_hash(self) -> str:
        """Return a hash of the configuration and its secrets."""
        config = self.config
        secrets_used = (config.client_secret, config.certificate, config.refresh_token)
        values = [secret.read() for secret in secrets_used if secret is not None]
        key = config.key_file.read_text(encoding="utf-8") if config.key_file and config.key_file.is_file() else ""
        parts = [config.grant, config.token_url, config.client_id, config.scope, self.user, key, *values]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _request_token(self, stored: dict[str, str]) -> dict[str, Any]:
        url, form = self._token_request(stored)
        endpoint = f"the token endpoint {httpx.URL(url).host or url}"
        try:
            with httpx.Client(timeout=self.timeout, verify=tls_context(self.ca_file)) as client:
                response = client.post(url, data=form, headers={"Accept": "application/json"})
            answer = response.json() if "json" in response.headers.get("content-type", "") else {}
        except (httpx.HTTPError, ValueError) as error:
            raise MailboxError(
                f"{endpoint} does not respond ({type(error).__name__})",
                "check the network, the proxy, and the URL of the endpoint",
            ) from None
        if response.status_code >= 500 or response.status_code == 429:
            raise MailboxError(
                f"{endpoint} responds with {response.status_code}",
                "sodan tries again; if it still fails, check the status page of the provider",
                retry_after=retry_after(response.headers),
            )
        answer = answer if isinstance(answer, dict) else {}
        if response.status_code != 200 or not answer.get("access_token"):
            code, grant = str(answer.get("error", response.status_code))[:100], self.config.grant
            next_step = (_CHECK.get(code) if grant == "client_credentials" else None) or _RENEW[grant]
            for number in (answer.get("error_codes") or ())[:1]:  # the number of an error in Microsoft's pages
                code += f", AADSTS{number}"
            raise SignInRefused(f"{endpoint} gives no token: {code}", next_step)
        return answer

    def _token_request(self, stored: dict[str, str]) -> tuple[str, dict[str, str]]:
        config = self.config
        if config.grant == "service_account":
            return self._service_account_request()
        form = {"grant_type": config.grant, "client_id": config.client_id}
        if config.client_secret is not None:
            form["client_secret"] = config.client_secret.read()
        if config.certificate is not None:
            form["client_assertion_type"] = _BY_JWT.format("client-assertion-type")
            form["client_assertion"] = self._signed_by_certificate(config.certificate.read())
        if config.refresh_token is not None:
            form["refresh_token"] = stored.get("refresh_token") or config.refresh_token.read()
        if config.scope:
            form["scope"] = config.scope
        return config.token_url, form

    def _signed_by_certificate(self, pem: str) -> str:
        """Return a token signed with the key of the certificate. It is sent instead of a client secret.

        https://learn.microsoft.com/entra/identity-platform/certificate-credentials
        """
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
            thumbprint = urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode().rstrip("=")
            client = self.config.client_id
            claims = {"iss": client, "sub": client, "jti": secrets.token_hex(16), **self._times(self.config.token_url)}
            claims["nbf"] = claims["iat"]
            return jwt.encode(claims, pem, algorithm="PS256", headers={"x5t#S256": thumbprint})
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise SignInRefused(
                f"the certificate cannot be used ({type(error).__name__})",
                "store a PEM file with the certificate and its unencrypted private key",
            ) from None

    def _service_account_request(self) -> tuple[str, dict[str, str]]:
        """Return (URL, form) of a token request of the service account for the mailbox user."""
        config = self.config
        try:
            key = json.loads((config.key_file or Path()).read_text(encoding="utf-8"))
            url = config.token_url or str(key["token_uri"])
            claims = {"iss": key["client_email"], "sub": self.user, "scope": config.scope, **self._times(url)}
            headers = {"kid": key["private_key_id"]} if key.get("private_key_id") else None
            signed = jwt.encode(claims, key["private_key"], algorithm="RS256", headers=headers)
        except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            raise SignInRefused(
                f"the key file {config.key_file} cannot be used ({type(error).__name__})",
                "create a new JSON key for the service account, and store it there",
            ) from None
        return url, {"grant_type": _BY_JWT.format("grant-type"), "assertion": signed}

    def _times(self, url: str) -> dict[str, Any]:
        issued_at = int(now().timestamp())
        return {"aud": url, "iat": issued_at, "exp": issued_at + 3600}
