"""What the page says, in Japanese and English. Whoever reads it should feel helped, never graded."""

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
    """The words called ``name``; the last part of the name where we have none for it."""
    if name not in WORDS:
        return name.rpartition(".")[2]
    text = WORDS[name][language]
    return text.format(**values) if values else text


def language_of(accept: str, chosen: str | None) -> Language:
    """Chosen by hand, else what the browser prefers (RFC 9110 §12.5.4). Who says nothing is answered in Japanese."""
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
