"""Sends mail through the organisation's outgoing mail server, by SMTP (RFC 5321) with TLS."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import partial
from urllib.parse import unquote, urlsplit

import aiosmtplib

from service.errors import Refused

SECONDS = 60.0  # time limit of one SMTP command; a whole mail may take twice as long
TOKEN_SECONDS = 20.0  # time limit of the command that prints an access token
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class NotSent(Exception):
    """The server did not accept a mail. ``permanent``: a later attempt would fail too (RFC 5321 §4.2.1, 5yz)."""

    def __init__(self, why: str, *, permanent: bool) -> None:
        super().__init__(why)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Smarthost:
    """The outgoing mail server, and how sodan signs in: with a password or an OAuth2 token."""

    host: str
    port: int
    mode: str  # smtp, smtp+starttls or smtps
    user: str = ""
    password: str = field(default="", repr=False)
    token_command: str = ""

    @classmethod
    def parse(cls, url: str) -> Smarthost:
        """Parse SODAN_SMARTHOST: ``smtp://host:25``, ``smtp+starttls://user@host:587``, …. Raises Refused."""
        try:
            parts = urlsplit(url)
            usual_port = _PORTS[parts.scheme]
            port = parts.port or usual_port
        except (ValueError, KeyError):
            parts, port = urlsplit(""), 0
        if not parts.hostname or parts.path not in ("", "/"):
            raise Refused("SODAN_SMARTHOST: expected smtp://host:port, smtp+starttls://… or smtps://…")
        if parts.password is not None:
            raise Refused(
                "SODAN_SMARTHOST: the password belongs in SODAN_SMARTHOST_PASSWORD or …_PASSWORD_FILE, not in the URL"
            )
        return cls(parts.hostname, port, parts.scheme, unquote(parts.username or ""))

    def __str__(self) -> str:
        return f"{self.mode}://{self.host}:{self.port}"


async def send_mail(
    mail: EmailMessage, smarthost: Smarthost, *, to: str, envelope_from: str, hostname: str, seconds: float = SECONDS
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
        password=smarthost.password or None,
        oauth_token_generator=partial(_access_token, smarthost.token_command) if smarthost.token_command else None,
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


async def _access_token(command: str) -> str:
    """Return what SODAN_SMARTHOST_TOKEN_COMMAND prints. Raises NotSent."""
    process = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, errors = await asyncio.wait_for(process.communicate(), TOKEN_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise NotSent("SODAN_SMARTHOST_TOKEN_COMMAND did not finish in time", permanent=False) from None
    if process.returncode or not out.strip():
        text = errors.decode(errors="replace").strip()[:200]
        raise NotSent(f"SODAN_SMARTHOST_TOKEN_COMMAND failed: {text}", permanent=False)
    return out.decode().strip()
