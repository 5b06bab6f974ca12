"""LMTP (RFC 2033): SMTP for the last step, where every recipient gets an answer of its own."""

from __future__ import annotations

from typing import Any

from aiosmtpd.smtp import syntax

from service.smtp.protocol import Protocol
from service.smtp.transaction import Fault


class Lmtp(Protocol):
    """As SMTP, with LHLO in place of HELO and EHLO, and as many replies to a content as recipients were accepted."""

    hello = "LHLO"

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, arg: str | None) -> None:
        await super().smtp_EHLO(arg)

    async def smtp_HELO(self, arg: str | None) -> None:
        raise Fault("500 5.5.1 this is LMTP: say LHLO")

    async def smtp_EHLO(self, arg: str | None) -> None:
        raise Fault("500 5.5.1 this is LMTP: say LHLO")

    def conclude(self, verdict: Any, recipients: int) -> None:
        """One reply for each recipient that RCPT accepted, in their order (RFC 2033 §4.2)."""
        for reply in [verdict] * recipients if isinstance(verdict, str) else verdict:
            self.say(reply)
