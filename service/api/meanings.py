"""`GET /api/meanings`: the catalogue of meanings."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from mailrules.catalogue import Meaning, Text, load


class Words(BaseModel):
    """The same text in Japanese and English."""

    ja: str
    en: str


class MeaningOut(BaseModel):
    """One meaning of the catalogue."""

    id: str
    family: str
    title: Words
    definition: Words
    sides: list[str]
    states: list[str]
    examples: dict[str, list[str]]
    near_misses: dict[str, list[str]]


class Meanings(BaseModel):
    """All meanings; `ids` lists every id that a statement may have, including `ask.info.<item>`."""

    items: list[MeaningOut]
    ids: list[str]


def routes() -> APIRouter:
    """Return the router of the catalogue."""
    router = APIRouter(prefix="/api", tags=["meanings"])

    @router.get("/meanings")
    async def list_meanings() -> Meanings:
        """Return the catalogue: id, title, definition, examples and near-misses of every meaning."""
        catalogue = load()
        return Meanings(items=[_shown(meaning) for meaning in catalogue], ids=list(catalogue.ids))

    return router


def _shown(meaning: Meaning) -> MeaningOut:
    return MeaningOut(
        id=meaning.id,
        family=meaning.family,
        title=_words(meaning.title),
        definition=_words(meaning.definition),
        sides=list(meaning.sides),
        states=list(meaning.states),
        examples={language: list(sentences) for language, sentences in meaning.examples.items()},
        near_misses={language: list(sentences) for language, sentences in meaning.near_misses.items()},
    )


def _words(text: Text) -> Words:
    return Words(ja=text.ja, en=text.en)
