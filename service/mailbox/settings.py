"""Reads the file of SODAN_MAILBOXES, which lists the mailboxes. It contains no secrets (docs/mailboxes.md)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from service.mail.authentication import MICROSOFT_365
from service.settings import Settings, WrongSetting, covers, environment, first_error

VARIABLE = "SODAN_MAILBOXES"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(_Settings):
    """The file or environment variable that contains a secret. A changed secret needs no restart."""

    file: Path | None = None
    env: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_reference(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or len(value) != 1:
            raise ValueError("secrets are not written into this file: use {file: PATH} or {env: NAME}")
        return value

    def read(self) -> str:
        """Read and return the secret, without a final line end. Raises WrongSetting if it is missing."""
        if self.env is not None:
            value = environment(self.env)
            if not value:
                raise WrongSetting(f"{VARIABLE}: the environment variable {self.env} is empty; set it to the secret")
            return value
        try:
            return Path(str(self.file)).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise WrongSetting(f"{VARIABLE}: the secret in {self.file} cannot be read: {reason}") from None


class OAuth(_Settings):
    """How to get an access token by OAuth 2.0 (RFC 6749)."""

    grant: Literal["refresh_token", "client_credentials", "service_account"]
    token_url: str = ""
    client_id: str = ""
    client_secret: Secret | None = None
    certificate: Secret | None = None  # a PEM file with private key and certificate; replaces ``client_secret``
    refresh_token: Secret | None = None
    key_file: Path | None = None  # the key file (JSON) of a service account, as Google issues it
    scope: str = ""
    mechanism: Literal["XOAUTH2", "OAUTHBEARER"] | None = None
    """None: OAUTHBEARER if the server offers it, otherwise XOAUTH2."""

    @model_validator(mode="after")
    def _is_complete(self) -> OAuth:
        needed = {
            "refresh_token": ("token_url", "client_id", "refresh_token"),
            "client_credentials": ("token_url", "client_id", "scope"),
            "service_account": ("key_file", "scope"),
        }[self.grant]
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            raise ValueError(f"grant {self.grant} needs {', '.join(missing)}")
        if self.grant == "client_credentials" and not (self.client_secret or self.certificate):
            raise ValueError("grant client_credentials needs client_secret or certificate")
        return self


class Imap(_Settings):
    """An IMAP server and how to sign in."""

    host: str
    port: int | None = Field(None, ge=1, le=65535)
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    ca_file: Path | None = None
    """PEM file of the authority that signed the server's certificate; None: the authorities of the system."""
    user: str
    password: Secret | None = None
    oauth: OAuth | None = None
    timeout: float = Field(60, gt=0, le=3600)
    """Seconds without data from the server after which the connection is closed."""

    @model_validator(mode="after")
    def _signs_in_one_way(self) -> Imap:
        if (self.password is None) == (self.oauth is None):
            raise ValueError("expected either password or oauth")
        if self.tls == "none" and self.host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("tls: none is allowed only for this machine; use implicit or starttls")
        return self

    @property
    def port_or_usual(self) -> int:
        return self.port or (993 if self.tls == "implicit" else 143)


class Graph(_Settings):
    """How to reach a mailbox through Microsoft Graph, with application permissions."""

    tenant: str
    client_id: str
    client_secret: Secret | None = None
    certificate: Secret | None = None  # a PEM file with private key and certificate; replaces ``client_secret``
    mailbox: str | None = None  # user principal name or id of the mailbox; None: the address of the mailbox
    url: str = "https://graph.microsoft.com/v1.0"
    authority: str = "https://login.microsoftonline.com"
    ca_file: Path | None = None
    timeout: float = Field(60, gt=0, le=3600)

    @model_validator(mode="after")
    def _signs_in_one_way(self) -> Graph:
        if (self.client_secret is None) == (self.certificate is None):
            raise ValueError("expected either client_secret or certificate")
        for name in ("url", "authority"):
            if not getattr(self, name).startswith("https://"):
                raise ValueError(f"{name} must begin with https://")
        return self

    @property
    def oauth(self) -> OAuth:
        """How to get an access token from Microsoft Entra ID."""
        return OAuth.model_construct(
            grant="client_credentials",
            token_url=f"{self.authority.rstrip('/')}/{self.tenant}/oauth2/v2.0/token",
            client_id=self.client_id,
            client_secret=self.client_secret,
            certificate=self.certificate,
            scope=f"{'://'.join(urlsplit(self.url)[:2])}/.default",
        )


