"""All settings: the environment variables ``SODAN_*``, read when a command starts.

The variable of a field is ``SODAN_`` and the name of the field in upper case. Validators raise ValueError with a text
that says which form is expected.
"""

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

from service.errors import Refused


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen on. Port 0 means any free port."""

    host: str
    port: int

    @classmethod
    def parse(cls, written: str) -> Self:
        """Parse ``host:port`` or ``[IPv6 address]:port``. Raises ValueError."""
        match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\[\]:\s]*)):([0-9]{1,5})", written.strip())
        if not match or int(match[3]) > 65535:
            raise ValueError(f"expected host:port, such as 127.0.0.1:8025, not {written!r}")
        return cls(match[1] or match[2] or "0.0.0.0", int(match[3]))  # noqa: S104 - ":8025" asks for all of them

    @property
    def loopback(self) -> bool:
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _listen(written: Any) -> Any:
    return Listen.parse(written) if isinstance(written, str) else written


def split(written: Any, by: str = ",") -> Any:
    if isinstance(written, str):
        return tuple(part.strip() for part in written.split(by) if part.strip())
    return written


def _existing(path: Path, kind: str, *, exists: bool) -> Path:
    if not exists:
        raise ValueError(f"{path} is not a {kind}; create it or correct the path")
    return path


def _zone(written: Any) -> Any:
    if not isinstance(written, str):
        return written
    try:
        return ZoneInfo(written)
    except (OSError, ValueError, KeyError):  # unknown zone, or an invalid name
        raise ValueError(f"expected a time zone such as Asia/Tokyo or UTC, not {written!r}") from None


def _sender(written: str) -> str:
    if written and not re.fullmatch(r"[^@\s<>\"]+@[^@\s<>\"]+", parseaddr(written)[1]):
        raise ValueError(f"expected an address such as it@corp.example or IT desk <it@corp.example>, not {written!r}")
    return written


def form(pattern: str, expected: str, *, secret: bool = False) -> AfterValidator:
    """Return a validator for an empty text or ``pattern``. ``secret``: the error does not contain the value."""

    def check(written: str) -> str:
        if written and not re.fullmatch(pattern, written):
            raise ValueError(f"expected {expected}" + ("" if secret else f", not {written!r}"))
        return written

    return AfterValidator(check)


Address = Annotated[Listen, NoDecode, BeforeValidator(_listen)]
OptionalAddress = Annotated[Listen | None, NoDecode, BeforeValidator(_listen)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]
_Address = Annotated[str, form(r"[^@\s<>\"]*@[^@\s<>\"]+", "an address or @domain"), AfterValidator(str.casefold)]
_Domain = Annotated[
    str, form(r"@?[^@\s<>\"]+", "a domain"), AfterValidator(lambda entry: entry.removeprefix("@").casefold())
]
Addresses = Annotated[tuple[_Address, ...], NoDecode, BeforeValidator(split)]
Domains = Annotated[tuple[_Domain, ...], NoDecode, BeforeValidator(split)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(split)]
Folder = Annotated[Path, AfterValidator(lambda path: _existing(path, "folder", exists=path.is_dir()))]
Folders = Annotated[tuple[Folder, ...], NoDecode, BeforeValidator(lambda written: split(written, ":"))]
File = Annotated[Path, AfterValidator(lambda path: _existing(path, "file", exists=path.is_file()))]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
Sender = Annotated[str, AfterValidator(_sender)]
_DATABASE = r"(sqlite|postgres(ql)?)(\+\w+)?://.*"
_LEVELS = "(?i)debug|info|warning|error"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_STORE = r"database|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?|(file://)?/.*"
_STORE_FORMS = "database, a folder (/var/lib/sodan/contents) or s3://bucket"
_SMARTHOST = r"(smtp|smtps|smtp\+starttls)://[^/\s:].*"
_SMARTHOST_FORMS = "smtp://host:port, smtp+starttls://user@host:587 or smtps://user@host:465"
_NEEDS = (
    ("smtp_require_tls", "smtp_tls_certificate", ""),
    ("smtp_passwords", "smtp_tls_certificate", ", because AUTH is offered only with TLS"),
    ("smtp_require_login", "smtp_passwords", ""),
)
"""(setting of the SMTP server, other setting that it needs, text of the reason)."""
Side = Literal["requester", "team", "vendor"]


class WrongSetting(Refused):
    """A setting is invalid. The text is one line that begins with the name of the variable."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="SODAN_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        arbitrary_types_allowed=True,
    )

    database_url: Annotated[
        str, form(_DATABASE, "sqlite:///path or postgresql://user:password@host/database", secret=True)
    ] = "sqlite:///var/sodan.db"
    content_store: Annotated[str, form(_STORE, _STORE_FORMS)] = "database"
    content_store_from_bytes: int = Field(262_144, ge=0)
    s3_endpoint: str = ""
    s3_region: str = ""
    s3_access_key: str = ""
    s3_secret_key: str = ""
    key_file: Path | None = None

    # processes
    workers: int = Field(1, ge=1, le=64)
    batch: int = Field(32, ge=1, le=10_000)
    mail_seconds: float = Field(10, ge=0, le=3600)
    lease_seconds: float = Field(60, gt=0, le=86400)
    watchdog: float = Field(20, ge=0, le=3600)
    stop_seconds: float = Field(20, gt=0, le=3600)
    log_level: Annotated[str, form(_LEVELS, "debug, info, warning or error"), AfterValidator(str.lower)] = "info"

    # HTTP
    http_listen: Address = Listen("127.0.0.1", 8080)
    http_rate: int = Field(1200, ge=1, le=1_000_000)
    trust_loopback: bool = True
    webhook_networks: Networks = ()

    # receiving mail
    intake: Addresses = Field(("intake@localhost",), min_length=1)
    organisation: Domains = ()
    team: Addresses = ()
    authserv_id: str = ""
    trusted_networks: Networks = ()
    mailboxes: Path | None = None
    max_hops: int = Field(100, ge=1, le=10_000)
    max_message_bytes: int = Field(36_700_160, ge=1024, le=1_000_000_000)
    max_recipients: int = Field(100, ge=1, le=100_000)
    max_waiting: int = Field(1_000_000, ge=0)
    min_free_bytes: int = Field(16_777_216, ge=0)
    sender_rate: int = Field(0, ge=0, le=1_000_000)
    network_rate: int = Field(7200, ge=0, le=10_000_000)
    hostname: str = Field("localhost", min_length=1, max_length=255)
    smtp_listen: Address = Listen("127.0.0.1", 8025)
    lmtp_listen: OptionalAddress = None
    smtp_networks: Networks = ()
    smtp_max_connections: int = Field(256, ge=1, le=100_000)
    smtp_max_connections_per_host: int = Field(128, ge=1, le=100_000)
    smtp_max_bytes_at_once: int = Field(1_073_741_824, ge=1_048_576)
    smtp_timeout: float = Field(300, gt=0, le=86400)
    smtp_bare_newlines: Literal["normalise", "refuse"] = "normalise"
    smtp_tls_certificate: Path | None = None
    smtp_tls_key: Path | None = None
    smtp_require_tls: bool = False
    smtp_passwords: Path | None = None
    smtp_require_login: bool = False

    # cases
    packs: Folders = ()
    site_file: File | None = None
    case_prefix: Annotated[
        str,
        form("[A-Za-z][A-Za-z0-9]{0,15}", "1 to 16 letters and digits, beginning with a letter"),
        AfterValidator(str.upper),
    ] = "SD"
    zone: Zone = ZoneInfo("Asia/Tokyo")
    reopen_days: int = Field(14, ge=0, le=3650)
    retention_raw_days: int = Field(0, ge=0, le=36_500)
    retention_cases_days: int = Field(0, ge=0, le=36_500)

    # outgoing mail and notifications
    from_: Sender = Field("", validation_alias=AliasChoices("from_", "SODAN_FROM"))
    smarthost: Annotated[str, form(_SMARTHOST, _SMARTHOST_FORMS, secret=True)] = ""
    smarthost_password: str = ""
    smarthost_password_file: Path | None = None
    smarthost_token_command: str = ""
    acknowledge: Literal["off", "draft", "on"] = "off"
    acknowledge_per_address: int = Field(5, ge=1, le=1000)
    acknowledge_per_hour: int = Field(60, ge=1, le=100_000)
    templates: Folder | None = None
    public_url: Annotated[str, form(r"https?://[^/\s]\S*", "a URL such as https://sodan.corp.example")] = ""
    notify: Words = ()
    notify_quiet: Annotated[str, form(f"{_CLOCK}-{_CLOCK}", "two times of day such as 20:00-07:30")] = ""
    triage_minutes: int = Field(30, ge=1, le=10_080)
    digest: Annotated[str, form(_CLOCK, "a time of day such as 08:30")] = ""
    digest_language: Literal["ja", "en"] = "ja"
    remind_days: int = Field(0, ge=0, le=365)

    # the language model
    model_url: Annotated[
        str,
        form(r"https?://[^/\s].*", "a URL such as http://127.0.0.1:11434/v1", secret=True),
        AfterValidator(lambda url: url.rstrip("/")),
    ] = ""
    model: str = ""
    model_key: str = ""
    model_key_file: Path | None = None
    model_seconds: float = Field(60, gt=0, le=3600)
    model_concurrency: int = Field(4, ge=1, le=64)
    model_requests_per_day: int = Field(0, ge=0)
    model_tokens_per_day: int = Field(0, ge=0)
    model_sides: Annotated[tuple[Side, ...], NoDecode, BeforeValidator(split)] = ("requester", "team", "vendor")
    model_max_characters: int = Field(20_000, ge=100, le=1_000_000)
    model_price_in: float = Field(0, ge=0)
    model_price_out: float = Field(0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _default_organisation(cls, given: Any) -> Any:
        if isinstance(given, dict) and not given.get("organisation"):
            intake = split(given.get("intake", "intake@localhost"))
            if isinstance(intake, tuple):
                domains = dict.fromkeys(str(entry).rpartition("@")[2] for entry in intake)
                given = {**given, "organisation": tuple(domain for domain in domains if domain)}
        return given

    @model_validator(mode="after")
    def _check_model(self) -> Self:
        if self.model_url and not self.model:
            raise ValueError("SODAN_MODEL: not set; SODAN_MODEL_URL needs the name of a model")
        return self

    def require_smtp(self) -> None:
        """Raise WrongSetting if a setting is missing that only the SMTP server needs."""
        for field, needed, reason in _NEEDS:
            if getattr(self, field) and not getattr(self, needed):
                raise WrongSetting(f"{variable(field)}: it needs {variable(needed)} too{reason}")

    @property
    def verdicts_configured(self) -> bool:
        """Whether a setting says how to verify the senders of mail from the organisation's domains."""
        return bool(self.authserv_id or self.trusted_networks)


def variable(field: str) -> str:
    """Return the environment variable of a field, such as SODAN_FROM for ``from_``."""
    return f"SODAN_{field.rstrip('_').upper()}"


def read_secret(value: str, file: Path | None, field: str) -> str:
    """Return a secret: the content of ``file`` if there is one, otherwise ``value``.

    ``field``: the name of the setting. Raises WrongSetting if the file cannot be read.
    """
    try:
        return value if file is None else file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise WrongSetting(f"{variable(field)}_FILE: {error.strerror}") from None


def covers(addresses: Collection[str], address: str) -> bool:
    """Return whether ``addresses`` has an address, the address without ``+tag``, or its domain."""
    local, _, domain = address.casefold().rpartition("@")
    accepted_forms = (f"{local}@{domain}", f"{local.partition('+')[0]}@{domain}", f"@{domain}")
    return bool(local) and any(accepted_form in addresses for accepted_form in accepted_forms)


def environment(name: str) -> str:
    """Return the value of an environment variable that is not a setting; empty if it is not set."""
    return os.environ.get(name, "")


def misspelt() -> dict[str, str | None]:
    """Return each unknown ``SODAN_*`` variable with the most similar known variable, or None."""
    known = {variable(field) for field in Settings.model_fields}
    return {
        name: next(iter(get_close_matches(name, known, 1, 0.8)), None)
        for name in dict.fromkeys((*os.environ, *map(str.upper, DotEnvSettingsSource(Settings).env_vars)))
        if name.startswith("SODAN_") and name not in known
    }


def load(**given: Any) -> Settings:
    """Return the settings from the environment and ``.env``; ``given`` overrides them. Raises WrongSetting."""
    try:
        return Settings(**given)
    except SourceError as error:
        raise WrongSetting(f"SODAN settings: {error}".replace("\n", " ")) from None
    except ValidationError as error:
        field, reason = first_error(error)
        field = field.partition(".")[0] or "SODAN settings"
        name = field if field.startswith("SODAN") else variable(field)
        raise WrongSetting(reason if reason.startswith("SODAN_") else f"{name}: {reason}") from None


def first_error(error: ValidationError) -> tuple[str, str]:
    """Return (path of the field, reason on one line) of the first error, without the value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    reason = str(first["msg"]).removeprefix("Value error, ").replace("\n", " ")
    return ".".join(map(str, first["loc"])), reason
