"""LMTP (RFC 2033): SMTP for final delivery, with one reply per recipient."""

from __future__ import annotations

from typing import Any

from aiosmtpd.smtp import syntax

from service.smtp.protocol import Protocol
from service.smtp.transaction import Fault


class Lmtp(Protocol):
    """SMTP with LHLO instead of HELO and EHLO, and one reply to a message for each accepted recipient."""

    hello = "LHLO"

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, arg: str | None) -> None:
        await super().smtp_EHLO(arg)

    async def smtp_HELO(self, arg: str | None) -> None:
        raise Fault("500 5.5.1 this is LMTP: send LHLO")

    async def smtp_EHLO(self, arg: str | None) -> None:
        raise Fault("500 5.5.1 this is LMTP: send LHLO")

    def conclude(self, verdict: Any, recipients: int) -> None:
        """Send one reply per recipient accepted by RCPT, in their order (RFC 2033 §4.2)."""
        for reply in [verdict] * recipients if isinstance(verdict, str) else verdict:
            self.say(reply)
