"""Splits the text of a mail into new text, quoted mails, forwarded mails and signature.

``read_body`` is pure, takes time linear in the text, and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from service.mail import dates, encoded, forward, history, identifiers, signature, ticket_comments
from service.mail.headers import MAX_SUBJECT
from service.mail.history import Speaker
from service.mail.message import Earlier, Origin
from service.mail.writer import people, who_and_when

LONGEST: Final = 400_000
"""Maximum number of characters that are split; the rest stays text of the last author."""
_MOST_LINES: Final = 15_000
_INVISIBLE = re.compile("[\ufeff\u200b\u2060]")
_JAPANESE_HTML = re.compile(r"<(?:html|body)\b[^>]{0,400}\blang=[\"']?ja", re.I)
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_JAPANESE_HEADER = re.compile(r"(?:差出人|送信日時|宛先|件名|送信者)[ \t]*[:：]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")


@dataclass(frozen=True, slots=True)
class Body:
    """The parts of a body. ``forwarded`` is outermost first, ``history`` newest first."""

    text: str = ""
    reply_text: str = ""
    quoted_text: str = ""
    intro: str = ""
    signature: str = ""
    forwarded: tuple[Earlier, ...] = ()
    history: tuple[Earlier, ...] = ()
    defects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Around:
    """Facts about the outer mail: the time zone for dates that state none, and its own date."""

    zone: tzinfo
    written: datetime | None
    ticketed: bool
    """Whether the body contains "reply above this line"."""


def read_body(text: str, html: str | None, *, subject: str, date: datetime | None) -> Body:
    """Split ``text``; never raises.

    ``html`` is the same body as HTML, if the mail has it: its language suggests a time zone. ``date`` is the mail's
    Date; header blocks without a zone are read in its offset (see ``dates.zone_of``). The soft line breaks of
    flowed text must be joined already (RFC 3676).
    """
    if not text.strip():
        return Body(text=text)
    try:
        return _read(text, html, subject, date)
    except Exception:  # this module promises not to raise: a body that cannot be split is still text
        return Body(text=text, reply_text=text.strip(), defects=("body-unread",))


def _read(text: str, html: str | None, subject: str, date: datetime | None) -> Body:
    lines, rest = _lines(text)
    walk = history.Walk(forward.prefix_of(subject))
    own, speakers = walk.take_apart(lines)
    ticketed = ticket_comments.may_hold_reply_line(text[:LONGEST])
    reply_lines, signed, beyond = _new_text(own, ticketed)
    around_it = _Around(dates.zone_of(_spoken(text, html), date), date, ticketed)
    forwards, others = forward.sorted_out(speakers, subject, bool(reply_lines))
    forwarded = tuple(_earlier(speaker, "forwarded", around_it, subject) for speaker in forwards)
    history_ = _newest_first([_earlier(speaker, "quoted", around_it, "") for speaker in others if speaker.announced])
    reply = "\n".join(reply_lines).rstrip()
    if not reply and not forwarded and speakers and forward.prefix_of(subject) == "reply":
        reply = _below_headers(speakers, subject)
    if rest and not speakers:
        reply += rest
    return Body(
        text=text,
        reply_text=reply,
        quoted_text=_quoted(lines, own, beyond) if speakers or beyond else "",
        intro=reply if forwarded else "",
        signature="\n".join(signed).strip(),
        forwarded=forwarded,
        history=tuple(history_),
        defects=("body-cut",) if rest or walk.cut else (),
    )


def _lines(text: str) -> tuple[list[str], str]:
    rest = ""
    if len(text) > LONGEST:
        text, rest = text[:LONGEST], text[LONGEST:]
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = _INVISIBLE.sub("", text).replace("\u2028", "\n")
    lines = text.split("\n", _MOST_LINES)
    if len(lines) > _MOST_LINES:
        rest = lines.pop() + rest
    return lines, rest


def _new_text(own: history.Lines, ticketed: bool = False) -> tuple[list[str], list[str], list[str]]:
    """Split an author's lines into (new lines, signature lines, lines below a "reply above this line")."""
    beyond: list[str] = []
    if ticketed and (cut := _reply_line(own)) is not None:
        above, below = own[:cut], own[cut + 1 :]
        if any(line and line.strip() for line in above):
            own, beyond = above, [line for line in below if line is not None]
        else:
            own = below
    parts: list[list[str]] = [[]]
    for line in own:
        if line is not None:
            parts[-1].append(line)
        elif parts[-1]:
            parts.append([])
    new: list[str] = []
    signed: list[str] = []
    for part in parts:
        kept, off = signature.split(_single_spaced(part))
        signed += off
        if kept:
            new += ["", *kept] if new else kept
    return new, signed, beyond


