"""Types of settings that are parsed from text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Listen:
    """Address to listen on. Port 0: any free port."""

    host: str
    port: int

    @classmethod
    def parse(cls, written: str) -> Listen:
        """Parse ``host:port`` or ``[v6]:port``; raises ValueError."""
        found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\[\]:\s]*)):([0-9]{1,5})", written.strip())
        if not found or int(found[3]) > 65535:
            raise ValueError(f"expected host:port, such as 127.0.0.1:8025, not {written!r}")
        return cls(found[1] or found[2] or "0.0.0.0", int(found[3]))  # noqa: S104 - ":8025" asks for all of them

    @property
    def loopback(self) -> bool:
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def split(written: Any, by: str = ",") -> Any:
    if isinstance(written, str):
        return tuple(part.strip() for part in written.split(by) if part.strip())
    return written
