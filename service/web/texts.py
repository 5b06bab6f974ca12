"""Texts of the pages in Japanese and English. Readers should feel helped, never judged."""

from __future__ import annotations

from importlib import resources
from typing import Any, Literal

import yaml

Language = Literal["ja", "en"]


def _load(file: str) -> Any:
    return yaml.load(resources.files("service.web").joinpath(file).read_bytes(), yaml.CSafeLoader)


WORDS: dict[str, dict[Language, str]] = _load("texts.yaml")
"""Name → its text in each language."""
ERRORS: dict[str, str] = _load("errors.yaml")
"""English text of the store, with ``{}`` for each value → the text in Japanese."""


def say(language: Language, name: str, **values: object) -> str:
    """Return the text called ``name``; the last part of the name if there is none."""
    if name not in WORDS:
        return name.rpartition(".")[2]
    text = WORDS[name][language]
    return text.format(**values) if values else text


def translated(language: Language, text: str) -> str:
    """Return an English text of the store in this language; unchanged if there is no translation."""
    if language == "ja":
        for english, japanese in ERRORS.items():
            values = _values(english, text)
            if values is not None:
                return japanese.format(*values)
    return text


def _values(template: str, text: str) -> list[str] | None:
    """Return the values with which ``template`` makes ``text``; None if it does not."""
    first, *others = template.split("{}")
    if not text.startswith(first):
        return None
    values, rest = [], text[len(first) :]
    for part in others:
        value, found, rest = rest.partition(part) if part else (rest, "all", "")
        if not found:
            return None
        values.append(value)
    return None if rest else values


def language_of(accept: str, chosen: str | None) -> Language:
    """Return the chosen language, else the one the browser prefers (RFC 9110 §12.5.4), else Japanese."""
    if chosen in ("ja", "en"):
        return "ja" if chosen == "ja" else "en"
    best: tuple[float, Language] = (0.0, "en" if accept.strip() else "ja")
    for part in accept.split(",")[:20]:
        tag, _, rest = part.strip().partition(";")
        language = tag.strip().lower().partition("-")[0]
        try:
            weight = float(rest.strip().removeprefix("q=")) if rest.strip() else 1.0
        except ValueError:
            weight = 0.0
        if language in ("ja", "en") and weight > best[0]:
            best = (weight, "ja" if language == "ja" else "en")
    return best[1]