def _single_spaced(lines: list[str]) -> list[str]:
    """Return the lines without the blank line that Outlook's HTML puts after every line (each is a paragraph)."""
    gap = gaps = wide = 0
    for line in lines:
        if not line.strip():
            gap += 1
        elif gap or not gaps:
            gaps += 1
            wide += gap > 2
            gap = 0
        else:
            return lines
    if gaps < 4 or not wide:
        return lines
    spaced: list[str] = []
    gap = 0
    for line in lines:
        if line.strip():
            spaced += [""] * ((gap - 1) // 2) + [line]
            gap = 0
        else:
            gap += 1
    return spaced


def _reply_line(own: history.Lines) -> int | None:
    """Return the index of the "reply above this line"; None if there is none. Only the first 200 candidates are
    checked."""
    looks = 200
    for at, line in enumerate(own):
        if line is not None and ticket_comments.may_hold_reply_line(line):
            looks -= 1
            if ticket_comments.is_reply_line(line):
                return at
            if not looks:
                break
    return None


def _spoken(text: str, html: str | None) -> str:
    """Return the language that suggests a time zone: by the letters, otherwise by the HTML; empty if unknown."""
    head = text[:20_000]
    if head.isascii():
        return "ja" if html is not None and _JAPANESE_HTML.search(html[:8_000]) else ""
    if _KANA.search(head) or _JAPANESE_HEADER.search(head):
        return "ja"
    if _HANGUL.search(head):
        return "ko"
    if html is not None and _JAPANESE_HTML.search(html[:8_000]):
        return "ja"
    return "zh" if len(_HAN.findall(head, 0, 2_000)) > 8 else ""


def _earlier(speaker: Speaker, origin: Origin, around_it: _Around, around: str) -> Earlier:
    text = "\n".join(_new_text(speaker.lines, around_it.ticketed)[0]).rstrip()
    if speaker.said is not None:
        who, when, assumed = who_and_when(speaker.said.text, around_it.zone, around_it.written)
        subject = forward.base_subject(around) or None if origin == "forwarded" else None
        return Earlier(origin=origin, from_=who, subject=subject, date=when, zone_assumed=assumed, text=text)
    assert speaker.block is not None
    values = speaker.block.values
    if any("=?" in value for value in values.values()):
        values = {field: encoded.words(value) for field, value in values.items()}
    writers = people(values.get("from", ""))
    found = dates.read(values["date"], around_it.zone, around_it.written) if "date" in values else None
    return Earlier(
        origin=origin,
        from_=writers[0] if writers else None,
        to=people(values.get("to", "")),
        cc=people(values.get("cc", "")),
        subject=values["subject"][:MAX_SUBJECT] if "subject" in values else None,
        date=found[0] if found else None,
        zone_assumed=bool(found and found[1]),
        text=text,
        message_id=identifiers.message_id(values.get("message_id", "").encode("utf-8", "replace")),
    )


def _newest_first(found: list[Earlier]) -> list[Earlier]:
    """Sort by date if every mail has one; otherwise keep the order of the text."""
    if all(earlier.date is not None for earlier in found):
        return sorted(found, key=lambda earlier: earlier.date.timestamp() if earlier.date else 0.0, reverse=True)
    return found


def _below_headers(speakers: Sequence[Speaker], subject: str) -> str:
    """Return the text below header lines that open a body, if they belong to no mail that this one answers; otherwise
    "".

    Some systems write a mail's own header lines above its text. A reply is not empty, so that text is the reply.
    """
    first = speakers[0]
    if first.block is None or not first.block.subject or forward.same_subject(subject, first.block.subject):
        return ""
    return "\n".join(_new_text(first.lines)[0]).rstrip()


def _quoted(lines: Sequence[str], own: history.Lines, beyond: Sequence[str]) -> str:
    """Return the lines that are not the sender's own, in order."""
    mine = iter([line for line in own if line is not None])
    next_mine = next(mine, None)
    left = []
    for line in lines:
        if next_mine is not None and line is next_mine:
            next_mine = next(mine, None)
        else:
            left.append(line)
    return "\n".join([*left, *beyond]).strip("\n")
