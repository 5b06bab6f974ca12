"""The brief of a case (`GET /api/cases/{key}/brief`)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from service.api.schemas.people import Level, Out, Side, Status


class BriefProblem(Out):
    statement: str = Field(description="One sentence in somebody's words; empty where nothing fit to send was written.")
    message: str | int | None = Field(description="The message it stands in.")
    item: str | None = Field(description="The checklist item it was taken from; null for an agreed statement.")


class BriefEntry(Out):
    """One fact, in the words of its author."""

    item: str = Field(description="Id of a checklist item, or `parked:` with a topic for after recovery.")
    label: str
    text: str
    state: Literal["present", "unknown", "missing", "waived"]
    message: str | int | None
    partial: bool = Field(description="Told, but not exactly enough.")


class BriefSection(Out):
    id: str = Field(examples=["impact"])
    title: str
    entries: list[BriefEntry]


class BriefGap(Out):
    """A fact that must still be asked for."""

    item: str
    label: str


class BriefReword(BriefGap):
    """A fact that is left out because of its wording."""

    tone: str
    advice: str | dict[str, str]


class BriefFile(Out):
    filename: str
    size: int = Field(description="Bytes.")
    message: str | int


class BriefPriority(Out):
    level: Level
    evidence: list[str]


class BriefAsk(Out):
    what: str = Field(examples=["info:version", "logs"])
    quote: str | None
    message: str | int | None
    asked_at: datetime | None


class BriefParked(Out):
    topic: str
    quote: str


class BriefTone(Out):
    id: str
    quote: str
    advice: str | dict[str, str]


class Brief(Out):
    """Summary of a case for a vendor, the team or the requester.

    Only a brief for the team has the last five fields.
    """

    for_: Literal["vendor", "team", "requester"] = Field(alias="for")
    lang: Literal["ja", "en"]
    case: str | None
    title: str
    problem: BriefProblem
    vendor: str | None
    references: list[str] = Field(description="The vendor's case numbers.")
    sections: list[BriefSection]
    gaps: list[BriefGap]
    reword: list[BriefReword]
    attached: list[BriefFile] = Field(description="Files that our side sent.")
    titles: dict[str, str] = Field(description="Headings in the language of the brief, by id.")
    status: Status | None
    waiting_on: Side | None
    waiting_since: datetime | None
    promised: datetime | None = Field(description="When the next word is expected.")
    priority: BriefPriority | None = None
    needs_triage: bool | None = None
    open_asks: list[BriefAsk] | None = None
    parked: list[BriefParked] | None = None
    tone: list[BriefTone] | None = None
