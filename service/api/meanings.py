"""`GET /api/meanings`: the catalogue of meanings."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from mailrules.catalogue import load
from service.api.case_schema import doc


class Words(BaseModel, from_attributes=True):
    """The same text in Japanese and English."""

    ja: str = doc("Japanese.")
    en: str = doc("English.")


class MeaningOut(BaseModel, from_attributes=True):
    """One meaning of the catalogue."""

    id: str = doc("Id of the meaning, such as `item.version`.")
    family: str = doc("Group of the meaning: `items`, `acts`, `asks`, `weight`, `matter`, `tone`, `parked`, `kinds`.")
    title: Words = doc("Name of the meaning.")
    definition: Words = doc("What the meaning stands for.")
    sides: list[str] = doc("The sides in whose mail sodan looks for it: `requester`, `team`, `vendor`.")
    states: list[str] = doc("States that a statement with this meaning can have.")
    examples: dict[str, list[str]] = doc("Sentences that have this meaning, by language.")
    near_misses: dict[str, list[str]] = doc("Similar sentences that do not have this meaning, by language.")


class Meanings(BaseModel):
    """All meanings."""

    items: list[MeaningOut] = doc("The meanings.")
    ids: list[str] = doc("Every id of a statement. Only this list has each `ask.info.<item>`.")


router = APIRouter(prefix="/api", tags=["meanings"])


@router.get("/meanings", response_model=Meanings)
async def list_meanings() -> Any:
    """Return the catalogue: id, title, definition, examples and near-misses of every meaning."""
    catalogue = load()
    return {"items": list(catalogue), "ids": catalogue.ids}
