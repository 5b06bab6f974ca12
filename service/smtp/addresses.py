"""Parses the arguments of MAIL and RCPT (RFC 5321 §4.1.2), and decides on recipients.

Addresses may be in UTF-8 (RFC 6531 §3.3).

aiosmtpd allows comments, folding and missing brackets (RFC 5322). These are refused, because an address that two
servers parse differently can bypass filters.
"""

import re
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from service.settings import covers
from service.smtp.limits import DOMAIN, PATH

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
_DOT_STRING = rf"{_ATOM}(?:\.{_ATOM})*"
_QUOTED = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\U0010ffff]|\\[\x20-\x7e])*"'
# host names must not contain an underscore, but many senders use one
_LABEL = r"[A-Za-z0-9_\u0080-\U0010ffff](?:[A-Za-z0-9_\-\u0080-\U0010ffff]*[A-Za-z0-9_\u0080-\U0010ffff])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL = r"\[[\x21-\x5a\x5e-\x7e]+\]"

_PATH = re.compile(
    rf"<(?:@{_NAME}(?:,@{_NAME})*:)?(?:({_DOT_STRING}|{_QUOTED})(?:@({_NAME}|{_LITERAL}))?)?>(?: +(.*))?", re.DOTALL
)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e\u0080-\U0010ffff]+))?")

POSTMASTER = "postmaster"


def read_path(argument: str) -> tuple[str, str] | None:
    """Split ``<a@b> KEY=value`` into (address, parameters), without a source route. None if malformed."""
    match = _PATH.fullmatch(argument)
    if not match:
        return None
    local, domain, parameters = match[1], match[2], match[3] or ""
    if local is None:
        return ("<>", parameters) if argument.startswith("<>") else None
    mailbox = local if domain is None else f"{local}@{domain}"
    too_long = len(mailbox.encode("utf-8", "surrogateescape")) > PATH - 2
    return None if too_long or not _is_domain(domain or "") else (mailbox, parameters)


def _is_domain(domain: str) -> bool:
    if not domain.startswith("["):
        return len(domain.encode("utf-8", "surrogateescape")) <= DOMAIN
    try:
        if domain[1:6].upper() == "IPV6:":
            IPv6Address(domain[6:-1])
        else:
            IPv4Address(domain[1:-1])
    except AddressValueError:
        return False
    return True


def read_parameters(written: str) -> dict[str, str] | None:
    """Return ``KEY=value KEY`` as a dict of upper-case keys; None if it is malformed."""
    parameters: dict[str, str] = {}
    for written_parameter in written.split(" "):
        if not written_parameter:
            continue
        match = _PARAMETER.fullmatch(written_parameter)
        if not match or match[1].upper() in parameters:
            return None
        parameters[match[1].upper()] = match[2] or ""
    return parameters


def is_host(argument: str) -> bool:
    """Return whether HELO or EHLO has a valid host name or address literal (RFC 5321 §4.1.1.1)."""
    return len(argument) <= DOMAIN and re.fullmatch(r"[A-Za-z0-9_.:\-\[\]%]+", argument) is not None


class Intake:
    """The addresses and domains (``@domain``) of SODAN_INTAKE; no other recipient is accepted."""

    def __init__(self, addresses: Iterable[str], hostname: str = "localhost") -> None:
        self._entries = frozenset(_normalised(entry.casefold()) for entry in addresses)
        self._our_domains = {entry.rpartition("@")[2] for entry in self._entries} | {_ascii(hostname.casefold())}

    def accepts(self, address: str) -> bool:
        """Return whether ``address`` is an intake address, with or without a tag (RFC 5233).

        ``postmaster`` is also accepted, without a domain or with one of ours (RFC 5321 §4.5.1).
        """
        address = _normalised(address.casefold())
        local, _, domain = address.rpartition("@")
        is_postmaster = local == POSTMASTER and (not domain or domain in self._our_domains)
        return is_postmaster or covers(self._entries, address)


def _normalised(address: str) -> str:
    """Return an address without its tag and quotes, and with its domain in ASCII."""
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    if local.startswith('"') and local.endswith('"'):
        local = local[1:-1]
    return f"{local.partition('+')[0] or local}@{_ascii(domain)}"


def _ascii(domain: str) -> str:
    """Return a domain in ASCII (RFC 5890), so that both spellings of a domain are equal."""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain
