"""Splits the text of a mail into new text, quoted and forwarded mails, and signature."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from itertools import pairwise
from typing import Final

from service.mail import dates, encoded, forward, identifiers, plain, quoted_history, signature, ticket_comments
from service.mail.authors import author_and_date, people
from service.mail.headers import MAX_SUBJECT
from service.mail.message import Address, Earlier, Mail, Origin
from service.mail.quoted_history import Section

LONGEST: Final = 400_000  # maximum number of characters that are split; the text beyond them belongs to the last author
_MOST_LINES: Final = 15_000
_INVISIBLE = re.compile("[\ufeff\u200b\u2060]")
_JAPANESE_HTML = re.compile(r"<(?:html|body)\b[^>]{0,400}\blang=[\"']?ja", re.I)
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_JAPANESE_HEADER = re.compile(r"(?:差出人|送信日時|宛先|件名|送信者)[ \t]*[:：]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")


def split_body(mail: Mail, text: str, html: str | None, defects: set[str]) -> Mail:
    """Return the mail with its body ``text`` split; never raises. Flowed lines (RFC 3676) must be joined already.

    ``mail``: the values of its header. ``html``: the same body as HTML, if there is one. It and the date suggest the
    time zone of dates without one (``dates.zone_of``). Codes of irregularities are added to ``defects``.
    """
    try:
        return _split(mail, text, html, defects) if text.strip() else mail
    except Exception:  # never raise: a body that cannot be split is still text
        defects.add("body-unread")
        return replace(mail, reply_text=text.strip())


def _split(mail: Mail, text: str, html: str | None, defects: set[str]) -> Mail:
    lines, beyond_limit = _lines(text)
    prefix = forward.prefix_of(mail.subject)
    splitter = quoted_history.Splitter(prefix)
    own, sections = splitter.split(lines)
    if beyond_limit or splitter.limit_reached:
        defects.add("body-cut")
    reply_lines, below_reply_line = _new_text(own, mail.from_)
    zone = dates.zone_of(_zone_language(text, html), mail.date)
    forwards, others = forward.split_forwards(sections, mail.subject, bool(reply_lines))
    quoted = [_earlier_mail(section, "quoted", zone, mail.date) for section in others if section.has_heading]
    if all(earlier.date is not None for earlier in quoted):  # newest first; otherwise in the order of the text
        quoted.sort(key=lambda earlier: earlier.date.timestamp() if earlier.date else 0.0, reverse=True)
    reply = "\n".join(reply_lines).rstrip()
    if not reply and not forwards and sections and prefix == "reply":
        reply = _text_below_own_headers(sections[0], mail.subject)
    return replace(
        mail,
        reply_text=reply if sections else reply + beyond_limit,
        quoted_text=_text_of_others(lines, own, below_reply_line) if sections or below_reply_line else "",
        forwarded=tuple(_earlier_mail(section, "forwarded", zone, mail.date, mail.subject) for section in forwards),
        history=tuple(quoted),
    )


def _lines(text: str) -> tuple[list[str], str]:
    beyond_limit = ""
    if len(text) > LONGEST:
        text, beyond_limit = text[:LONGEST], text[LONGEST:]
    text = plain.normalised(text)
    if not text.isascii():
        text = _INVISIBLE.sub("", text).replace("\u2028", "\n")
    lines = text.split("\n", _MOST_LINES)
    if len(lines) > _MOST_LINES:
        beyond_limit = lines.pop() + beyond_limit
    return lines, beyond_limit


def _new_text(own: quoted_history.Lines, author: Address | None) -> tuple[list[str], list[str]]:
    """Return (new text of one author without signature, lines below a "reply above this line")."""
    below_reply_line: list[str] = []
    if (reply_line := _reply_line(own)) is not None:
        above, below = own[:reply_line], own[reply_line + 1 :]
        if any(line and line.strip() for line in above):
            own, below_reply_line = above, [line for line in below if line is not None]
        else:
            own = below
    parts: list[list[str]] = [[]]
    for line in own:
        if line is not None:
            parts[-1].append(line)
        elif parts[-1]:
            parts.append([])
    new: list[str] = []
    for part in parts:
        if kept := signature.new_text(_single_spaced(part), author):
            new += ["", *kept] if new else kept
    return new, below_reply_line


def _single_spaced(lines: list[str]) -> list[str]:
    """Return the lines without the blank lines between the paragraphs of Outlook's HTML."""
    text_lines = [at for at, line in enumerate(lines) if line.strip()]
    gaps = [at - above - 1 for above, at in pairwise([-1, *text_lines])]
    if len(gaps) < 4 or 0 in gaps[1:] or max(gaps) <= 2:
        return lines
    spaced: list[str] = []
    for gap, at in zip(gaps, text_lines, strict=True):
        spaced += [""] * ((gap - 1) // 2) + [lines[at]]
    return spaced


def _reply_line(own: quoted_history.Lines) -> int | None:
    """Return the index of "reply above this line", or None."""
    if not ticket_comments.REPLY_LINE.search("\n".join(filter(None, own))):
        return None
    return next((at for at, line in enumerate(own) if line and ticket_comments.is_reply_line(line)), None)


def _zone_language(text: str, html: str | None) -> str:
    """Return the language if it suggests a time zone: ``ja``, ``ko`` or ``zh``; otherwise empty."""
    head = text[:20_000]
    if not head.isascii():
        if _KANA.search(head) or _JAPANESE_HEADER.search(head):
            return "ja"
        if _HANGUL.search(head):
            return "ko"
    if html is not None and _JAPANESE_HTML.search(html[:8_000]):
        return "ja"
    return "zh" if len(_HAN.findall(head, 0, 2_000)) > 8 else ""


def _earlier_mail(
    section: Section, origin: Origin, zone: tzinfo, outer_date: datetime | None, outer_subject: str = ""
) -> Earlier:
    if section.attribution is not None:
        author, date, zone_assumed = author_and_date(section.attribution.text, zone, outer_date)
        text = _text_of(section, author)
        subject = forward.base_subject(outer_subject) or None
        return Earlier(origin=origin, from_=author, subject=subject, date=date, zone_assumed=zone_assumed, text=text)
    assert section.block is not None
    values = section.block.values
    if any("=?" in value for value in values.values()):
        values = {field: encoded.decode_words(value) for field, value in values.items()}
    authors = people(values.get("from", ""))
    author = authors[0] if authors else None
    dated = dates.read(values["date"], zone, outer_date) if "date" in values else None
    return Earlier(
        origin=origin,
        from_=author,
        to=people(values.get("to", "")),
        cc=people(values.get("cc", "")),
        subject=values["subject"][:MAX_SUBJECT] if "subject" in values else None,
        date=dated[0] if dated else None,
        zone_assumed=bool(dated and dated[1]),
        text=_text_of(section, author),
        message_id=identifiers.message_id(values.get("message_id", "").encode("utf-8", "replace")),
    )


def _text_of(section: Section, author: Address | None) -> str:
    return "\n".join(_new_text(section.lines, author)[0]).rstrip()


def _text_below_own_headers(section: Section, subject: str) -> str:
    """Return the text below header lines that repeat those of this mail; otherwise ""."""
    other = section.block.subject if section.block else None
    return _text_of(section, None) if other and not forward.same_subject(subject, other) else ""


def _text_of_others(lines: Sequence[str], own: quoted_history.Lines, below_reply_line: Sequence[str]) -> str:
    """Return the text of ``lines`` without the sender's lines, then of ``below_reply_line``."""
    own_lines = (line for line in own if line is not None)
    next_own = next(own_lines, None)
    others = []
    for line in lines:
        if next_own is not None and line is next_own:
            next_own = next(own_lines, None)
        else:
            others.append(line)
    return "\n".join([*others, *below_reply_line]).strip("\n")
