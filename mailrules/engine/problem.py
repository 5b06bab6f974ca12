"""The problem statement of a case, and the sentence that describes the problem."""

import re
from collections.abc import Sequence

from mailrules.engine.mails import OF_EARLIER, SENTENCE, ConcludedMail, opens, ours
from mailrules.fold import fold, lower
from mailrules.judgement import Problem, Reading
from mailrules.thread import RuleInput, Thread

_LONGEST = 400
_MOST_TOLD = 200  # maximum number of different texts with which a vendor's proposal is compared
_WHO = ("item.requester", "item.contact")  # items that say who is concerned, not what the problem is
_MATTER = (
    "item.symptom", "item.change_target", "item.question", "item.error_message", "act.report",
    "impact.high", "impact.medium", "item.business_impact",
)  # fmt: skip
"""Meanings whose text describes the problem, most informative first."""
_GREETING = re.compile(
    r"\s*(?:お疲れ|おつかれ|(?:いつも|平素)?(?:より)?(?:大変)?お世話|おはよう|こんにち|こんばん|はじめまして|初めまして"
    r"|(?:いつも|平素)[^。\n]{0,60}(?:ありがとう|有難う|有り難う|御礼|お礼)"
    r"|(?:hi|hello|dear|good (?:morning|afternoon|evening|day))\b)",
    re.IGNORECASE,
)
# The rest of a greeting: the name, and the mark after it.
_AFTER_GREETING = re.compile(r"^[^,、.!]*[,、.!]?\s*")
_ADDRESSEE = re.compile(r"[^\n。、,]{1,40}(?:様|さま|殿|御中|各位)[、,]?")
# Addressees and greetings before a sentence: "Dear Acme, …", "星商事御中 …". お客様 and 仕様 are no addressees.
_OPENING = re.compile(
    r"(?:[^\n。、,はがにをへでとも]{1,30}(?<!お客)(?<!患者)(?<!利用者)(?<!会員)(?<![同模多仕一異神])"
    r"(?:様|さま|さん|殿|御中|各位)(?:[、,\s]+)"
    r"|(?i:hi|hello|dear|good (?:morning|afternoon|evening|day))"
    r"(?:\s+(?:[A-Z][\w.'-]*|&|(?i:all|and|both|colleagues|everybody|everyone|folks|sir|support|team|there)\b)){0,5}"
    r"\s*[,!:]\s+){1,2}(?=\S)"
)
_SAYS = 16  # minimum width of an informative sentence, in half-width columns; greetings and names are shorter
_SHARED = 0.25  # two texts with a smaller share of common words (of the shorter text) are about different things
_FEWEST = 3  # texts with fewer words than this are not compared
_WORDS = re.compile(r"[a-z0-9][a-z0-9_.-]*[a-z0-9]")
_KATAKANA = re.compile(r"[\u30a1-\u30fa\u30fc]{2,}")
_KANJI = re.compile(r"[\u3400-\u9fff]")
_JAPANESE = re.compile(r"[\u3041-\u30fa\u3400-\u9fff]")
_STEM = 5  # English words are compared by their first letters, so that "delay" equals "delayed"
_SAYS_NOTHING = frozenset("件問題事象発生確認対応調査原因特定範囲目的定義解決状況場合際時分間方法以上下記本当該旨様的")
_EMPTY = frozenset(
    "the a an and or of to in on at for from with by as is are was were be been it its this that these those we you "
    "our your they not no if when while will would can could should may might do does did has have had case issue "
    "problem scope goal resolved solved consider question request support customer please only also more than there "
    "which what how why".split()
)


