"""Cases in a list, and single cases."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from service.api.schemas.judgement import (
    Ask,
    ChecklistItem,
    ParkedTopic,
    PriorityDetail,
    ProblemStatement,
    Promise,
    ReadBy,
    ToneHint,
)
from service.api.schemas.people import Kind, Level, Out, Person, Role, Side, Status, VendorRef

_SUMMARY: dict[str, Any] = {
    "key": "SD-12", "title": "ノートPCから全社ポータルに入れない", "status": "open", "waiting_on": "vendor",
    "waiting_since": "2026-11-24T01:12:00Z", "priority": "P3", "kind": "incident", "language": "ja",
    "vendor": "microsoft", "vendor_refs": [{"vendor": "microsoft", "ref": "2611240030001234"}],
    "missing": ["occurred_at"], "needs_triage": True, "requester": {"name": "森 愛子", "address": "mori@corp.example"},
    "excerpt": "ノートPCから全社ポータルに入れません。", "open_asks": 1, "messages": 4,
    "opened_at": "2026-11-24T00:31:00Z", "updated_at": "2026-11-24T01:12:00Z", "owner": None,
}  # fmt: skip


class CaseSummary(Out):
    """A case as it appears in a list."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_SUMMARY]})

    key: str = Field(description="Key of the case. It never changes; after a merge it redirects to the other case.")
    title: str = Field(
        description="The subject without `Re:` and `Fwd:`, or the first words of the mail, or a title set by hand."
    )
    status: Status = Field(
        description="`open`: somebody has to act. `resolved`: the problem is solved. `closed`: the case is finished."
    )
    waiting_on: Side | None = Field(description="The side that has to act next; null if nobody has to.")
    waiting_since: datetime | None = Field(description="Since when it is that side's turn; null if nobody has to act.")
    priority: Level = Field(description="Priority by business impact and urgency: `P1` is the highest.")
    kind: Kind = Field(
        description="What the case is about: `incident` something that does not work; `howto` how to do something; "
        "`request` something to set up, order or change; `billing` an invoice, a price, a licence count; `security` an "
        "attack, a leak, a lost device; `rca` the cause of an incident that is over; `notice` information that needs "
        "no answer."
    )
    language: str = Field(description="Language of the case: `ja`, `en` or another ISO 639 code; `und`: not known.")
    vendor: str | None = Field(description="Id of the vendor (`GET /api/vendors`); null if no vendor is known.")
    vendor_refs: list[VendorRef] = Field(description="Case numbers of vendors found in the mails.")
    missing: list[str] = Field(description="Ids of at most five checklist items to ask for, most important first.")
    needs_triage: bool = Field(
        default=False,
        description="True while the case is open, no person has set the priority, and the mails do not state "
        "the impact or state it in words that could not be judged.",
    )
    requester: Person | None = Field(default=None, description="The person who needs help; null if nobody is known.")
    excerpt: str = Field(
        default="", description="The sentence that describes the problem, verbatim; empty if there is none."
    )
    open_asks: int = Field(description="Number of requests of the vendor that are still open.")
    messages: int = Field(description="Number of messages, including those found in forwards and quotes.")
    opened_at: datetime = Field(description="Time of the first message.")
    updated_at: datetime = Field(description="Time of the last change by a mail or a person.")
    owner: str | None = Field(default=None, description="The team member it is assigned to; null: nobody.")


class CasePage(Out):
    """A page of cases."""

    items: list[CaseSummary] = Field(description="The cases, in the order of `sort`.")
    next: str | None = Field(description="`cursor` of the next page; null on the last page.")


class Clocks(Out):
    """How long each side had to act, up to the time of the response. All times are elapsed seconds."""

    team: float | None = Field(description="Seconds during which it was the team's turn.")
    vendor: float | None = Field(description="Seconds during which it was the vendor's turn.")
    requester: float | None = Field(description="Seconds during which it was the requester's turn.")
    business: dict[str, int] = Field(
        default_factory=dict, description="The same by side, in seconds of that side's business hours."
    )
    first_response: float | None = Field(
        default=None,
        description="Seconds from the team's report to the vendor until the vendor's first reply by a person; in a "
        "case without a vendor, from the opening mail until the team's first mail. Null until there is a reply.",
    )
    turns: int | None = Field(
        default=None,
        description="How often the vendor answered the team; in a case without a vendor, how often the team answered.",
    )


class Participant(Out):
    """A person who wrote or received mail of the case."""

    address: str = Field(description="Mail address in lower case.")
    name: str | None = Field(default=None, description="Display name; empty if no mail has one.")
    role: Role = Field(description="The side of the person; `unknown`: nothing says which.")


class NotCounted(Out):
    """A message that is shown but changes nothing in the case."""

    message: str = Field(description="`id` of the message.")
    why: Literal["forged", "unverified", "outsider"] = Field(
        description="`forged`: it was sent under another person's name (DMARC failed); `unverified`: it claims an "
        "address of your organisation that nothing verifies; `outsider`: its author takes no part in the case."
    )


class Suggested(Out):
    """Another case that may be about the same matter; the evidence was too weak to merge them."""

    id: int = Field(description="Id of the suggestion, for `accept` and `dismiss`.")
    case: str = Field(description="Key of the other case.")
    score: float = Field(description="Similarity: 0 (none) to 1 (certain).")
    reasons: list[str] = Field(description="What the two cases share, in words.")
    message: str = Field(description="`id` of the message that was compared.")
    subject: str = Field(description="Subject of that message.")


class Case(CaseSummary):
    """A whole case. It is judged again with every mail and every manual change."""

    priority_detail: PriorityDetail = Field(description="How the priority was found.")
    recovered: bool = Field(
        default=False,
        description="True if your side said that it works again, and nothing later says that the problem continues.",
    )
    checklist: list[ChecklistItem] = Field(description="The facts that a good report of this kind contains.")
    questions: list[str] = Field(
        default_factory=list,
        description="Ids of the missing items in the order in which to ask for them: at most five.",
    )
    asks: list[Ask] = Field(description="Requests of the vendor to your side, oldest first.")
    tone: list[ToneHint] = Field(
        description="Suggestions for a more polite wording, only for mail of your own people. A vendor never sees them."
    )
    parked: list[ParkedTopic] = Field(description="Topics to discuss after recovery. They do not delay the case.")
    problem: ProblemStatement | None = Field(default=None, description="The problem as it was last stated.")
    clocks: Clocks = Field(description="How long each side had to act.")
    promises: list[Promise] = Field(default_factory=list, description="Promises that name a time.")
    participants: list[Participant] = Field(description="Everybody who wrote or received mail of the case.")
    merged: list[str] = Field(description="Keys of the cases that were merged into this one.")
    related: list[Any] = Field(description="Keys of related cases, such as one that was split off.")
    suggestions: list[Suggested] = Field(
        default_factory=list, description="Cases that may be about the same matter, the most similar first."
    )
    read_by: ReadBy | None = Field(default=None, description="The reader that analysed the first mail.")
    judged_by: str = Field(description="Name and version of the rules that judged the case.")
    set_by: dict[str, str] = Field(
        default_factory=dict, description="Fields that a person set, each with the name of the person."
    )
    notes: list[str] = Field(
        default_factory=list,
        description="Points for the team to check: `p1-without-contact` P1 without a person to reach; "
        "`p1-without-owner` P1 without a team member; `overdue-promise`; `call` three or more exchanges and still "
        "something is missing; `reminded` the requester was reminded; `dmarc-failed`, `sender-unverified` and "
        "`outsider`: a message is listed in `not_counted`.",
    )
    not_counted: list[NotCounted] = Field(
        default_factory=list, description="Messages that change nothing in the case, each with the reason."
    )


class Dismissed(Out):
    """The response to dismissing a suggestion."""

    dismissed: int = Field(description="Id of the suggestion.")
