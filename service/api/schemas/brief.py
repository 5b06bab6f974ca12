"""The brief of a case (`GET /api/cases/{key}/brief`)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from service.api.schemas.people import Level, Out, Side, Status


class BriefProblem(Out):
    """What the case is about."""

    statement: str = Field(
        description="The sentence, verbatim; the title if no mail states the problem; empty if its wording needs a "
        "tone hint."
    )
    message: str | int | None = Field(description="`id` of the message it is in; null if there is none.")
    item: str | None = Field(
        description="The checklist item it was taken from; null for a stated problem or the title."
    )


class BriefEntry(Out):
    """One fact, in the words of its author."""

    item: str = Field(
        description="Id of a checklist item, or `parked:` and a topic that is to be discussed after recovery."
    )
    label: str = Field(description="Name of the item in the language of the brief.")
    text: str = Field(description="The fact, verbatim; different values of other people follow with their names.")
    state: Literal["present", "unknown", "missing", "waived"] = Field(
        description="State of the checklist item; `unknown`: the sender does not know it."
    )
    message: str | int | None = Field(description="`id` of the message it is in; null if there is none.")
    partial: bool = Field(description="True if it is given, but not exactly enough (a day, no time).")


class BriefSection(Out):
    """A group of facts."""

    id: str = Field(examples=["impact"], description="Id of the section, as in `titles`.")
    title: str = Field(description="Heading in the language of the brief.")
    entries: list[BriefEntry] = Field(description="The facts; empty if none is known.")


class BriefGap(Out):
    """A fact that must still be asked for."""

    item: str = Field(description="Id of the checklist item.")
    label: str = Field(description="Name of the item in the language of the brief.")


class BriefReword(BriefGap):
    """A fact that is left out because of its wording."""

    tone: str = Field(description="Id of the tone hint (`GET /api/meanings`).")
    advice: str | dict[str, str] = Field(description="What to write instead.")


class BriefFile(Out):
    """A file that your side sent."""

    filename: str = Field(description="Name of the file.")
    size: int = Field(description="Size in bytes.")
    message: str | int = Field(description="`id` of the message it is attached to.")


class BriefPriority(Out):
    """The priority and the text it is based on."""

    level: Level = Field(description="The priority.")
    evidence: list[str] = Field(description="The text it is based on, verbatim.")


class BriefAsk(Out):
    """An open request of the vendor."""

    what: str = Field(examples=["info:version", "logs"], description="What is asked for, as in `asks` of the case.")
    quote: str | None = Field(description="The text of the request, verbatim.")
    message: str | int | None = Field(description="`id` of the message that asks.")
    asked_at: datetime | None = Field(description="When it was asked.")


class BriefParked(Out):
    """A topic to discuss after recovery."""

    topic: str = Field(description="`rca`, `compensation`, `product_change` or `support_dissatisfaction`.")
    quote: str = Field(description="The text, verbatim.")


class BriefTone(Out):
    """A suggestion for a more polite wording."""

    id: str = Field(description="Id of the tone hint (`GET /api/meanings`).")
    quote: str = Field(description="The text, verbatim.")
    advice: str | dict[str, str] = Field(description="What to write instead.")


class Brief(Out):
    """Summary of a case for a vendor, the team or the requester.

    Only a brief for the team has the last five fields.
    """

    for_: Literal["vendor", "team", "requester"] = Field(alias="for", description="Who will read it.")
    lang: Literal["ja", "en"] = Field(description="Language of headings and labels. Quotes are not translated.")
    case: str | None = Field(description="Key of the case.")
    title: str = Field(description="Title of the case.")
    problem: BriefProblem = Field(description="The problem in one sentence.")
    vendor: str | None = Field(description="Id of the vendor; null if no vendor is known.")
    references: list[str] = Field(description="The vendor's case numbers.")
    sections: list[BriefSection] = Field(description="What is known, in groups.")
    gaps: list[BriefGap] = Field(description="What must still be asked for.")
    reword: list[BriefReword] = Field(description="Facts left out of a brief for a vendor because of their wording.")
    attached: list[BriefFile] = Field(description="Files that your side sent.")
    titles: dict[str, str] = Field(description="Headings in the language of the brief, by id.")
    status: Status | None = Field(description="Status of the case.")
    waiting_on: Side | None = Field(description="The side that has to act next; null if nobody has to.")
    waiting_since: datetime | None = Field(description="Since when it is that side's turn; null if nobody has to act.")
    promised: datetime | None = Field(
        description="Until when the next update is promised; null if nothing is promised."
    )
    priority: BriefPriority | None = Field(default=None, description="Only for the team: the priority.")
    needs_triage: bool | None = Field(default=None, description="Only for the team: as in the case.")
    open_asks: list[BriefAsk] | None = Field(
        default=None, description="Only for the team: open requests of the vendor."
    )
    parked: list[BriefParked] | None = Field(
        default=None, description="Only for the team: topics to discuss after recovery."
    )
    tone: list[BriefTone] | None = Field(
        default=None, description="Only for the team: suggestions for a more polite wording."
    )
