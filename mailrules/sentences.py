"""Where sentences end, and which of their words are reported of others."""

from __future__ import annotations

import re

_END_JA = re.compile(r"[。!?]+[」』)\"']*+(?!(?:と|って|の|とか|、|」))")
_END_EN = re.compile(r"[.!?]+[)\"']*(?=[ \t]+[\"'(]?[A-Z0-9#*(-])|[!?]+(?=[ \t])|;[ \t]")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:e\.g|i\.e|approx|no|nos|mr|mrs|ms|dr|vs|etc|inc|ltd|co|st|dept|ver|fig|\w)\.$", re.I
)
_TOKENS = re.compile(r'「[^「」\n]*」|\([^()\n]{0,80}\)|(?<![\w"])"[^"\n]{2,200}"(?!\w)|[。!?.;]+')
_NEXT = re.compile(r"[ \t]+[A-Z]")
_ENDS = re.compile(r"[。!?.;]")
"""A sentence may end there; most texts of one line hold none but at their end."""
_SPOKEN = re.compile(
    r"「(?P<ja>[^「」\n]{4,200})」(?=[ \t]*(?:など|等)?(?:と|って)(?:の(?:申告|連絡|声|こと|指摘|クレーム|苦情|話)"
    r"|言|い[いわ]|怒|おっしゃ|聞|お?叱|詰|迫|いう(?:申告|声|クレーム|苦情)|訴|問い詰|責))"
    r"|(?<=[\s,:])\"(?P<en>[^\"\n]{4,200})\""
    r"(?=[ ,.]*(?:he|she|they|the \w+|\w+)? ?(?:said|says|asked|told|shouted|wrote)\b)"
    r"|(?:asked|told (?:me|us)|shouted|yelled|wrote|complain(?:s|ed|ing)"
    r"|(?:he|she|they|customers?|users?|clients?|boss|manager|director|colleagues?) (?:said|says?))"
    r"[:,]? \"(?P<en2>[^\"\n]{4,200})\"",
    re.I,
)


def sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a paragraph are: to 。!? of Japanese, a full stop before a capital; not in quotes."""
    bare = text.strip()
    head = bare.rstrip("。!?")
    if _ENDS.search(head if head != bare else bare.rstrip(".;")) is None:
        start = len(text) - len(text.lstrip())
        return [(start, start + len(bare))] if bare else []
    return _several(text)


def _several(text: str) -> list[tuple[int, int]]:
    cuts: list[int] = []
    depth_end = 0
    for match in _TOKENS.finditer(text):
        token = match.group()
        if token[0] in "「(":
            continue
        if token[0] == '"':
            if token[-2] in ".!?" and _NEXT.match(text, match.end()):
                cuts.append(match.end())
            continue
        if match.start() < depth_end:
            continue
        ja = _END_JA.match(text, match.start())
        if ja and (token[0] == "。" or not text[match.start() - 1 : match.start()].isascii()):
            cuts.append(ja.end())
            continue
        en = _END_EN.match(text, match.start())
        if en and not _ABBREVIATION.search(text[max(0, match.start() - 8) : match.start() + 1]):
            cuts.append(en.end())
    spans: list[tuple[int, int]] = []
    low = 0
    for cut in [*cuts, len(text)]:
        start = low + len(text[low:cut]) - len(text[low:cut].lstrip())
        end = low + len(text[low:cut].rstrip())
        if end > start:
            spans.append((start, end))
        low = cut
    return spans


def without_speech(text: str, low: int, high: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The sentence without what it reports of others, and that."""
    spoken: list[tuple[int, int]] = []
    if "「" not in text and '"' not in text:
        return [(low, high)], spoken
    for match in _SPOKEN.finditer(text, low, high):
        name = match.lastgroup or "ja"
        spoken.append(match.span(name))
    own: list[tuple[int, int]] = []
    at = low
    for start, end in spoken:
        own.append((at, start))
        at = end
    own.append((at, high))
    return own, spoken
