"""Distinguishes forwarded from answered mails by the subject and the line above the inner mail."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from service.mail.client_phrases import FORWARD_PREFIXES, REPLY_PREFIXES
from service.mail.history import Speaker
from service.mail.word_lists import fold

_PREFIX = re.compile(r"\s*(?:\[[^\]]{1,60}\]\s*)?([^\s:：\[\]()]{1,16})\s?(?:\[\d{1,3}\]|\(\d{1,3}\))?\s?[:：]")
_TAG = re.compile(r"\[[^\]]{0,60}\]|\([^)]{0,60}\)")


def sorted_out(speakers: Sequence[Speaker], subject: str, answered: bool) -> tuple[list[Speaker], list[Speaker]]:
    """Split the earlier mails into (forwarded, outermost first; others).

    The forwarded ones end at the first mail that was answered.
    """
    forwards: list[Speaker] = []
    rest = [speaker for speaker in speakers if speaker.announced]
    around = subject
    while rest and _is_forward(rest[0], around, first=not forwards, answered=answered):
        forwards.append(rest.pop(0))
        around = (forwards[-1].block.subject if forwards[-1].block is not None else None) or ""
    return forwards, rest


def _is_forward(speaker: Speaker, around: str, first: bool, answered: bool) -> bool:
    """Whether the author of the outer mail (subject ``around``) forwarded this mail instead of answering it."""
    prefix = prefix_of(around)
    block = speaker.block
    if block is not None and block.mark == "forward":
        return True
    if prefix == "forward":
        return True
    if block is None or not first or block.is_raw:
        return False
    within = block.subject
    if prefix == "reply":
        if not answered and block.mark == "none" and not block.ruled:
            return False
        return within is not None and within != "" and not same_subject(around, within)
    return not (answered and within is not None and same_subject(around, within) and base_subject(within))


def prefix_of(subject: str) -> Literal["forward", "reply", ""]:
    """Return what the first prefix of a subject means ("RE: FW: x" is a reply); empty if there is none."""
    m = _PREFIX.match(subject[:200])
    if m is None:
        return ""
    word = fold(m[1]).rstrip(".")
    return "forward" if word in FORWARD_PREFIXES else "reply" if word in REPLY_PREFIXES else ""


def base_subject(subject: str) -> str:
    """Return the subject without reply and forward prefixes (RFC 5256 §2.1, in more languages)."""
    subject = subject[:2_000].strip()
    for _ in range(20):
        m = _PREFIX.match(subject)
        if m is None or ((word := fold(m[1]).rstrip(".")) not in FORWARD_PREFIXES and word not in REPLY_PREFIXES):
            break
        subject = subject[m.end() :].strip()
    return subject


def same_subject(one: str, other: str) -> bool:
    """Whether two subjects have the same topic: equal, or one contains the other, without prefixes and ticket tags."""
    a, b = _bare(one), _bare(other)
    return a == b or (min(len(a), len(b)) > 3 and (a in b or b in a))


def _bare(subject: str) -> str:
    base = base_subject(subject)
    untagged = "".join(c for c in fold(_TAG.sub(" ", base)) if c.isalnum())
    return untagged or "".join(c for c in fold(base) if c.isalnum())
