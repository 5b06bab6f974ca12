"""Every SODAN_* variable, read once, at the start of a command. A wrong value stops the start with one line."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AliasChoices, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

from service.errors import Refused


class WrongSetting(Refused):
    """One line, beginning with the name of the variable that must be changed."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen. Port 0 takes any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, written: str) -> Listen:
        """Read ``host:port`` or ``[v6]:port``; raises ValueError."""
        found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\[\]:\s]*)):([0-9]{1,5})", written.strip())
        if not found or int(found[3]) > 65535:
            raise ValueError(f"expected host:port, such as 127.0.0.1:8025, not {written!r}")
        return cls(found[1] or found[2] or "0.0.0.0", int(found[3]))  # noqa: S104 - ":8025" asks for all of them

    @property
    def loopback(self) -> bool:
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"


def _split(written: Any, by: str = ",") -> Any:
    if isinstance(written, str):
        return tuple(part.strip() for part in written.split(by) if part.strip())
    return written


class Settings(BaseSettings):
    """What an operator may choose. The names in the environment are these, upper case, after ``SODAN_``."""

    model_config = SettingsConfigDict(
        env_prefix="SODAN_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        arbitrary_types_allowed=True,
    )

    database_url: str = Field("sqlite:///var/sodan.db", description="SQLite or PostgreSQL")
    smtp_listen: Annotated[Listen, NoDecode] = Field(Listen("127.0.0.1", 8025), description="host:port of SMTP")
    http_listen: Annotated[Listen, NoDecode] = Field(Listen("127.0.0.1", 8080), description="host:port of HTTP")
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
    packs: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="further rule-pack folders, `:`-separated, loaded after the shipped ones"
    )
    site_file: Path | None = Field(
        None, description="YAML file of what only we know: own products, host names, people, partners, days off"
    )
    case_prefix: str = Field("SD", description="case keys are SD-1, SD-2, …")
    zone: ZoneInfo = Field(
        ZoneInfo("Asia/Tokyo"), description="time zone of header blocks and times that name none, such as Asia/Tokyo"
    )
    reopen_days: int = Field(14, ge=0, le=3650, description="days in which a reply reopens a closed case")
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
    content_store: str = Field(
        "database", description="where big raw mails are kept: database, a folder, or s3://bucket/prefix"
    )
    content_store_from_bytes: int = Field(
        262_144, ge=0, description="mails of this size and more go there; smaller ones stay in the database"
    )
    s3_endpoint: str = Field("", description="URL of an S3-compatible store; empty: AWS")
    s3_region: str = Field("", description="its region, where it has any")
    s3_access_key: str = Field("", description="who we are there; empty: as the machine's role says")
    s3_secret_key: str = Field("", description="the secret of that key")
    retention_raw_days: int = Field(
        0, ge=0, le=36_500, description="days after which raw mails of a resolved or closed case go; 0: never"
    )
    retention_cases_days: int = Field(
        0, ge=0, le=36_500, description="days after which a resolved or closed case goes with its mails; 0: never"
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
    workers: int = Field(1, ge=1, le=64, description="worker processes of `sodan serve`")
    batch: int = Field(128, ge=1, le=10_000, description="mails a worker takes in one transaction, at most")
    mail_seconds: float = Field(
        10,
        ge=0,
        le=3600,
        description="CPU seconds for reading one mail; of a slower one only the beginning is read; 0: any",
    )
    lease_seconds: float = Field(
        60, gt=0, le=86400, description="after how long a silent worker's mails are given to another"
    )
    watchdog: float = Field(
        20,
        ge=0,
        le=3600,
        description="seconds between two looks at our doors; who is silent three times is killed; 0: off",
    )
    stop_seconds: float = Field(20, gt=0, le=3600, description="how long a graceful stop may take")
    http_rate: int = Field(1200, ge=1, le=1_000_000, description="HTTP requests a minute of one token; more get 429")
    trust_loopback: bool = Field(
        True, description="HTTP from this machine needs no token while none was made; no: always (behind a proxy)"
    )
    webhook_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="networks that are not public and yet may be sent webhooks, comma-separated (10.1.2.0/24)"
    )
    from_: str = Field(
        "",
        validation_alias=AliasChoices("from_", "SODAN_FROM"),
        description="address that mail is sent from, with or without a name; empty: no mail is sent",
    )
    smarthost: str = Field(
        "", description="where mail goes out: smtp://host:25, smtp+starttls://user@host:587 or smtps://user@host:465"
    )
    smarthost_password: str = Field("", description="password of its user")
    smarthost_password_file: Path | None = Field(None, description="file with that password")
    smarthost_token_command: str = Field(
        "", description="command that prints an OAuth2 access token for its user, used instead of a password"
    )
    acknowledge: Literal["off", "draft", "on"] = Field(
        "off", description="acknowledge reports of SODAN_ORGANISATION by mail: off, draft (write, do not send), on"
    )
    acknowledge_per_address: int = Field(
        5, ge=1, le=1000, description="automatic mails to one address within a day; more are held as drafts"
    )
    acknowledge_per_hour: int = Field(
        60, ge=1, le=100_000, description="automatic mails within an hour; more are held as drafts"
    )
    templates: Path | None = Field(None, description="folder with our own texts of outgoing mail")
    public_url: str = Field(
        "", description="where people reach the page, for links in mails: https://sodan.corp.example"
    )
    notify: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Apprise URLs, comma-separated: who is told of new P1 and P2, our turn, overdue promises"
    )
    notify_quiet: str = Field("", description="hours without notifications below P1, such as 20:00-07:30")
    triage_minutes: int = Field(30, ge=1, le=10_080, description="business minutes until an untriaged case is notified")
    digest: str = Field("", description="time of day of the daily mail to SODAN_TEAM, such as 08:30; empty: none")
    digest_language: Literal["ja", "en"] = Field("ja", description="language of the daily mail")
    remind_days: int = Field(0, ge=0, le=365, description="business days until a requester is reminded once; 0: never")
    key_file: Path | None = Field(
        None, description="file with the key of webhook secrets, made when needed; empty: beside the SQLite database"
    )
    model_url: str = Field(
        "", description="base URL of a language model's chat API, such as http://127.0.0.1:11434/v1; empty: none"
    )
    model: str = Field("", description="name of the model there")
    model_key: str = Field("", description="its key")
    model_key_file: Path | None = Field(None, description="file with its key")
    model_seconds: float = Field(60, gt=0, le=3600, description="timeout of one request to the model")
    model_concurrency: int = Field(4, ge=1, le=64, description="requests to the model at once")
    model_requests_per_day: int = Field(0, ge=0, description="requests a day (UTC) at most; 0: no bound")
    model_tokens_per_day: int = Field(0, ge=0, description="tokens a day (UTC) at most; 0: no bound")
    model_sides: Annotated[tuple[Literal["requester", "team", "vendor"], ...], NoDecode] = Field(
        ("requester", "team", "vendor"), description="whose mails are sent to the model, comma-separated"
    )
    model_max_characters: int = Field(
        20_000, ge=100, le=1_000_000, description="longest new text that is sent to the model"
    )
    model_price_in: float = Field(0, ge=0, description="price of a million tokens sent, for metrics")
    model_price_out: float = Field(0, ge=0, description="price of a million tokens received, for metrics")
    log_level: str = Field("info", description="debug, info, warning or error")

    @field_validator("smtp_listen", "http_listen", "lmtp_listen", mode="before")
    @classmethod
    def _read_listen(cls, written: Any) -> Any:
        return Listen.parse(written) if isinstance(written, str) else written

    @field_validator("intake", "team", mode="before")
    @classmethod
    def _read_addresses(cls, written: Any) -> Any:
        entries = _split(written)
        for entry in entries if isinstance(entries, tuple) else ():
            if not re.fullmatch(r"[^@\s<>\"]*@[^@\s<>\"]+", entry):
                raise ValueError(f"expected an address or @domain, not {entry!r}")
        return tuple(entry.casefold() for entry in entries) if isinstance(entries, tuple) else entries

    @field_validator("organisation", mode="before")
    @classmethod
    def _read_domains(cls, written: Any) -> Any:
        entries = _split(written)
        if not isinstance(entries, tuple):
            return entries
        domains = tuple(entry.removeprefix("@").casefold() for entry in entries)
        for domain in domains:
            if not re.fullmatch(r"[^@\s<>\"]+", domain):
                raise ValueError(f"expected a domain, not {domain!r}")
        return domains

    @field_validator("model_url")
    @classmethod
    def _model_is_a_url(cls, url: str) -> str:
        if url and not re.match(r"https?://[^/\s]+", url):
            raise ValueError("expected a URL such as http://127.0.0.1:11434/v1")
        return url.rstrip("/")

    @field_validator("notify", "model_sides", mode="before")
    @classmethod
    def _read_targets(cls, written: Any) -> Any:
        return _split(written)

    @field_validator("smarthost")
    @classmethod
    def _smarthost_is_a_url(cls, url: str) -> str:
        if url and not re.match(r"(smtp|smtps|smtp\+starttls)://[^/\s:]", url):
            raise ValueError("expected smtp://host:port, smtp+starttls://user@host:587 or smtps://user@host:465")
        return url

    @field_validator("from_")
    @classmethod
    def _from_is_an_address(cls, written: str) -> str:
        if written and not re.fullmatch(r"[^@\s<>\"]+@[^@\s<>\"]+", parseaddr(written)[1]):
            raise ValueError(
                f"expected an address such as it@corp.example or IT desk <it@corp.example>, not {written!r}"
            )
        return written

    @field_validator("notify_quiet")
    @classmethod
    def _quiet_is_a_span(cls, written: str) -> str:
        if written and not re.fullmatch(_CLOCK + "-" + _CLOCK, written):
            raise ValueError(f"expected two times of day such as 20:00-07:30, not {written!r}")
        return written

    @field_validator("digest")
    @classmethod
    def _digest_is_a_time(cls, written: str) -> str:
        if written and not re.fullmatch(_CLOCK, written):
            raise ValueError(f"expected a time of day such as 08:30, not {written!r}")
        return written

    @field_validator("templates")
    @classmethod
    def _templates_exist(cls, folder: Path | None) -> Path | None:
        if folder is not None and not folder.is_dir():
            raise ValueError(f"{folder} is not a folder")
        return folder

    @field_validator("webhook_networks", "smtp_networks", "trusted_networks", mode="before")
    @classmethod
    def _read_networks(cls, written: Any) -> Any:
        return _split(written)

    @field_validator("packs", mode="before")
    @classmethod
    def _read_folders(cls, written: Any) -> Any:
        return _split(written, ":")

    @field_validator("packs")
    @classmethod
    def _folders_exist(cls, folders: tuple[Path, ...]) -> tuple[Path, ...]:
        for folder in folders:
            if not folder.is_dir():
                raise ValueError(f"{folder} is not a folder")
        return folders

    @field_validator("site_file")
    @classmethod
    def _site_exists(cls, file: Path | None) -> Path | None:
        if file is not None and not file.is_file():
            raise ValueError(f"{file} is not a file")
        return file

    @field_validator("zone", mode="before")
    @classmethod
    def _read_zone(cls, written: Any) -> Any:
        if not isinstance(written, str):
            return written
        try:
            return ZoneInfo(written)
        except (OSError, ValueError, KeyError):  # unknown, or not a name of one at all
            raise ValueError(f"expected a time zone such as Asia/Tokyo or UTC, not {written!r}") from None

    @field_validator("case_prefix")
    @classmethod
    def _prefix_is_a_word(cls, prefix: str) -> str:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,15}", prefix):
            raise ValueError(f"expected 1 to 16 letters and digits, beginning with a letter, not {prefix!r}")
        return prefix.upper()

    @field_validator("log_level")
    @classmethod
    def _level_is_known(cls, level: str) -> str:
        if level.lower() not in ("debug", "info", "warning", "error"):
            raise ValueError(f"expected debug, info, warning or error, not {level!r}")
        return level.lower()

    @field_validator("content_store")
    @classmethod
    def _store_is_a_place(cls, place: str) -> str:
        if place == "database" or re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", place):
            return place
        if not place.removeprefix("file://").startswith("/"):
            raise ValueError(f"expected database, a folder (/var/lib/sodan/contents) or s3://bucket, not {place!r}")
        return place

    @field_validator("database_url")
    @classmethod
    def _database_is_known(cls, url: str) -> str:
        if not re.match(r"(sqlite|postgres(ql)?)(\+\w+)?://", url):
            # never repeat the URL itself: it may hold a password
            raise ValueError("expected sqlite:///path or postgresql://user:password@host/database")
        return url

    @model_validator(mode="after")
    def _model_has_a_name(self) -> Settings:
        if self.model_url and not self.model:
            raise ValueError("SODAN_MODEL: SODAN_MODEL_URL needs the name of a model")
        return self

    @model_validator(mode="before")
    @classmethod
    def _organisation_is_where_intake_is(cls, given: Any) -> Any:
        if isinstance(given, dict) and not given.get("organisation"):
            intake = _split(given.get("intake", "intake@localhost"))
            if isinstance(intake, tuple):
                domains = dict.fromkeys(str(entry).rpartition("@")[2] for entry in intake)
                given = {**given, "organisation": tuple(domain for domain in domains if domain)}
        return given

    @property
    def verdicts_configured(self) -> bool:
        """Whether anything vouches for the senders of our own mail."""
        return bool(self.authserv_id or self.trusted_networks)


