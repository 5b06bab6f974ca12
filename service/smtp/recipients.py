"""Decides which recipients are accepted: the intake addresses, with plus-tags, and whole domains. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

POSTMASTER = "postmaster"


class Intake:
    """The addresses of SODAN_INTAKE. Everything else is refused: sodan is not a relay."""

    def __init__(self, written: Iterable[str], hostname: str = "localhost") -> None:
        entries = [entry.casefold() for entry in written]
        self._domains = frozenset(_ascii(entry[1:]) for entry in entries if entry.startswith("@"))
        self._addresses = frozenset(_plain(entry) for entry in entries if not entry.startswith("@"))
        self._ours = frozenset(_ascii(entry.rpartition("@")[2]) for entry in (*entries, f"@{hostname.casefold()}"))

    def accepts(self, address: str) -> bool:
        """Whether ``address`` is an intake address. ``intake+anything@`` counts as ``intake@`` (RFC 5233).

        ``postmaster`` is accepted without a domain or with one of ours (RFC 5321 §4.5.1).
        """
        address = address.casefold()
        if address == POSTMASTER:
            return True
        local, at, domain = address.rpartition("@")
        if local == POSTMASTER and _ascii(domain) in self._ours:
            return True
        if not local or not at or not domain:
            return False
        return _ascii(domain) in self._domains or _plain(f"{local}@{domain}") in self._addresses


def _plain(address: str) -> str:
    local, _, domain = address.rpartition("@")
    if local.startswith('"') and local.endswith('"'):
        local = local[1:-1]
    return f"{local.partition('+')[0] or local}@{_ascii(domain)}"


def _ascii(domain: str) -> str:
    """Return an internationalised domain in its DNS form (RFC 5890), so that both spellings are equal."""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain
