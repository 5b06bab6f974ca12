"""Cases in a list, and single cases."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from service.api.schemas.people import Kind, Level, Out, Person, Role, Side, Status, VendorRef

_SUMMARY: dict[str, Any] = {
    "key": "SD-12", "title": "ノートPCから全社ポータルに入れない", "status": "open", "waiting_on": "vendor",
    "waiting_since": "2026-11-24T01:12:00Z", "priority": "P2", "kind": "incident", "language": "ja",
    "vendor": "microsoft", "vendor_refs": [{"vendor": "microsoft", "ref": "2611240030001234"}],
    "missing": ["occurred_at"], "open_asks": 1, "messages": 4,
    "opened_at": "2026-11-24T00:31:00Z", "updated_at": "2026-11-24T01:12:00Z",
}  # fmt: skip


class CaseSummary(Out):
    """One case in a list."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_SUMMARY]})

    key: str
    title: str
    status: Status
    waiting_on: Side | None = Field(description="Who has to act next.")
    waiting_since: datetime | None
    priority: Level
    kind: Kind
    language: str
    vendor: str | None
    vendor_refs: list[VendorRef]
    missing: list[str] = Field(description="Ids of items to ask for next, at most five at once.")
    needs_triage: bool = Field(default=False, description="Nobody has said how bad it is.")
    requester: Person | None = Field(default=None, description="Who asks.")
    excerpt: str = Field(default="", description="The sentence that tells the matter, verbatim.")
    open_asks: int
    messages: int
    opened_at: datetime
    updated_at: datetime
    owner: str | None = Field(default=None, description="The person of the team it is assigned to.")


class CasePage(Out):
    items: list[CaseSummary]
    next: str | None = Field(description="`cursor` of the next page.")


class Evidence(Out):
    rule: str
    message: str | int | None = None
    quote: str


class Heard(Out):
    quote: str


class PriorityDetail(Out):
    level: Level
    impact: str | None = None
    urgency: str | None = None
    evidence: list[Evidence]
    heard: list[Heard] = Field(description="Urgent words that do not count.")
    set_by: str = Field(description="`rules`, or who set it.")


class ChecklistItem(Out):
    item: str
    label: Any
    state: Literal["present", "missing", "unknown", "waived", "not_needed"]
    value: str | None = None
    message: str | int | None = None
    quote: str | None = None


class Ask(Out):
    id: str | int
    by: Any = None
    of: Any = None
    what: str
    quote: str | None = None
    message: str | int | None = None
    asked_at: datetime | None = None
    state: Literal["open", "answered", "withdrawn"]
    answered_at: datetime | None = None
    answered_by_message: str | int | None = None
    set_by: str | None = Field(default=None, description="Who said by hand that it was answered or is not needed.")


class Clocks(Out):
    team: float | None = Field(description="Seconds our team held the case.")
    vendor: float | None
    requester: float | None
    first_response: float | None = None
    turns: int | None = None


class Participant(Out):
    address: str
    name: str | None = None
    role: Role


class NotCounted(Out):
    message: str
    why: Literal["forged", "unverified", "outsider"]


class Case(CaseSummary):
    """A whole case. It is judged again with every mail."""

    priority_detail: PriorityDetail
    checklist: list[ChecklistItem]
    asks: list[Ask]
    tone: list[dict[str, Any]] = Field(description="Kind hints to our own writers; never about a vendor.")
    parked: list[dict[str, Any]] = Field(description="Noted, to be opened after recovery.")
    problem: dict[str, Any] | None = None
    clocks: Clocks
    participants: list[Participant]
    merged: list[str]
    related: list[Any]
    suggestions: list[Suggested] = Field(default_factory=list)
    judged_by: str
    not_counted: list[NotCounted] = Field(
        default_factory=list,
        description="Messages that move nothing: sent under another's name, by an address of ours that nothing vouches "
        "for, or by somebody who takes no part in the case.",
    )


class Suggested(Out):
    """Another case that a mail of this case may belong to."""

    id: int
    case: str = Field(description="The other case.")
    score: float = Field(description="Between 0 and 1.")
    reasons: list[str]
    message: str = Field(description="The message it was found for.")
    subject: str


class Dismissed(Out):
    dismissed: int
