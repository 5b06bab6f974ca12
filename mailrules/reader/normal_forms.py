"""Normal forms of words: SudachiPy for Japanese, a table of rules for English.

The normal forms are in the order of the words. Numbers become `#`. Japanese spellings of one word get the same form
(出来る, できる). English contractions are expanded ("can't" becomes `can not`).
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ..patterns import RE2
from ..resources import read_yaml

if TYPE_CHECKING:
    from sudachipy import Dictionary, Morpheme, Tokenizer  # type: ignore[attr-defined]

# Python's engine is several times faster than RE2 on short sentences. These patterns visit each letter at most twice.
_KANA = re.compile(r"[぀-ヿ㐀-鿿ｦ-ﾟ]")
_WORD = re.compile(r"[a-zà-ÿ]+(?:['’][a-z]+)?|[0-9][0-9,.:/-]*[0-9]|[0-9]|[^\w\s]|\n")
_NUMERAL = RE2.compile(r"^(?:[0-9][0-9,.]*|[〇一二三四五六七八九十百千万億]+)$")
_OF_THREAD = threading.local()
_TAILS = {
    "n't": ("not",),
    "'re": ("be",),
    "'ve": ("have",),
    "'ll": ("will",),
    "'d": ("would",),
    "'s": (),
    "'m": ("be",),
}


class _EnglishForms(NamedTuple):
    whole: dict[str, tuple[str, ...]]  # contractions with their words, and names of numbers
    bases: dict[str, str]  # irregular forms with their bases, and words that only look like inflected ones
    final_e: frozenset[str]


@cache
def _forms() -> _EnglishForms:
    content = read_yaml("reader", "english.yaml")
    whole: dict[str, tuple[str, ...]] = dict.fromkeys(content["numbers"].split(), ("#",))
    whole |= {short: tuple(words.split()) for short, words in content["opened"].items()}
    bases = {word: word for word in content["kept"].split()}
    bases |= {form: base for base, forms in content["irregular"].items() for form in forms.split()}
    return _EnglishForms(whole, bases, frozenset(content["final_e"].split()))


def fold(text: str) -> str:
    """Apply NFKC, replace typographic apostrophes by plain ones and line breaks by spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("’", "'").replace("‘", "'")
    return text.replace("\n", " ")


def is_japanese(text: str) -> bool:
    """Whether a sentence contains kana or kanji."""
    return _KANA.search(text) is not None


@cache
def _dictionary() -> Dictionary:
    from sudachipy import Dictionary  # type: ignore[attr-defined] # 60 MB of mapped dictionary: loaded when the first sentence is read

    return Dictionary(dict="small")


def _tokenizer() -> Tokenizer:
    """Return the tokenizer of this thread. Two threads must not use the same tokenizer at the same time."""
    own: Tokenizer | None = getattr(_OF_THREAD, "tokenizer", None)
    if own is None:
        own = _OF_THREAD.tokenizer = _dictionary().tokenizer()
    return own


def normal_forms(sentences: Sequence[str], *, japanese: bool) -> list[str]:
    """Return the normal forms of sentences, with a line break after each sentence."""
    if not japanese:
        words = _WORD.findall("\n".join((*sentences, "")).lower())
        return [*chain.from_iterable(map(_english, words))]
    tokenize = _tokenizer().tokenize
    found: list[str] = []
    for sentence in sentences:
        found += filter(None, [_form(morpheme) for morpheme in tokenize(sentence)])
        found.append("\n")
    return found


def sentences_of(tokens: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the tokens of each sentence, without the line break after the sentence."""
    start = 0
    for end in [at for at, form in enumerate(tokens) if form == "\n"]:
        yield tokens[start:end]
        start = end + 1


def _form(morpheme: Morpheme) -> str:
    """Return the normal form of a word. SudachiPy gives たら (if, when) the form of the past た."""
    form = _japanese(morpheme.normalized_form())
    return "たら" if form == "た" and morpheme.surface().endswith("ら") else form


_UNITED = {
    **dict.fromkeys(("ず", "ぬ", "無い", "まい"), "ない"),
    **dict.fromkeys(("てる", "とる"), "て"),
    **dict.fromkeys(("為る", "致す"), "する"),
    **dict.fromkeys(("有る", "御座る"), "ある"),
    **dict.fromkeys(("下さる", "くださる"), "下さい"),
    **dict.fromkeys(("ます", "です", "居る", "おる", "御", " "), ""),
    "頂ける": "頂く",
}


@lru_cache(maxsize=8192)
def _japanese(form: str) -> str:
    """Return a normal form. All negations have the same form, numbers are `#`, polite auxiliaries are empty."""
    form = _UNITED.get(form, form.lower())
    return "#" if _NUMERAL.match(form) else form


@lru_cache(maxsize=8192)
def _english(word: str) -> tuple[str, ...]:
    if word[0].isdigit():
        return ("#",)
    if whole := _forms().whole.get(word):
        return whole
    if "'" in word:
        for tail, opened in _TAILS.items():
            if word.endswith(tail):
                return (_lemma(word[: -len(tail)]), *opened)
    return (_lemma(word),)


def _lemma(word: str) -> str:
    """Return the base form of an English word, by irregular forms and common suffixes."""
    bases = _forms().bases
    if word in bases or len(word) < 4:
        return bases.get(word, word)
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "ches", "shes", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    for suffix in ("ing", "ed"):
        stem = word[: -len(suffix)]
        if word.endswith(suffix) and len(stem) >= 3 and any(vowel in stem for vowel in "aeiouy"):
            return _stem(stem, suffix)
    return word


def _stem(stem: str, suffix: str) -> str:
    if stem.endswith("i") and suffix == "ed":
        return stem[:-1] + "y"
    if stem[-1] == stem[-2] and stem[-1] not in "lsze":
        return stem[:-1]
    return stem + "e" if stem[-1] in "vcu" or stem + "e" in _forms().final_e else stem
