"""Whether a machine wrote it, and what kind of machine (RFC 3834 and its older cousins)."""

from __future__ import annotations

from service.mail.headers import Headers
from service.mail.message import Automatic, Bounce
from service.mail.mime import Part
from service.mail.structure import Contents


def kind(root: Part, head: Headers, found: Contents, text: str, bounce: Bounce | None) -> Automatic | None:
    """``bounce`` before ``receipt`` before ``calendar`` before ``auto_reply`` before ``notification``."""
    if bounce is not None:
        return "bounce"
    return None


def submitted(root: Part, head: Headers) -> bool:
    """The headers say that a machine sent it."""
    return head.facts.get("auto-submitted", "no").casefold().startswith("auto")


def bounce(root: Part, head: Headers, found: Contents, text: str) -> Bounce | None:
    """What a delivery report says; None where the mail is none."""
    if any(k.endswith("delivery-status") for k, _ in found.reports):
        return Bounce()
    return None
