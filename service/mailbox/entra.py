"""Access tokens of Microsoft Entra ID for an app with client credentials, through MSAL."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlsplit

import httpx
import msal

from service.mailbox.file import Graph
from service.mailbox.source import MailboxError, SignInRefused, TokenStore, trust

_NEXT_STEPS = {
    "invalid_client": "make a new secret (it may have ended), and put its value, not its id, at client_secret",
    "unauthorized_client": "look at client_id: is the app registered in this tenant?",
    "invalid_request": "look at tenant and client_id",
}


class EntraTokens:
    """Access tokens for Graph; MSAL renews them, and its cache is stored."""

    def __init__(self, given: Graph, store: TokenStore) -> None:
        self._given = given
        self._load, self._keep = store
        self._app: msal.ConfidentialClientApplication | None = None
        self._made_of = ""

    def token(self) -> str:
        app = self._application()
        scope = f"{'://'.join(urlsplit(self._given.url)[:2])}/.default"
        try:
            answer = app.acquire_token_for_client(scopes=[scope])
        except (httpx.HTTPError, ValueError) as error:
            raise self._unreachable(error) from None
        if "access_token" not in answer:
            self._app = None  # it caches refusals for a while
            code = str(answer.get("error", "no token"))[:80]
            raise SignInRefused(
                f"Microsoft Entra refuses the app ({code}{_number(answer)})",
                _NEXT_STEPS.get(code, "check tenant, client_id, and secret or certificate"),
            )
        cache = app.token_cache
        if cache.has_state_changed:
            self._keep({"for": self._made_of, "cache": cache.serialize()})
        return str(answer["access_token"])

    def refused(self) -> bool:
        there = bool(self._load().get("cache"))
        self._keep({})
        self._app = None
        return there

    def _application(self) -> Any:
        given = self._given
        secret = given.client_secret.read() if given.client_secret else None
        pem = given.certificate.read() if given.certificate else None
        parts = [given.tenant, given.client_id, given.authority, secret or "", pem or ""]
        print_now = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        if self._app is None or self._made_of != print_now:
            cache = msal.SerializableTokenCache()
            kept = self._load()
            if kept.get("for") == print_now:
                cache.deserialize(kept["cache"])
            credential: Any = secret if pem is None else {"private_key": pem, "public_certificate": pem}
            try:
                self._app = msal.ConfidentialClientApplication(
                    given.client_id,
                    client_credential=credential,
                    authority=f"{given.authority.rstrip('/')}/{given.tenant}",
                    instance_discovery=False,  # the authority is configured, so it need not be verified
                    token_cache=cache,
                    http_client=_Http(given),
                )
            except (httpx.HTTPError, ValueError) as error:
                raise self._unreachable(error) from None
            self._made_of = print_now
        return self._app

    def _unreachable(self, error: Exception) -> MailboxError:
        host = urlsplit(self._given.authority).netloc
        if isinstance(error, ValueError) and not isinstance(error, httpx.HTTPError):
            return SignInRefused(
                f"{host} does not know the tenant {self._given.tenant}", "check graph.tenant and certificate"
            )
        return MailboxError(f"{host} cannot be reached ({type(error).__name__})", "check the network and the proxy")


class _Http:
    """HTTP client for MSAL, with one connection per request, so that none stays open."""

    def __init__(self, given: Graph) -> None:
        self._given = given

    def get(self, url: str, **given: Any) -> httpx.Response:
        return self._send("GET", url, given)

    def post(self, url: str, **given: Any) -> httpx.Response:
        return self._send("POST", url, given)

    def close(self) -> None:
        """Do nothing: no connection stays open."""

    def _send(self, method: str, url: str, given: dict[str, Any]) -> httpx.Response:
        kept = {name: given[name] for name in ("params", "data", "headers") if given.get(name)}
        with httpx.Client(timeout=self._given.timeout, verify=trust(self._given.ca_file)) as client:
            return client.request(method, url, **kept)


def _number(answer: dict[str, Any]) -> str:
    """Return Microsoft's error number (AADSTS…), which its documentation uses."""
    codes = answer.get("error_codes") or ()
    return f", AADSTS{codes[0]}" if codes else ""
