"""Access tokens from an OAuth 2.0 token endpoint, renewed automatically: for IMAP, and for Microsoft Graph from Entra.

Grants: ``refresh_token`` and ``client_credentials`` with a secret (RFC 6749) or a certificate, and the assertion of a
service account, as Google uses it (RFC 7523). If the endpoint replaces the refresh token, the new one is stored and
used until the configured one changes.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from service.mailbox.file import OAuth
from service.mailbox.source import MailboxError, SignInRefused, TokenStore, trust

EARLY = timedelta(seconds=60)
"""A token is renewed this long before it expires."""
_BY_JWT = "urn:ietf:params:oauth:{}:jwt-bearer"
_RENEW = {
    "refresh_token": "sign in again at the provider, and put the new refresh token where oauth.refresh_token points",
    "client_credentials": "check client_id, scope, and secret or certificate (it may have expired)",
    "service_account": "check the key file, and the domain-wide delegation of the service account",
}
"""Next step by grant."""
_CHECK = {
    "invalid_client": "make a new secret (it may have ended), and put its value, not its id, at client_secret",
    "unauthorized_client": "look at client_id: is the app registered in this tenant?",
    "invalid_request": "look at client_id and tenant or token_url",
}
"""Next step of the grant ``client_credentials`` by the error of the endpoint (RFC 6749 §5.2)."""


class Tokens:
    """Access tokens for one mailbox."""

    def __init__(
        self, given: OAuth, user: str, clock: Callable[[], datetime], store: TokenStore,
        ca_file: Path | None = None, timeout: float = 30,
    ) -> None:  # fmt: skip
        """``timeout``: of a request for a token, in seconds."""
        self._given = given
        self._user = user
        self._clock = clock
        self._load, self._keep = store
        self._ca_file = ca_file
        self._timeout = timeout
        self._last: dict[str, str] = {}
        """As stored: so that not every request of Graph reads the database."""

    def token(self) -> str:
        """Return a valid access token. Raises SignInRefused if none is issued, MailboxError if the endpoint fails."""
        made_of = self._made_of()
        if not self._usable(self._last, made_of):
            kept = self._kept(made_of)
            self._last = kept if self._usable(kept, made_of) else self._renewed(kept)
        return self._last["access_token"]

    def refused(self) -> bool:
        """Discard the access token, which a server refused; returns whether there was one."""
        self._last = {}
        kept = self._kept(self._made_of())
        there = kept.pop("access_token", None) is not None
        self._keep(kept)
        return there

    def _usable(self, kept: dict[str, str], made_of: str) -> bool:
        if kept.get("for") != made_of or "access_token" not in kept:
            return False
        return datetime.fromisoformat(kept["until"]) > self._clock() + EARLY

    def _renewed(self, kept: dict[str, str]) -> dict[str, str]:
        """Return the tokens with a new access token, and store them."""
        answer = self._ask(kept)
        lasts = timedelta(seconds=float(answer.get("expires_in") or 300))
        new = {"access_token": str(answer["access_token"]), "until": (self._clock() + lasts).isoformat()}
        if answer.get("refresh_token"):
            new["refresh_token"] = str(answer["refresh_token"])
        self._keep(kept | new)
        return kept | new

    def _kept(self, made_of: str) -> dict[str, str]:
        """Return the stored tokens if they belong to the current configuration."""
        kept = self._load()
        return kept if kept.get("for") == made_of else {"for": made_of}

    def _made_of(self) -> str:
        """Return the digest of the current configuration, with its secrets."""
        given = self._given
        secret = [
            one.read() for one in (given.client_secret, given.certificate, given.refresh_token) if one is not None
        ]
        key = given.key_file.read_text(encoding="utf-8") if given.key_file and given.key_file.is_file() else ""
        parts = [given.grant, given.token_url, given.client_id, given.scope, self._user, key, *secret]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _ask(self, kept: dict[str, str]) -> dict[str, Any]:
        url, form = self._request(kept)
        endpoint = f"the token endpoint {httpx.URL(url).host or url}"
        try:
            with httpx.Client(timeout=self._timeout, verify=trust(self._ca_file)) as client:
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
                "it is retried; check the status page of the provider if it lasts",
                retry_after=seconds(response.headers.get("retry-after")),
            )
        answer = answer if isinstance(answer, dict) else {}
        if response.status_code != 200 or not answer.get("access_token"):
            code = str(answer.get("error", response.status_code))[:100]
            number = "".join(f", AADSTS{one}" for one in (answer.get("error_codes") or ())[:1])  # in Microsoft's pages
            grant = self._given.grant
            next_step = (_CHECK.get(code) if grant == "client_credentials" else None) or _RENEW[grant]
            raise SignInRefused(f"{endpoint} gives no token: {code}{number}", next_step)
        return answer

    def _request(self, kept: dict[str, str]) -> tuple[str, dict[str, str]]:
        given = self._given
        if given.grant == "service_account":
            return self._by_service_account()
        form = {"grant_type": given.grant, "client_id": given.client_id}
        if given.client_secret is not None:
            form["client_secret"] = given.client_secret.read()
        if given.certificate is not None:
            form["client_assertion_type"] = _BY_JWT.format("client-assertion-type")
            form["client_assertion"] = self._by_certificate(given.certificate.read())
        if given.refresh_token is not None:
            form["refresh_token"] = kept.get("refresh_token") or given.refresh_token.read()
        if given.scope:
            form["scope"] = given.scope
        return given.token_url, form

    def _by_certificate(self, pem: str) -> str:
        """Return the assertion that replaces a secret.

        https://learn.microsoft.com/entra/identity-platform/certificate-credentials
        """
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
            thumbprint = urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode().rstrip("=")
            who = self._given.client_id
            claims = {"iss": who, "sub": who, "jti": secrets.token_hex(16), **self._times(self._given.token_url)}
            claims["nbf"] = claims["iat"]
            return jwt.encode(claims, pem, algorithm="PS256", headers={"x5t#S256": thumbprint})
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise SignInRefused(
                f"the certificate cannot be used ({type(error).__name__})",
                "store a PEM file with the certificate and its unencrypted private key",
            ) from None

    def _by_service_account(self) -> tuple[str, dict[str, str]]:
        """Return the request in which the service account signs for the mailbox user (domain-wide delegation)."""
        given = self._given
        try:
            key = json.loads((given.key_file or Path()).read_text(encoding="utf-8"))
            url = given.token_url or str(key["token_uri"])
            claims = {"iss": key["client_email"], "sub": self._user, "scope": given.scope, **self._times(url)}
            headers = {"kid": key["private_key_id"]} if key.get("private_key_id") else None
            signed = jwt.encode(claims, key["private_key"], algorithm="RS256", headers=headers)
        except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            raise SignInRefused(
                f"the key file {given.key_file} cannot be used ({type(error).__name__})",
                "create a new JSON key for the service account, and store it there",
            ) from None
        return url, {"grant_type": _BY_JWT.format("grant-type"), "assertion": signed}

    def _times(self, url: str) -> dict[str, Any]:
        now = int(self._clock().timestamp())
        return {"aud": url, "iat": now, "exp": now + 3600}


def seconds(written: str | None) -> float | None:
    """Return ``Retry-After`` in seconds; None if it is missing or a date."""
    try:
        return max(0.0, float(written)) if written else None
    except ValueError:
        return None