def problem_of(concluded: Sequence[ConcludedMail]) -> Problem:
    """Return the vendor's last problem statement, or our side's description if there is none.

    The team's first inquiry to a vendor replaces a user's report.
    """
    statements: list[tuple[str, str]] = []
    told: dict[str, None] = {}
    drift = inquired = False
    for one in concluded:
        turn = one.turn
        if one.offered:
            said = " ".join(dict.fromkeys(hit.statement.quote for hit in one.offered))[:_LONGEST]
            drift = drift or (bool(told) and _apart(said, "\n".join(told)))
            statements.append((said, turn.id))
            _tell(told, said)
        elif one.described and (not statements or (not inquired and _inquires(turn))):
            statements[:] = [(one.described[0].statement.quote[:_LONGEST], turn.id)]
            inquired = inquired or _inquires(turn)
        if ours(turn):
            items = (s.quote for s in one.reading.statements if s.meaning.startswith("item.") and s.meaning not in _WHO)
            _tell(told, turn.subject, *items)
    if not statements:
        first = next((one for one in concluded if one.turn.subject), None)
        if first is None:
            return Problem()
        begins = first.turn.begins and not first.turn.subject_is_new  # the subject is about the earlier matter
        own = excerpt_of((first.turn,), (first.reading,)) if begins else ""
        return Problem(own or first.turn.subject, 1, False, first.turn.id)
    return Problem(statements[-1][0], len(statements), drift, statements[-1][1])


def _tell(told: dict[str, None], *texts: str) -> None:
    """Add texts, up to a maximum, because each problem statement of the vendor is compared with all of them."""
    for text in texts:
        if len(told) < _MOST_TOLD:
            told.setdefault(text)


def excerpt_of(thread: Thread, readings: Sequence[Reading]) -> str:
    """Return the sentence that describes the problem, from the first mail that has one.

    Mail of our side is searched first. If no statement quotes such a sentence, the first informative sentence is
    returned. A greeting or urgent wording does not describe a problem.
    """
    pairs = sorted(zip(thread, readings, strict=True), key=lambda pair: not ours(pair[0]))
    first = ""
    for turn, reading in pairs:
        urgent = {s.quote for s in reading.statements if s.meaning == "heard"}
        for meaning in _MATTER:
            quotes = [s.quote for s in reading.statements if s.meaning == meaning and s.quote and s.start >= 0]
            found = next((quote for quote in quotes if quote not in urgent and not _greets(quote)), None)
            if found is not None:
                return found[:_LONGEST]
        sentences = [told for match in SENTENCE.finditer(turn.text[:4000]) if (told := match.group().strip())]
        first = first or next(iter(sentences), "")
        earlier = {s.quote for s in reading.statements if turn.begins and s.meaning in OF_EARLIER}
        without_greetings = [one for one in sentences if not _greets(one)]
        informative = [one for one in without_greetings if columns(one) >= _SAYS]
        own = [one for one in informative if not any(quote in one for quote in earlier)]
        for one in [*own, *informative, *without_greetings]:
            return one[:_LONGEST]
    return first[:_LONGEST]


def without_opening(text: str) -> str:
    """Return a sentence without the addressee and the greeting before it."""
    opening = _OPENING.match(text)
    return text[opening.end() :] if opening else text


def _greets(text: str) -> bool:
    """Whether a text is only a greeting, or only the name of the addressee."""
    if _ADDRESSEE.fullmatch(text):
        return True
    greeting = _GREETING.match(text)
    return greeting is not None and columns(_AFTER_GREETING.sub("", text[greeting.end() :])) < _SAYS


def _inquires(turn: RuleInput) -> bool:
    return turn.side == "team" and "vendor" in turn.towards and opens(turn)


def columns(text: str) -> int:
    """Return the width of a text in half-width columns."""
    return sum(1 if char.isascii() else 2 for char in text)


def _apart(one: str, other: str) -> bool:
    """Whether two texts are about different things. False if they cannot be compared."""
    if bool(_JAPANESE.search(one)) is not bool(_JAPANESE.search(other)):
        return False
    told = _told(one), _told(other)
    smaller = min(map(len, told))
    return smaller >= _FEWEST and len(told[0] & told[1]) / smaller < _SHARED


def _told(text: str) -> set[str]:
    """Return the content words of a text: English stems, pairs of katakana, single kanji."""
    plain = lower(fold(text))
    told = {word[:_STEM] for word in _WORDS.findall(plain) if word not in _EMPTY}
    told |= {run[at : at + 2] for run in _KATAKANA.findall(plain) for at in range(len(run) - 1)}
    return told | {sign for sign in _KANJI.findall(plain) if sign not in _SAYS_NOTHING}
