"""Words that may name a case: our case keys and number-like words of the subject and text."""

from __future__ import annotations

import re

from mailrules.vendors.case_numbers import find_matter_numbers, find_tokens

_NUMBER = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z-]{0,6}\d)[A-Za-z0-9][A-Za-z0-9-]{4,28}[A-Za-z0-9](?![A-Za-z0-9])", re.ASCII
)
_MOST_TOLD = 12


def claims_in(subject: str, prefix: str) -> tuple[int, ...]:
    found = re.finditer(rf"(?<![A-Za-z0-9-]){re.escape(prefix)}-([1-9]\d{{0,11}})(?![\d-])", subject, re.IGNORECASE)
    return tuple(dict.fromkeys(int(match[1]) for match in found))[:4]


def numbers_in(subject: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(match[0] for match in _NUMBER.finditer(subject)))[:6]


def told_in(subject: str, text: str) -> tuple[str, ...]:
    """Return words of a mail that may be a case number.

    If a vendor stated the same number, the mail refers to that case.
    """
    return find_tokens(f"{subject}\n{text[:4000]}", _MOST_TOLD)


def matter_numbers_in(subject: str, text: str) -> tuple[str, ...]:
    """Return numbers that name the matter of a mail, whoever gave them: of a case, a job, an order, an invoice."""
    return find_matter_numbers(subject, text[:4000], _MOST_TOLD)
