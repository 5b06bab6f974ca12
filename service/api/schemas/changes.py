"""Manual changes and how they are undone."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.api.schemas.people import Level, Out, Status


class AskAnswer(BaseModel):
    """The answer to a request of the vendor, in words."""

    model_config = ConfigDict(extra="forbid")

    answer: str = Field(min_length=1, max_length=2000, description="The answer.")


class CaseChange(BaseModel):
    """Values set by a person. A field that is absent is not changed.

    A value is kept until a person sets the field to `null`; then the rules decide again.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"priority": "P2"}, {"status": "resolved"}, {"items": {"version": "waived"}}]},
    )

    status: Status | None = Field(default=None, description="Status; null: by the rules.")
    priority: Level | None = Field(default=None, description="Priority; null: by the rules.")
    title: str | None = Field(default=None, max_length=500, description="Title; null: from the mail.")
    vendor: str | None = Field(
        default=None, max_length=64, description="Id of a vendor (`GET /api/vendors`); null: by the rules."
    )
    waiting_on: Literal["team", "vendor", "requester", "none"] | None = Field(
        default=None, description="The side that has to act next; `none`: nobody has to; null: by the rules."
    )
    owner: str | None = Field(
        default=None,
        max_length=200,
        description="The team member it is assigned to; `me`: the caller; null: nobody.",
    )
    items: dict[str, Literal["waived"] | str | None] | None = Field(
        default=None,
        max_length=64,
        description="Checklist items by id: `waived` (not needed), or the answer as text, or null: by the rules.",
    )
    asks: dict[str, Literal["answered", "withdrawn"] | AskAnswer | None] | None = Field(
        default=None,
        max_length=64,
        description="Requests of the vendor by id, or `*` for all that are open: `answered` if it was answered by "
        "phone or in a portal, or the answer in words, `withdrawn` if it is no longer needed, null to remove your "
        "entry. When the last open "
        "request is answered, the vendor has to act next, until a mail changes that.",
    )


class Merge(BaseModel):
    """The target of a merge."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"into": "SD-7"}]})

    into: str = Field(max_length=40, pattern="^[!-~]+$", description="Key of the case to keep.")


class Move(BaseModel):
    """The target of a moved message."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"to": "SD-7"}, {"to": "new"}]})

    to: str = Field(max_length=40, pattern="^[!-~]+$", description="Key of a case, or `new` for a new case.")


class Correction(Out):
    """A manual change that can be undone."""

    correction: int | str = Field(description="Id of the change.")
    case: str = Field(description="Key of the case that the messages are in now.")
    undo: str = Field(description="Path to undo it by POST: `/api/corrections/{id}/undo`.")


class Undone(Out):
    """The response to undoing a manual change."""

    undone: int = Field(description="Id of the change that was undone.")
    cases: list[str] = Field(description="Keys of the cases that changed.")
