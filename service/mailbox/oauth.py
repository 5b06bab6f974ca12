"""Access tokens from an OAuth 2.0 token endpoint, renewed automatically.

Three grants: ``refresh_token`` and ``client_credentials`` (RFC 6749), and a signed assertion of a service account (RFC
7523), as Google uses it. If the endpoint replaces the refresh token, the new one is stored and used until the
configured one changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt

from service.mailbox.file import OAuth
from service.mailbox.source import MailboxError, SignInRefused, TokenStore, trust

EARLY = timedelta(seconds=60)
"""A token is renewed this long before it expires."""
_ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_RENEW = {
    "refresh_token": "sign in again at the provider, and put the new refresh token where oauth.refresh_token points",
    "client_credentials": "check client_id, client_secret (it may have expired) and scope; set a new one if needed",
    "service_account": "check the key file, and the domain-wide delegation of the service account",
}


class Tokens:
    """Access tokens for one mailbox."""

    def __init__(
        self, given: OAuth, user: str, clock: Callable[[], datetime], store: TokenStore,
        ca_file: Path | None = None,
    ) -> None:  # fmt: skip
        self._given = given
        self._user = user
        self._clock = clock
        self._load, self._keep = store
        self._ca_file = ca_file

    def token(self) -> str:
        """Return a valid access token. Raises SignInRefused if none is issued, MailboxError if the endpoint fails."""
        kept = self._kept()
        if kept.get("access_token") and datetime.fromisoformat(kept["until"]) > self._clock() + EARLY:
            return kept["access_token"]
        answer = self._ask(kept)
        lasts = timedelta(seconds=float(answer.get("expires_in") or 300))
        kept["access_token"], kept["until"] = str(answer["access_token"]), (self._clock() + lasts).isoformat()
        if answer.get("refresh_token"):
            kept["refresh_token"] = str(answer["refresh_token"])
        self._keep(kept)
        return kept["access_token"]

    def refused(self) -> bool:
        """Discard the stored access token; returns whether there was one."""
        kept = self._kept()
        there = kept.pop("access_token", None) is not None
        self._keep(kept)
        return there

    def _kept(self) -> dict[str, str]:
        """Return the stored tokens if they belong to the current configuration."""
        print_now = self._fingerprint()
        kept = self._load()
        return kept if kept.get("for") == print_now else {"for": print_now}

    def _fingerprint(self) -> str:
        given = self._given
        secrets = [secret.read() for secret in (given.client_secret, given.refresh_token) if secret is not None]
        key = given.key_file.read_text(encoding="utf-8") if given.key_file and given.key_file.is_file() else ""
        parts = [given.grant, given.token_url, given.client_id, given.scope, self._user, key, *secrets]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _ask(self, kept: dict[str, str]) -> dict[str, Any]:
        url, form = self._request(kept)
        try:
            with httpx.Client(timeout=30, verify=trust(self._ca_file)) as client:
                response = client.post(url, data=form, headers={"Accept": "application/json"})
            answer = response.json() if "json" in response.headers.get("content-type", "") else {}
        except (httpx.HTTPError, ValueError) as error:
            raise MailboxError(
                f"the token endpoint {_host(url)} does not respond ({type(error).__name__})",
                "check the network, the proxy, and oauth.token_url",
            ) from None
        if response.status_code >= 500 or response.status_code == 429:
            raise MailboxError(
                f"the token endpoint {_host(url)} responds with {response.status_code}",
                "it is retried; check the status page of the provider if it lasts",
                retry_after=seconds(response.headers.get("retry-after")),
            )
        if response.status_code != 200 or not isinstance(answer, dict) or not answer.get("access_token"):
            reason = answer.get("error", response.status_code) if isinstance(answer, dict) else response.status_code
            raise SignInRefused(
                f"the token endpoint {_host(url)} gives no token: {str(reason)[:100]}", _RENEW[self._given.grant]
            )
        return answer

    def _request(self, kept: dict[str, str]) -> tuple[str, dict[str, str]]:
        given = self._given
        if given.grant == "service_account":
            return self._assertion()
        form = {"grant_type": given.grant, "client_id": given.client_id}
        if given.client_secret is not None:
            form["client_secret"] = given.client_secret.read()
        if given.refresh_token is not None:
            form["refresh_token"] = kept.get("refresh_token") or given.refresh_token.read()
        if given.scope:
            form["scope"] = given.scope
        return given.token_url, form

    def _assertion(self) -> tuple[str, dict[str, str]]:
        """Return the request in which the service account signs for the mailbox user (domain-wide delegation)."""
        given = self._given
        try:
            key = json.loads((given.key_file or "").read_text(encoding="utf-8"))  # type: ignore[union-attr]
            url = given.token_url or str(key["token_uri"])
            now = int(self._clock().timestamp())
            claims = {
                "iss": key["client_email"], "sub": self._user, "scope": given.scope, "aud": url,
                "iat": now, "exp": now + 3600,
            }  # fmt: skip
            headers = {"kid": key["private_key_id"]} if key.get("private_key_id") else None
            signed = jwt.encode(claims, key["private_key"], algorithm="RS256", headers=headers)
        except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            raise SignInRefused(
                f"the key file {given.key_file} cannot be used ({type(error).__name__})",
                "create a new JSON key for the service account, and store it there",
            ) from None
        return url, {"grant_type": _ASSERTION, "assertion": signed}


def seconds(written: str | None) -> float | None:
    """Return ``Retry-After`` in seconds; None if it is missing or a date."""
    try:
        return max(0.0, float(written)) if written else None
    except ValueError:
        return None


def _host(url: str) -> str:
    return httpx.URL(url).host or url
