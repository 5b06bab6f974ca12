"""Which recipients are ours: the intake addresses, with plus-tags, and whole domains. Pure."""

from __future__ import annotations

from collections.abc import Iterable


class Intake:
    """The addresses of SODAN_INTAKE. Everything else is refused: we relay for nobody."""

    def __init__(self, written: Iterable[str]) -> None:
        entries = [entry.casefold() for entry in written]
        self._domains = frozenset(_ascii(entry[1:]) for entry in entries if entry.startswith("@"))
        self._addresses = frozenset(_plain(entry) for entry in entries if not entry.startswith("@"))

    def accepts(self, address: str) -> bool:
        """Whether mail to ``address`` is for us. ``intake+anything@`` counts as ``intake@`` (RFC 5233)."""
        local, at, domain = address.casefold().rpartition("@")
        if not local or not at or not domain:
            return False
        return _ascii(domain) in self._domains or _plain(f"{local}@{domain}") in self._addresses


def _plain(address: str) -> str:
    local, _, domain = address.rpartition("@")
    if local.startswith('"') and local.endswith('"'):
        local = local[1:-1]
    return f"{local.partition('+')[0] or local}@{_ascii(domain)}"


def _ascii(domain: str) -> str:
    """An internationalised domain as it stands in DNS (RFC 5890), so that both spellings are the same."""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain
