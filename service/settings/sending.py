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
            raise ValueError(f"{folder} is not a folder")
        return folder
