"""Parses the arguments of MAIL and RCPT by RFC 5321 §4.1.2, with UTF-8 as in RFC 6531 §3.3. No I/O.

This is stricter than aiosmtpd, which parses them by RFC 5322 and so allows comments, folding and missing brackets. What
two servers parse differently can be used to bypass filters.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from service.smtp.limits import DOMAIN, PATH

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
_DOT_STRING = rf"{_ATOM}(?:\.{_ATOM})*"
_QUOTED = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\U0010ffff]|\\[\x20-\x7e])*"'
# host names must not contain an underscore, but many senders use one
_LABEL = r"[A-Za-z0-9_\u0080-\U0010ffff](?:[A-Za-z0-9_\-\u0080-\U0010ffff]*[A-Za-z0-9_\u0080-\U0010ffff])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL = r"\[[\x21-\x5a\x5e-\x7e]+\]"

_PLAIN = re.compile(
    r"<([A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@"
    r"[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*)>(?: ++([!-~ ]*))?"
)
_PATH = re.compile(
    rf"<(?:@{_NAME}(?:,@{_NAME})*:)?(?:({_DOT_STRING}|{_QUOTED})(?:@({_NAME}|{_LITERAL}))?)?>(?: +(.*))?", re.DOTALL
)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e\u0080-\U0010ffff]+))?")


def read_path(argument: str) -> tuple[str, str] | None:
    """Return the mailbox and the parameters after it; the mailbox of the null path is ``<>``.

    A source route is removed (RFC 5321 appendix C). None if the argument is not a path.
    """
    plain = _PLAIN.fullmatch(argument)
    if plain:
        return (plain[1], plain[2] or "") if len(plain[1]) <= PATH - 2 else None
    found = _PATH.fullmatch(argument)
    if not found:
        return None
    local, domain, rest = found[1], found[2], found[3] or ""
    if local is None:
        return ("<>", rest) if argument.startswith("<>") else None
    mailbox = local if domain is None else f"{local}@{domain}"
    too_long = len(mailbox.encode("utf-8", "surrogateescape")) > PATH - 2
    return None if too_long or not _is_domain(domain or "") else (mailbox, rest)


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
    """Return ``KEY=value KEY`` as a dict with keys in capitals and "" for no value; None if malformed or repeated."""
    found: dict[str, str] = {}
    for word in written.split(" "):
        if not word:
            continue
        parameter = _PARAMETER.fullmatch(word)
        if not parameter or parameter[1].upper() in found:
            return None
        found[parameter[1].upper()] = parameter[2] or ""
    return found


def is_host(argument: str) -> bool:
    """Whether the argument of HELO or EHLO can be a host name or address literal (RFC 5321 §4.1.1.1).

    It is not checked further, since the name is not trusted.
    """
    return len(argument) <= DOMAIN and re.fullmatch(r"[A-Za-z0-9_.:\-\[\]%]+", argument) is not None