def variable(field: str) -> str:
    """The environment variable of a field: ``from_`` is SODAN_FROM."""
    return f"SODAN_{field.rstrip('_').upper()}"


def covers(intake: tuple[str, ...], address: str) -> bool:
    """Whether an address is one of ``intake``, a tagged form of one (``intake+tag@``), or in a domain of it."""
    local, _, domain = address.casefold().rpartition("@")
    return bool(local) and not {f"{local.partition('+')[0]}@{domain}", f"@{domain}"}.isdisjoint(intake)


def environment(name: str) -> str:
    """A variable that another file names as the place of a secret; empty where it is not set."""
    return os.environ.get(name, "")


def misspelt() -> dict[str, str | None]:
    """The ``SODAN_*`` variables, also of ``.env``, that no setting bears, each with the nearest right one."""
    known = {variable(field) for field in Settings.model_fields} | {"SODAN_TOKEN"}  # the token: of the command line
    return {
        name: next(iter(get_close_matches(name, known, 1, 0.8)), None)
        for name in dict.fromkeys((*os.environ, *map(str.upper, DotEnvSettingsSource(Settings).env_vars)))
        if name.startswith("SODAN_") and name not in known
    }


def load(**given: Any) -> Settings:
    """Read the environment and ``.env``; what is ``given`` wins. Raises WrongSetting: one line, the variable first."""
    try:
        return Settings(**given)
    except SourceError as error:
        raise WrongSetting(f"SODAN settings: {error}".replace("\n", " ")) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        named = str(first["loc"][0]) if first["loc"] else "SODAN settings"
        name = named if named.startswith("SODAN") else variable(named)
        reason = str(first["msg"]).removeprefix("Value error, ").replace("\n", " ")
        raise WrongSetting(reason if reason.startswith("SODAN_") else f"{name}: {reason}") from None
