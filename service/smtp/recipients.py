"""Decides which recipients are accepted: intake addresses (also as ``intake+tag@``), and whole domains."""

from __future__ import annotations

from collections.abc import Iterable

POSTMASTER = "postmaster"


class Intake:
    """The addresses and domains (``@domain``) of SODAN_INTAKE; no other recipient is accepted."""

    def __init__(self, addresses: Iterable[str], hostname: str = "localhost") -> None:
        entries = [entry.casefold() for entry in addresses]
        self._domains = frozenset(_ascii(entry[1:]) for entry in entries if entry.startswith("@"))
        self._addresses = frozenset(_without_tag(entry) for entry in entries if not entry.startswith("@"))
        self._our_domains = frozenset(
            _ascii(entry.rpartition("@")[2]) for entry in (*entries, f"@{hostname.casefold()}")
        )

    def accepts(self, address: str) -> bool:
        """Return whether ``address`` is an intake address; ``intake+tag@`` is equal to ``intake@`` (RFC 5233).

        ``postmaster`` is also accepted, without a domain or with one of ours (RFC 5321 §4.5.1).
        """
        address = address.casefold()
        if address == POSTMASTER:
            return True
        local, at, domain = address.rpartition("@")
        if local == POSTMASTER and _ascii(domain) in self._our_domains:
            return True
        if not local or not at or not domain:
            return False
        return _ascii(domain) in self._domains or _without_tag(f"{local}@{domain}") in self._addresses


def _without_tag(address: str) -> str:
    local, _, domain = address.rpartition("@")
    if local.startswith('"') and local.endswith('"'):
        local = local[1:-1]
    return f"{local.partition('+')[0] or local}@{_ascii(domain)}"


def _ascii(domain: str) -> str:
    """Return a domain in its ASCII form (RFC 5890), so that both spellings of a domain are equal."""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain
