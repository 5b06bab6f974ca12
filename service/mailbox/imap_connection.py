"""Connects to an IMAP server (RFC 9051), and signs in (RFC 7628). Turns errors into MailboxError."""

import contextlib
import logging
import ssl
from collections.abc import Iterator
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from service.mailbox.oauth import Tokens
from service.mailbox.settings import Imap
from service.mailbox.source import FolderMissing, MailboxError, SignInRefused, tls_context

_NEXT_STEP_NETWORK = "check host, port and tls of this mailbox, and the network"

logging.getLogger("imapclient").setLevel(logging.WARNING)  # its debug lines contain all traffic, including passwords


class _Client(IMAPClient):  # type: ignore[misc]  # taken as untyped
    """An IMAPClient whose ``idle_check(0)`` also returns lines in the buffer of imaplib."""

    def _poll_socket(self, sock: Any, timeout: float | None = None) -> Any:
        """Return true for timeout 0, because a line may be in the buffer and not on the socket."""
        return timeout == 0 or super()._poll_socket(sock, timeout)


class ImapServer:
    """An IMAP server with the account to sign in to."""

    def __init__(self, config: Imap, tokens: Tokens | None) -> None:
        self._config = config
        self._tokens = tokens

    @property
    def host(self) -> str:
        return self._config.host

    def connect(self) -> IMAPClient:
        """Return a new connection that is signed in. Raises MailboxError."""
        config = self._config
        try:
            client = _Client(
                config.host,
                port=config.port_or_usual,
                ssl=config.tls == "implicit",
                ssl_context=tls_context(config.ca_file) if config.tls == "implicit" else None,
                timeout=config.timeout,
            )
            if config.tls == "starttls":
                client.starttls(tls_context(config.ca_file))
        except ssl.SSLCertVerificationError as error:
            raise MailboxError(
                f"the certificate of {config.host} is not accepted: {error.verify_message}",
                "set imap.ca_file to the authority that signed it, or correct host or the certificate of the server",
            ) from None
        except (OSError, IMAPClientError) as error:
            cause = f"{config.host}:{config.port_or_usual} cannot be reached ({error_text(error)})"
            raise MailboxError(cause, _NEXT_STEP_NETWORK) from None
        try:
            self._sign_in(client)
        except BaseException:
            with contextlib.suppress(Exception):
                client.shutdown()
            raise
        return client

    def _sign_in(self, client: IMAPClient) -> None:
        config = self._config
        try:
            if self._tokens is not None:
                self._sign_in_by_token(client, self._tokens)
            elif config.password is not None:
                password = config.password.read()
                if client.has_capability("AUTH=PLAIN"):
                    client.plain_login(config.user, password)
                else:
                    client.login(config.user, password)
        except LoginError as error:
            if "UNAVAILABLE" in str(error).upper():
                raise MailboxError(
                    f"{config.host} cannot check sign-ins now",
                    "sodan tries again; if it still fails, ask the operator of the server",
                ) from None
            raise SignInRefused(
                f"{config.host} refuses the sign-in of {config.user} ({error_text(error)})",
                "check user and secret; sodan reads a changed secret at the next attempt",
            ) from None
        except (OSError, IMAPClientError) as error:
            raise MailboxError(
                f"{config.host} ended the sign-in ({error_text(error)})",
                "sodan tries again; read the log of the server",
            ) from None

    def _sign_in_by_token(self, client: IMAPClient, tokens: Tokens) -> None:
        wanted = self._config.oauth.mechanism if self._config.oauth else None
        offered = [name for name in ("OAUTHBEARER", "XOAUTH2") if client.has_capability(f"AUTH={name}")]
        mechanism = wanted or (offered[0] if offered else None)
        if mechanism is None:
            raise SignInRefused(
                f"{self._config.host} offers neither OAUTHBEARER nor XOAUTH2",
                "sign in with a password, or set another host",
            )
        token = tokens.token()
        login = client.oauthbearer_login if mechanism == "OAUTHBEARER" else client.oauth2_login
        try:
            login(self._config.user, token)
        except LoginError:
            tokens.refused()  # the token may have been revoked: the next attempt requests another
            raise

    @contextlib.contextmanager
    def mailbox_errors(self, action: str, refused: tuple[str, str] | None = None) -> Iterator[None]:
        """Raise MailboxError for errors in the block.

        If the server refuses the command, raise FolderMissing(*refused).
        """
        host = self._config.host
        try:
            yield
        except TimeoutError:
            cause = f"{host} sent nothing for {self._config.timeout:g} s"
            raise MailboxError(cause, "sodan tries again; increase imap.timeout for a slow server") from None
        except (OSError, IMAPClientError, KeyError, ValueError) as error:
            if refused and isinstance(error, IMAPClientError) and not isinstance(error, IMAPClientAbortError):
                raise FolderMissing(f"{refused[0]} ({error_text(error)})", refused[1]) from None
            raise MailboxError(
                f"{action}: {host} ended the connection ({error_text(error)})",
                "sodan tries again; read the log of the server",
            ) from None


def error_text(error: BaseException) -> str:
    """Return the text of an error on one line of at most 160 characters, or its type."""
    text = str(error).replace("\r", " ").replace("\n", " ").strip().removeprefix("b'").rstrip("'")
    return text[:160] or type(error).__name__
