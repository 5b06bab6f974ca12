"""Texts of the pages in Japanese and English. Readers should feel helped, never judged."""

from __future__ import annotations

from importlib import resources
from typing import Literal

import yaml

Language = Literal["ja", "en"]

WORDS: dict[str, dict[Language, str]] = yaml.load(
    resources.files("service.web").joinpath("texts.yaml").read_bytes(), yaml.CSafeLoader
)
"""Name → its text in each language."""


def say(language: Language, name: str, **values: object) -> str:
    """Return the text called ``name``; the last part of the name if there is none."""
    if name not in WORDS:
        return name.rpartition(".")[2]
    text = WORDS[name][language]
    return text.format(**values) if values else text


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
