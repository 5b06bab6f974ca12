"""Distinguishes forwarded from answered mails, by subject and by heading."""

import re
from collections.abc import Sequence
from typing import Literal

from service.mail.client_phrases import FORWARD_PREFIXES, REPLY_PREFIXES
from service.mail.quoted_history import Section
from service.mail.word_lists import fold

_PREFIX = re.compile(r"\s*(?:\[[^\]]{1,60}\]\s*)?([^\s:：\[\]()]{1,16})\s?(?:\[\d{1,3}\]|\(\d{1,3}\))?\s?[:：]")
_TAG = re.compile(r"\[[^\]]{0,60}\]|\([^)]{0,60}\)")


def split_forwards(sections: Sequence[Section], subject: str, has_reply: bool) -> tuple[list[Section], list[Section]]:
    """Return (forwarded mails, outermost first; other mails with a heading). ``has_reply``: there is new text."""
    forwards: list[Section] = []
    others = [section for section in sections if section.has_heading]
    outer_subject = subject
    while others and _is_forward(others[0], outer_subject, first=not forwards, has_reply=has_reply):
        forward = others.pop(0)
        forwards.append(forward)
        outer_subject = (forward.block.subject if forward.block else "") or ""
    return forwards, others


def _is_forward(section: Section, outer_subject: str, first: bool, has_reply: bool) -> bool:
    """Return whether this mail was forwarded, and not answered, in the outer mail."""
    prefix = prefix_of(outer_subject)
    block = section.block
    if prefix == "forward" or (block is not None and block.separator == "forward"):
        return True
    if block is None or not first or block.is_raw:
        return False
    inner_subject = block.subject or ""
    if prefix == "reply":
        if not has_reply and block.separator == "none" and not block.ruled:
            return False
        return inner_subject != "" and not same_subject(outer_subject, inner_subject)
    return not (has_reply and same_subject(outer_subject, inner_subject) and base_subject(inner_subject))


def prefix_of(subject: str) -> Literal["forward", "reply", ""]:
    """Return the meaning of a subject's first prefix, or "". For example, "RE: FW: x" is a reply."""
    m = _PREFIX.match(subject[:200])
    if m is None:
        return ""
    word = fold(m[1]).rstrip(".")
    return "forward" if word in FORWARD_PREFIXES else "reply" if word in REPLY_PREFIXES else ""


def base_subject(subject: str) -> str:
    """Return the subject without reply and forward prefixes, in many languages (RFC 5256 §2.1)."""
    subject = subject[:2_000].strip()
    for _ in range(20):
        m = _PREFIX.match(subject)
        if m is None or not prefix_of(subject):
            break
        subject = subject[m.end() :].strip()
    return subject


def same_subject(first: str, second: str) -> bool:
    """Return whether one subject contains the other, without prefixes and ticket tags."""
    bare_first, bare_second = _bare(first), _bare(second)
    return bare_first == bare_second or (
        min(len(bare_first), len(bare_second)) > 3 and (bare_first in bare_second or bare_second in bare_first)
    )


def _bare(subject: str) -> str:
    base = base_subject(subject)
    untagged, whole = ("".join(filter(str.isalnum, fold(text))) for text in (_TAG.sub(" ", base), base))
    return untagged or whole