class After(_Settings):
    """What to do with a stored mail in its mailbox: nothing, set a flag, or move it. Mail is never deleted."""

    flag: str | None = None  # ``seen``, ``flagged``, or a keyword (with Graph, a category)
    move: str | None = None  # the folder to move the mail to

    @model_validator(mode="before")
    @classmethod
    def _is_single_action(cls, value: Any) -> Any:
        if value == "leave":
            return {}
        if not isinstance(value, (Mapping, After)) or (isinstance(value, Mapping) and len(value) > 1):
            raise ValueError("expected leave, {flag: seen} or {move: FOLDER}")
        return value


def _since(value: Any) -> Any:
    if value == "all":
        return None
    if isinstance(value, date):
        return value
    with contextlib.suppress(ValueError):
        return date.fromisoformat(str(value))
    raise ValueError("expected a date such as 2026-11-01 (older mail is not fetched), or all")


class Mailbox(_Settings):
    """The settings of one mailbox."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")
    address: str  # the intake address that is recorded as the recipient of its mail
    since: Annotated[datetime | date | None, BeforeValidator(_since)]
    imap: Imap | None = None
    graph: Graph | None = None
    folders: tuple[str, ...] = Field(("INBOX",), min_length=1)
    after: After = After()
    poll: float | None = Field(None, ge=1, le=3600)
    """Seconds between two polls if the server does not report new mail; None: 60 with IMAP, 10 with Graph."""
    authserv: str | None = None
    """The server whose Authentication-Results are trusted; None: Microsoft 365 with Graph, else no server."""

    @model_validator(mode="after")
    def _fits_together(self) -> Mailbox:
        if (self.imap is None) == (self.graph is None):
            raise ValueError("expected either imap or graph")
        if len(set(self.folders)) != len(self.folders):
            raise ValueError("folders: a folder is listed twice")
        if self.after.move in self.folders:
            raise ValueError(f"after: mail cannot be moved to {self.after.move}, because mail is fetched from there")
        return self

    @property
    def trusted_authserv(self) -> str:
        """The authserv-id whose Authentication-Results are trusted; empty: none."""
        return (MICROSOFT_365 if self.graph else "") if self.authserv is None else self.authserv

    @property
    def poll_seconds(self) -> float:
        return self.poll or (10 if self.graph else 60)

    def since_moment(self, settings: Settings) -> datetime | None:
        """Return the time from which mail is fetched; None: all mail. A date begins at midnight in SODAN_ZONE."""
        if self.since is None:
            return None
        if isinstance(self.since, datetime):
            moment = self.since if self.since.tzinfo else self.since.replace(tzinfo=settings.zone)
        else:
            moment = datetime.combine(self.since, time(), settings.zone)
        return moment.astimezone(UTC)


def load(settings: Settings) -> tuple[Mailbox, ...]:
    """Return the mailboxes in the file of SODAN_MAILBOXES; empty if it is not set. Raises WrongSetting."""
    file = settings.mailboxes
    if file is None:
        return ()
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise WrongSetting(f"{VARIABLE}: {file} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not UTF-8"
        raise WrongSetting(f"{VARIABLE}: {file}{place}: {problem}") from None
    sections = document.get("mailboxes") if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(sections, dict) or not sections:
        expected = "expected one key `mailboxes`, and below it each mailbox under its name"
        raise WrongSetting(f"{VARIABLE}: {file}: {expected}")
    return tuple(_mailbox(settings, file, str(name), given) for name, given in sections.items())


def _mailbox(settings: Settings, file: Path, name: str, given: Any) -> Mailbox:
    place = f"{VARIABLE}: {file}: {name}"
    if not isinstance(given, dict):
        raise WrongSetting(f"{place}: expected address, since, and imap or graph")
    try:
        mailbox = Mailbox.model_validate({**given, "name": name})
    except ValidationError as error:
        path, reason = first_error(error)
        raise WrongSetting(f"{place}{'.' if path else ''}{path}: {reason}") from None
    if not covers(settings.intake, mailbox.address):
        raise WrongSetting(f"{place}.address: {mailbox.address} is not in SODAN_INTAKE; add it there")
    return mailbox
