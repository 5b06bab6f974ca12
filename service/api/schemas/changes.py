"""Manual changes and how they are undone."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.api.schemas.people import Level, Out, Status


class CaseChange(BaseModel):
    """Values set by a person.

    They are kept until a person resets them with `null`; then the rules decide again.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"priority": "P2"}, {"status": "resolved"}, {"items": {"version": "waived"}}]},
    )

    status: Status | None = None
    priority: Level | None = None
    title: str | None = Field(default=None, max_length=500)
    vendor: str | None = Field(default=None, max_length=64)
    waiting_on: Literal["team", "vendor", "requester", "none"] | None = Field(
        default=None, description="`none`: nobody has to act."
    )
    owner: str | None = Field(
        default=None, max_length=200, description="The person of the team; `me`: the caller; null: nobody."
    )
    items: dict[str, Literal["waived"] | str | None] | None = Field(
        default=None,
        max_length=64,
        description="By item id: `waived`, an answer in words, or null to take it back.",
    )
    asks: dict[str, Literal["answered", "withdrawn"] | None] | None = Field(
        default=None,
        max_length=64,
        description="By the id of an ask, or `*` for all that are open: `answered` where the answer went by a portal "
        "or by phone (with the last of them it is the vendor's turn, until a mail moves it), `withdrawn`, or null to "
        "take it back.",
    )


class Merge(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"into": "SD-7"}]})

    into: str = Field(max_length=40, pattern="^[!-~]+$", description="The case that stays.")


class Move(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"to": "SD-7"}, {"to": "new"}]})

    to: str = Field(max_length=40, pattern="^[!-~]+$", description="A case key, or `new` for a case of its own.")


class Correction(Out):
    """A manual change, and how to undo it: `POST /api/corrections/{id}/undo`."""

    correction: int | str
    case: str
    undo: str


class Undone(Out):
    undone: int
    cases: list[str] = Field(description="Cases that stand differently now.")
