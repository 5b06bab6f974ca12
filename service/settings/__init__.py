"""All SODAN_* variables, read once when a command starts. An invalid value ends the command with one line."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import DotEnvSettingsSource, NoDecode, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

from service.errors import Refused
from service.settings.cases import CasePolicy
from service.settings.receiving import ReceivingSettings
from service.settings.sending import SendingSettings
from service.settings.values import Listen as Listen
from service.settings.values import split


class WrongSetting(Refused):
    """An invalid setting: one line that begins with the name of the variable."""


class Settings(ReceivingSettings, CasePolicy, SendingSettings):
    """All settings. The environment variable of a field is its name in upper case after ``SODAN_``."""

    model_config = SettingsConfigDict(
        env_prefix="SODAN_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        arbitrary_types_allowed=True,
    )

    database_url: str = Field("sqlite:///var/sodan.db", description="database URL: SQLite or PostgreSQL")
    http_listen: Annotated[Listen, NoDecode] = Field(
        Listen("127.0.0.1", 8080), description="host:port of the HTTP listener"
    )
    content_store: str = Field(
        "database", description="where large raw mails are stored: database, a folder, or s3://bucket/prefix"
    )
    content_store_from_bytes: int = Field(
        262_144, ge=0, description="minimum size of the mails stored there; smaller ones stay in the database"
    )
    s3_endpoint: str = Field("", description="URL of an S3-compatible store; empty: AWS")
    s3_region: str = Field("", description="region of the S3 store, if it has regions")
    s3_access_key: str = Field("", description="access key of the S3 store; empty: the role of the machine")
    s3_secret_key: str = Field("", description="secret key of the S3 store")
    workers: int = Field(1, ge=1, le=64, description="number of worker processes of `sodan serve`")
    batch: int = Field(
        128, ge=1, le=10_000, description="maximum number of mails that a worker processes in one transaction"
    )
    mail_seconds: float = Field(
        10,
        ge=0,
        le=3600,
        description="CPU seconds for parsing one mail; of a slower one only the beginning is read; 0: no limit",
    )
    lease_seconds: float = Field(
        60, gt=0, le=86400, description="seconds until the mails of a worker that does not respond go to another worker"
    )
    watchdog: float = Field(
        20,
        ge=0,
        le=3600,
        description="seconds between health checks; a process that fails three in a row is killed; 0: off",
    )
    stop_seconds: float = Field(20, gt=0, le=3600, description="maximum seconds for a graceful stop")
    http_rate: int = Field(1200, ge=1, le=1_000_000, description="HTTP requests per minute and token; above: 429")
    trust_loopback: bool = Field(
        True,
        description="local HTTP needs no token until the first token exists; no: always needs one (behind a proxy)",
    )
    log_level: str = Field("info", description="debug, info, warning or error")

    @field_validator("smtp_listen", "http_listen", "lmtp_listen", mode="before")
    @classmethod
    def _read_listen(cls, written: Any) -> Any:
        return Listen.parse(written) if isinstance(written, str) else written

    @field_validator("intake", "team", mode="before")
    @classmethod
    def _read_addresses(cls, written: Any) -> Any:
        entries = split(written)
        for entry in entries if isinstance(entries, tuple) else ():
            if not re.fullmatch(r"[^@\s<>\"]*@[^@\s<>\"]+", entry):
                raise ValueError(f"expected an address or @domain, not {entry!r}")
        return tuple(entry.casefold() for entry in entries) if isinstance(entries, tuple) else entries

    @field_validator("organisation", mode="before")
    @classmethod
    def _read_domains(cls, written: Any) -> Any:
        entries = split(written)
        if not isinstance(entries, tuple):
            return entries
        domains = tuple(entry.removeprefix("@").casefold() for entry in entries)
        for domain in domains:
            if not re.fullmatch(r"[^@\s<>\"]+", domain):
                raise ValueError(f"expected a domain, not {domain!r}")
        return domains

    @field_validator("notify", "model_sides", mode="before")
    @classmethod
    def _read_targets(cls, written: Any) -> Any:
        return split(written)

    @field_validator("webhook_networks", "smtp_networks", "trusted_networks", mode="before")
    @classmethod
    def _read_networks(cls, written: Any) -> Any:
        return split(written)

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
            # do not repeat the URL: it may contain a password
            raise ValueError("expected sqlite:///path or postgresql://user:password@host/database")
        return url

    @model_validator(mode="after")
    def _model_has_a_name(self) -> Settings:
        if self.model_url and not self.model:
            raise ValueError("SODAN_MODEL: not set; SODAN_MODEL_URL needs the name of a model")
        return self

    @model_validator(mode="before")
    @classmethod
    def _organisation_is_where_intake_is(cls, given: Any) -> Any:
        if isinstance(given, dict) and not given.get("organisation"):
            intake = split(given.get("intake", "intake@localhost"))
            if isinstance(intake, tuple):
                domains = dict.fromkeys(str(entry).rpartition("@")[2] for entry in intake)
                given = {**given, "organisation": tuple(domain for domain in domains if domain)}
        return given

    @property
    def verdicts_configured(self) -> bool:
        """Whether anything is configured that verifies senders of the organisation's own mail."""
        return bool(self.authserv_id or self.trusted_networks)


def variable(field: str) -> str:
    """Return the environment variable of a field: ``from_`` is SODAN_FROM."""
    return f"SODAN_{field.rstrip('_').upper()}"


def covers(intake: tuple[str, ...], address: str) -> bool:
    """Whether an address is in ``intake``, also with a tag (``intake+tag@``) or by its domain."""
    local, _, domain = address.casefold().rpartition("@")
    return bool(local) and not {f"{local.partition('+')[0]}@{domain}", f"@{domain}"}.isdisjoint(intake)


def environment(name: str) -> str:
    """Return a variable that a configuration file names for a secret; empty if it is not set."""
    return os.environ.get(name, "")


def misspelt() -> dict[str, str | None]:
    """Return each unknown ``SODAN_*`` variable, also of ``.env``, with the most similar known one or None."""
    known = {variable(field) for field in Settings.model_fields} | {"SODAN_TOKEN"}  # used by the command line
    return {
        name: next(iter(get_close_matches(name, known, 1, 0.8)), None)
        for name in dict.fromkeys((*os.environ, *map(str.upper, DotEnvSettingsSource(Settings).env_vars)))
        if name.startswith("SODAN_") and name not in known
    }


def load(**given: Any) -> Settings:
    """Read the environment and ``.env``; ``given`` takes precedence. Raises WrongSetting."""
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
