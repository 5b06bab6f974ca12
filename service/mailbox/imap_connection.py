"""Connects to an IMAP server, signs in, and turns errors into MailboxError (RFC 9051, RFC 7628)."""

from __future__ import annotations

import contextlib
import logging
import ssl
from collections.abc import Iterator
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from service.mailbox.file import Imap
from service.mailbox.oauth import Tokens
from service.mailbox.source import FolderMissing, MailboxError, SignInRefused, trust

_NEXT_STEP_NETWORK = "look at host, port and tls of this mailbox, and at the network in between"

logging.getLogger("imapclient").setLevel(logging.WARNING)  # its debug lines contain all traffic, including passwords


class _Client(IMAPClient):  # type: ignore[misc]  # taken as untyped
    """An IMAPClient whose ``idle_check(0)`` also returns lines that imaplib has already buffered."""

    def _poll_socket(self, sock: Any, timeout: float | None = None) -> Any:
        """With timeout 0 always try to read, since buffered lines are no longer on the socket.

        For example, ``* 2 EXISTS`` may arrive together with ``+``.
        """
        return timeout == 0 or super()._poll_socket(sock, timeout)


class ImapServer:
    """One account on one server."""

    def __init__(self, given: Imap, tokens: Tokens | None) -> None:
        self._given = given
        self._tokens = tokens

    @property
    def host(self) -> str:
        return self._given.host

    def connect(self) -> IMAPClient:
        """Return a new connection, signed in. Raises MailboxError."""
        given = self._given
        try:
            client = _Client(
                given.host,
                port=given.port_or_usual,
                ssl=given.tls == "implicit",
                ssl_context=trust(given.ca_file) if given.tls == "implicit" else None,
                timeout=given.timeout,
            )
            if given.tls == "starttls":
                client.starttls(trust(given.ca_file))
        except ssl.SSLCertVerificationError as error:
            raise MailboxError(
                f"the certificate of {given.host} is not accepted: {error.verify_message}",
                "set imap.ca_file to the authority that signed it, or correct host or the certificate of the server",
            ) from None
        except (OSError, IMAPClientError) as error:
            words = f"{given.host}:{given.port_or_usual} cannot be reached ({brief(error)})"
            raise MailboxError(words, _NEXT_STEP_NETWORK) from None
        try:
            self._sign_in(client)
        except BaseException:
            with contextlib.suppress(Exception):
                client.shutdown()
            raise
        return client

    def _sign_in(self, client: IMAPClient) -> None:
        given = self._given
        try:
            if self._tokens is not None:
                self._by_token(client, self._tokens)
            elif given.password is not None:
                password = given.password.read()
                if client.has_capability("AUTH=PLAIN"):
                    client.plain_login(given.user, password)
                else:
                    client.login(given.user, password)
        except LoginError as error:
            if "UNAVAILABLE" in str(error).upper():
                raise MailboxError(
                    f"{given.host} cannot check sign-ins now",
                    "it is retried; ask the operator of the server if it lasts",
                ) from None
            raise SignInRefused(
                f"{given.host} refuses the sign-in of {given.user} ({brief(error)})",
                "check user and secret; sodan reads a changed secret at the next attempt",
            ) from None
        except (OSError, IMAPClientError) as error:
            raise MailboxError(
                f"{given.host} ended the sign-in ({brief(error)})", "it is retried; read the log of the server"
            ) from None

    def _by_token(self, client: IMAPClient, tokens: Tokens) -> None:
        wanted = self._given.oauth.mechanism if self._given.oauth else None
        offered = [name for name in ("OAUTHBEARER", "XOAUTH2") if client.has_capability(f"AUTH={name}")]
        mechanism = wanted or (offered[0] if offered else None)
        if mechanism is None:
            raise SignInRefused(
                f"{self._given.host} offers neither OAUTHBEARER nor XOAUTH2",
                "sign in with a password, or set another host",
            )
        token = tokens.token()
        login = client.oauthbearer_login if mechanism == "OAUTHBEARER" else client.oauth2_login
        try:
            login(self._given.user, token)
        except LoginError:
            tokens.refused()  # it may have been revoked early: the next attempt requests another
            raise

    @contextlib.contextmanager
    def told(self, doing: str, refused: tuple[str, str] | None = None) -> Iterator[None]:
        """Turn connection and protocol errors into MailboxError; ``doing`` says what failed.

        ``refused``: cause and next step if the server refuses the command, which then raises FolderMissing.
        """
        host = self._given.host
        try:
            yield
        except TimeoutError:
            words = f"{host} sent nothing for {self._given.timeout:g} s"
            raise MailboxError(words, "it is retried; increase imap.timeout for a slow server") from None
        except (OSError, IMAPClientError, KeyError, ValueError) as error:
            if refused and isinstance(error, IMAPClientError) and not isinstance(error, IMAPClientAbortError):
                raise FolderMissing(f"{refused[0]} ({brief(error)})", refused[1]) from None
            raise MailboxError(
                f"{doing}: {host} ended the connection ({brief(error)})", "it is retried; read the log of the server"
            ) from None


def brief(error: BaseException) -> str:
    """Return the server's error text, at most 160 characters, or the type of the error."""
    words = str(error).replace("\r", " ").replace("\n", " ").strip().removeprefix("b'").rstrip("'")
    return words[:160] or type(error).__name__
