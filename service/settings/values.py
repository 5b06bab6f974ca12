"""Types of settings. Their validators parse and check text, and raise ValueError that says which form is expected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen on. Port 0 means any free port."""

    host: str
    port: int

    @classmethod
    def parse(cls, written: str) -> Listen:
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


def _address(entry: str) -> str:
    if not re.fullmatch(r"[^@\s<>\"]*@[^@\s<>\"]+", entry):
        raise ValueError(f"expected an address or @domain, not {entry!r}")
    return entry.casefold()


def _domain(entry: str) -> str:
    domain = entry.removeprefix("@").casefold()
    if not re.fullmatch(r"[^@\s<>\"]+", domain):
        raise ValueError(f"expected a domain, not {domain!r}")
    return domain


def _folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; create it or correct the path")
    return folder


def _file(file: Path) -> Path:
    if not file.is_file():
        raise ValueError(f"{file} is not a file; create it or correct the path")
    return file


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
    """Return a validator that accepts an empty text or one that matches ``pattern``.

    ``expected``: the form in the error. ``secret``: the error does not contain the value.
    """

    def check(written: str) -> str:
        if written and not re.fullmatch(pattern, written):
            raise ValueError(f"expected {expected}" + ("" if secret else f", not {written!r}"))
        return written

    return AfterValidator(check)


Address = Annotated[Listen, NoDecode, BeforeValidator(_listen)]
OptionalAddress = Annotated[Listen | None, NoDecode, BeforeValidator(_listen)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]
Addresses = Annotated[tuple[Annotated[str, AfterValidator(_address)], ...], NoDecode, BeforeValidator(split)]
Domains = Annotated[tuple[Annotated[str, AfterValidator(_domain)], ...], NoDecode, BeforeValidator(split)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(split)]
Folder = Annotated[Path, AfterValidator(_folder)]
Folders = Annotated[tuple[Folder, ...], NoDecode, BeforeValidator(lambda written: split(written, ":"))]
File = Annotated[Path, AfterValidator(_file)]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
Sender = Annotated[str, AfterValidator(_sender)]
