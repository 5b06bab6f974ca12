"""Settings for receiving mail: SMTP, LMTP, mailboxes, and limits."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, NoDecode

from service.settings.values import Listen


class ReceivingSettings(BaseSettings):
    """Settings for receiving mail: SMTP, LMTP, mailboxes, and limits."""

    smtp_listen: Annotated[Listen, NoDecode] = Field(Listen("127.0.0.1", 8025), description="host:port of SMTP")
    lmtp_listen: Annotated[Listen | None, NoDecode] = Field(None, description="host:port of LMTP; empty: no LMTP")
    intake: Annotated[tuple[str, ...], NoDecode] = Field(
        ("intake@localhost",),
        min_length=1,
        description="addresses or @domain, comma-separated; only these are accepted",
    )
    organisation: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="our own mail domains, comma-separated; empty: the domains of SODAN_INTAKE"
    )
    team: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="addresses or @domain of the IT team, comma-separated"
    )
    authserv_id: str = Field(
        "", description="name of our mail server in Authentication-Results, or microsoft-365; empty: none is believed"
    )
    trusted_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="networks whose mail of our own domains counts as verified, comma-separated (192.0.2.0/24)"
    )
    max_hops: int = Field(100, ge=1, le=10_000, description="Received lines of a mail; more is a loop and gets 554")
    sender_rate: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="mails an hour of one sender by one network to one process; more get 450; 0: never",
    )
    network_rate: int = Field(
        7200,
        ge=0,
        le=10_000_000,
        description="mails an hour of one network (/24, /48) to one process, a sixth at once; more get 450; 0: any",
    )
    hostname: str = Field("localhost", min_length=1, max_length=255, description="our name in SMTP greetings")
    max_message_bytes: int = Field(36_700_160, ge=1024, le=1_000_000_000, description="largest mail taken, in bytes")
    max_recipients: int = Field(100, ge=1, le=100_000, description="recipients of one mail")
    smtp_max_connections: int = Field(256, ge=1, le=100_000, description="SMTP connections at once; more get 421")
    smtp_max_connections_per_host: int = Field(
        128, ge=1, le=100_000, description="SMTP connections at once from one address; more get 421"
    )
    smtp_timeout: float = Field(
        300, gt=0, le=86400, description="seconds an SMTP client may be silent (RFC 5321 §4.5.3.2)"
    )
    min_free_bytes: int = Field(
        16_777_216, ge=0, description="with less free on the disk of the embedded database, mail gets 452; 0: never"
    )
    max_waiting: int = Field(
        1_000_000, ge=0, description="with more mails waiting for a worker, mail gets 452; 0: never"
    )
    smtp_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="networks that may send mail, comma-separated (192.0.2.0/24); empty: all; others get 554"
    )
    smtp_bare_newlines: Literal["normalise", "refuse", "keep"] = Field(
        "normalise", description="CR or LF alone in a mail: make it CRLF, refuse the mail, or keep it as it is"
    )
    smtp_max_bytes_at_once: int = Field(
        1_073_741_824,
        ge=1_048_576,
        description="bytes of mails on their way at once, on disk; one address has a quarter; more get 452",
    )
    smtp_tls_certificate: Path | None = Field(
        None, description="PEM file with our certificate chain; offers STARTTLS; SIGHUP reads it again"
    )
    smtp_tls_key: Path | None = Field(None, description="PEM file with its key; empty: in the certificate's file")
    smtp_require_tls: bool = Field(False, description="refuse mail before STARTTLS (530)")
    smtp_passwords: Path | None = Field(
        None, description="file of name:scrypt$salt$hash; offers AUTH under TLS; `sodan smtp-password` makes a line"
    )
    smtp_require_login: bool = Field(False, description="refuse mail before AUTH (530)")
    mailboxes: Path | None = Field(
        None, description="YAML file that names mailboxes to fetch from (IMAP, Microsoft Graph)"
    )
