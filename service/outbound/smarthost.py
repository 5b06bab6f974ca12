"""Sends a mail through the organisation's smart host (RFC 5321 by aiosmtplib), with TLS, AUTH and OAuth2."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import aiosmtplib

from service.errors import Refused

SECONDS = 60.0
TOKEN_SECONDS = 20.0
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class NotSent(Exception):
    """The smart host did not accept the mail.

    ``permanent``: a later attempt would fail too (RFC 5321 §4.2.1, 5yz).
    """

    def __init__(self, why: str, *, permanent: bool) -> None:
        super().__init__(why)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Smarthost:
    """The outgoing mail server. ``repr`` shows no secret."""

    host: str
    port: int
    mode: str
    """smtp, smtp+starttls, smtps."""
    user: str = ""

    @classmethod
    def parse(cls, url: str) -> Smarthost:
        """Read ``smtp://host:25``, ``smtp+starttls://user@host:587``, ``smtps://user@host:465``.

        Raises ValueError.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("expected smtp://host:port, smtp+starttls://… or smtps://…") from None
        if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError("expected smtp://host:port, smtp+starttls://… or smtps://…")
        if parts.password is not None:
            raise ValueError("the password belongs in SODAN_SMARTHOST_PASSWORD or …_PASSWORD_FILE, not in the URL")
        return cls(parts.hostname, port or _PORTS[parts.scheme], parts.scheme, unquote(parts.username or ""))

    def __str__(self) -> str:
        return f"{self.mode}://{self.host}:{self.port}"


@dataclass(frozen=True)
class Login:
    """Login for the smart host: a password, or a command that prints an OAuth2 access token."""

    password: str = ""
    token_command: str = ""


async def hand_over(
    mail: EmailMessage,
    *,
    to: str,
    envelope_from: str,
    smarthost: Smarthost,
    login: Login,
    hostname: str,
    seconds: float = SECONDS,
) -> str:
    """Send one mail; return the server's reply to DATA. Raises NotSent with the server's text."""
    client = aiosmtplib.SMTP(
        hostname=smarthost.host,
        port=smarthost.port,
        use_tls=smarthost.mode == "smtps",
        start_tls=smarthost.mode == "smtp+starttls",
        local_hostname=hostname,
        timeout=seconds,
        username=smarthost.user or None,
        password=login.password or None,
        oauth_token_generator=_token_by(login.token_command) if login.token_command else None,
    )
    try:
        async with asyncio.timeout(seconds * 2), client:
            _, answer = await client.send_message(mail, sender=envelope_from, recipients=[to])
            return answer
    except aiosmtplib.SMTPRecipientsRefused as error:
        first = error.recipients[0]
        raise NotSent(f"{first.code} {first.message}", permanent=first.code >= 500) from error
    except aiosmtplib.SMTPAuthenticationError as error:
        raise NotSent(f"sign-in failed: {error.code} {error.message}", permanent=False) from error
    except aiosmtplib.SMTPResponseException as error:
        raise NotSent(f"{error.code} {error.message}", permanent=error.code >= 500) from error
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise NotSent(f"{smarthost}: {error or type(error).__name__}", permanent=False) from error


def _token_by(command: str) -> Callable[[], Awaitable[str]]:
    async def token() -> str:
        process = await asyncio.create_subprocess_shell(
            command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            out, problem = await asyncio.wait_for(process.communicate(), TOKEN_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise NotSent("SODAN_SMARTHOST_TOKEN_COMMAND did not finish in time", permanent=False) from None
        if process.returncode or not out.strip():
            words = problem.decode(errors="replace").strip()[:200]
            raise NotSent(f"SODAN_SMARTHOST_TOKEN_COMMAND failed: {words}", permanent=False)
        return out.decode().strip()

    return token


def check(url: str) -> Smarthost:
    """Parse SODAN_SMARTHOST. Raises Refused with one line that names the setting."""
    try:
        return Smarthost.parse(url)
    except ValueError as error:
        raise Refused(f"SODAN_SMARTHOST: {error}") from None
