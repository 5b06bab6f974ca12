"""Settings for outgoing mail, notifications, webhooks, and the language model."""

from __future__ import annotations

import re
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"


class SendingSettings(BaseSettings):
    """Settings for outgoing mail, notifications, webhooks, and the language model."""

    webhook_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="private networks that webhooks may be sent to, comma-separated (10.1.2.0/24)"
    )
    from_: str = Field(
        "",
        validation_alias=AliasChoices("from_", "SODAN_FROM"),
        description="sender address of outgoing mail, with or without a name; empty: no mail is sent",
    )
    smarthost: str = Field(
        "", description="outgoing mail server: smtp://host:25, smtp+starttls://user@host:587 or smtps://user@host:465"
    )
    smarthost_password: str = Field("", description="password for SODAN_SMARTHOST")
    smarthost_password_file: Path | None = Field(None, description="file with the password for SODAN_SMARTHOST")
    smarthost_token_command: str = Field(
        "", description="command that prints an OAuth2 access token for SODAN_SMARTHOST, used instead of a password"
    )
    acknowledge: Literal["off", "draft", "on"] = Field(
        "off", description="acknowledge reports from SODAN_ORGANISATION by mail: off, draft (write, do not send), on"
    )
    acknowledge_per_address: int = Field(
        5, ge=1, le=1000, description="automatic mails per address and day; more acknowledgements are held as drafts"
    )
    acknowledge_per_hour: int = Field(
        60, ge=1, le=100_000, description="automatic mails per hour; more acknowledgements are held as drafts"
    )
    templates: Path | None = Field(None, description="folder with your own texts of outgoing mail")
    public_url: str = Field("", description="URL of the page for links in mails: https://sodan.corp.example")
    notify: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Apprise URLs, comma-separated: where notifications are sent"
    )
    notify_quiet: str = Field("", description="quiet hours without notifications below P1, such as 20:00-07:30")
    triage_minutes: int = Field(
        30, ge=1, le=10_080, description="business minutes until a notification about a case that still needs triage"
    )
    digest: str = Field("", description="time of day of the daily mail to SODAN_TEAM, such as 08:30; empty: none")
    digest_language: Literal["ja", "en"] = Field("ja", description="language of the daily mail")
    remind_days: int = Field(
        0, ge=0, le=365, description="business days without an answer until a requester is reminded once; 0: never"
    )
    key_file: Path | None = Field(
        None,
        description="file with the key for stored secrets, created if missing; empty: beside the SQLite database",
    )
    model_url: str = Field(
        "", description="base URL of a language model's chat API, such as http://127.0.0.1:11434/v1; empty: none"
    )
    model: str = Field("", description="name of the model at SODAN_MODEL_URL")
    model_key: str = Field("", description="API key for SODAN_MODEL_URL")
    model_key_file: Path | None = Field(None, description="file with the API key for SODAN_MODEL_URL")
    model_seconds: float = Field(60, gt=0, le=3600, description="timeout of one request to the model, in seconds")
    model_concurrency: int = Field(4, ge=1, le=64, description="maximum number of simultaneous requests to the model")
    model_requests_per_day: int = Field(0, ge=0, description="maximum requests per day (UTC); 0: no limit")
    model_tokens_per_day: int = Field(0, ge=0, description="maximum tokens per day (UTC); 0: no limit")
    model_sides: Annotated[tuple[Literal["requester", "team", "vendor"], ...], NoDecode] = Field(
        ("requester", "team", "vendor"), description="whose mails are sent to the model, comma-separated"
    )
    model_max_characters: int = Field(
        20_000, ge=100, le=1_000_000, description="maximum length of the new text of a mail that is sent to the model"
    )
    model_price_in: float = Field(0, ge=0, description="price of a million tokens sent, for metrics")
    model_price_out: float = Field(0, ge=0, description="price of a million tokens received, for metrics")

    @field_validator("model_url")
    @classmethod
    def _model_is_a_url(cls, url: str) -> str:
        if url and not re.match(r"https?://[^/\s]+", url):
            raise ValueError("expected a URL such as http://127.0.0.1:11434/v1")
        return url.rstrip("/")

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
            raise ValueError(f"{folder} is not a folder; create it or correct the path")
        return folder
