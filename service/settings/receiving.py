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

    smtp_listen: Annotated[Listen, NoDecode] = Field(
        Listen("127.0.0.1", 8025), description="host:port of the SMTP listener"
    )
    lmtp_listen: Annotated[Listen | None, NoDecode] = Field(
        None, description="host:port of the LMTP listener; empty: no LMTP"
    )
    intake: Annotated[tuple[str, ...], NoDecode] = Field(
        ("intake@localhost",),
        min_length=1,
        description="addresses or @domain that receive mail, comma-separated; all other recipients are refused",
    )
    organisation: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="mail domains of the organisation, comma-separated; empty: the domains of SODAN_INTAKE"
    )
    team: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="addresses or @domain of the IT team, comma-separated"
    )
    authserv_id: str = Field(
        "", description="name of your mail server in Authentication-Results, or microsoft-365; empty: none is trusted"
    )
    trusted_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="networks whose mail from your own domains counts as verified, comma-separated (192.0.2.0/24)"
    )
    max_hops: int = Field(
        100, ge=1, le=10_000, description="maximum number of Received lines; a mail with more is a loop and gets 554"
    )
    sender_rate: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="mails per hour and process from one sender in one network; above: 450; 0: no limit",
    )
    network_rate: int = Field(
        7200,
        ge=0,
        le=10_000_000,
        description="mails per hour and process from one network (/24, /48), burst a sixth; above: 450; 0: no limit",
    )
    hostname: str = Field("localhost", min_length=1, max_length=255, description="host name in SMTP greetings")
    max_message_bytes: int = Field(
        36_700_160, ge=1024, le=1_000_000_000, description="maximum size of a mail, in bytes"
    )
    max_recipients: int = Field(100, ge=1, le=100_000, description="maximum number of recipients of a mail")
    smtp_max_connections: int = Field(
        256, ge=1, le=100_000, description="maximum number of simultaneous SMTP connections; above: 421"
    )
    smtp_max_connections_per_host: int = Field(
        128,
        ge=1,
        le=100_000,
        description="maximum number of simultaneous SMTP connections from one address; above: 421",
    )
    smtp_timeout: float = Field(
        300, gt=0, le=86400, description="timeout of an SMTP command, in seconds (RFC 5321 §4.5.3.2)"
    )
    min_free_bytes: int = Field(
        16_777_216,
        ge=0,
        description="minimum free disk space for the SQLite database; below: mail gets 452; 0: no minimum",
    )
    max_waiting: int = Field(
        1_000_000, ge=0, description="maximum number of mails that wait for a worker; above: mail gets 452; 0: no limit"
    )
    smtp_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (),
        description="networks that may send mail, comma-separated (192.0.2.0/24); others get 554; empty: all may send",
    )
    smtp_bare_newlines: Literal["normalise", "refuse", "keep"] = Field(
        "normalise", description="CR or LF alone in a mail: convert to CRLF, refuse the mail, or keep it unchanged"
    )
    smtp_max_bytes_at_once: int = Field(
        1_073_741_824,
        ge=1_048_576,
        description="maximum bytes of incoming mail at one time, on disk; a quarter for one address; above: 452",
    )
    smtp_tls_certificate: Path | None = Field(
        None, description="PEM file with the certificate chain; enables STARTTLS; reloaded on SIGHUP"
    )
    smtp_tls_key: Path | None = Field(
        None, description="PEM file with the private key; empty: it is in the certificate file"
    )
    smtp_require_tls: bool = Field(False, description="refuse mail before STARTTLS (530)")
    smtp_passwords: Path | None = Field(
        None, description="file with lines name:scrypt$salt$hash (see `sodan smtp-password`); enables AUTH over TLS"
    )
    smtp_require_login: bool = Field(False, description="refuse mail before AUTH (530)")
    mailboxes: Path | None = Field(
        None, description="YAML file with the mailboxes to fetch from (IMAP, Microsoft Graph)"
    )
