"""Detects the language of a text by script, by common words, or by a classifier."""

# ruff: noqa: E501 -- patterns and tables: a case a line

import re
from typing import Final

from service.mail.word_lists import load

LONGEST: Final = 3_000  # maximum number of characters examined; the beginning of a mail is enough
_LEAST_LETTERS: Final = 24  # texts with fewer Latin or Cyrillic letters are not given to the classifier

_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d]")
_HAN = re.compile(r"[\u4e00-\u9fff\u3400-\u4dbf]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_SIMPLIFIED = re.compile(r"[们这为说时会对没过还现发问题请谢您让给里开关设备连录误应该无务报该号]")
_TRADITIONAL = re.compile(r"[們這為說時會對沒過還現發問題請謝您讓給裡開關設備連錄誤應該無務報該號]")
_SCRIPTS: Final = (
    (re.compile(r"[\u0e00-\u0e7f]"), "th"), (re.compile(r"[\u0590-\u05ff]"), "he"), (re.compile(r"[\u0370-\u03ff]"), "el"),
    (re.compile(r"[\u0900-\u097f]"), "hi"),
)  # fmt: skip
_NOISE = re.compile(
    r"https?://\S{1,500}|\S{1,128}@\S{1,128}|\[[^\]\n]{1,80}\]|<[^>\n]{1,200}>"
    r"|[0-9A-Za-zÀ-ɏ_.-]{0,60}[0-9][0-9A-Za-zÀ-ɏ_.-]{0,60}"  # not Japanese, which has no blanks around numbers
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_ENGLISH, _OTHER_SHORT = (frozenset(load("languages")[name].split()) for name in ("english", "others"))


def language_of(text: str) -> str:
    """Return the ISO 639-1 code of the language; ``und`` if it is unknown or the text is short."""
    sample = _NOISE.sub(" ", text[:LONGEST])
    kana = len(_KANA.findall(sample))
    han = len(_HAN.findall(sample))
    hangul = len(_HANGUL.findall(sample))
    words = _WORD.findall(sample)
    latin = sum(len(w) for w in words if w.isascii())
    if hangul and hangul >= kana:
        return "ko" if hangul * 3 >= latin * 0.2 else _latin(sample, words)
    if kana:
        return "ja" if (kana + han) * 4 >= latin else _latin(sample, words)
    if han and han * 4 >= latin:
        simplified, traditional = len(_SIMPLIFIED.findall(sample)), len(_TRADITIONAL.findall(sample))
        return "zh" if han >= 8 and (simplified or traditional > 2) else "ja"
    for script, language in _SCRIPTS:
        if len(script.findall(sample)) * 4 > latin and script.search(sample):
            return language
    return _latin(sample, words)


def _latin(sample: str, words: list[str]) -> str:
    if not words:
        return "und"
    lower = [w.casefold() for w in words[:400]]
    english = sum(w in _ENGLISH for w in lower)
    other = sum(w in _OTHER_SHORT for w in lower)
    if sample.isascii() and english * 5 >= len(lower) and english > other:
        return "en"
    letters = sum(map(len, lower))
    if letters < _LEAST_LETTERS:
        return "en" if english > other else "und"
    try:
        from service.mail.language_table import load_classifier  # takes half a second, and few mails need it

        model = load_classifier()
    except OSError:  # out of file descriptors, for example; the next text tries again
        return "und"
    code, _ = model.classify(" ".join(lower[:120]))
    return str(code)
