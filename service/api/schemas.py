"""What goes out and comes in, as OpenAPI shows it. Answers are built by the store and the case; these describe them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mailrules import catalogue

Status = Literal["open", "resolved", "closed"]
RuleInput = Literal["team", "vendor", "requester"]
Level = Literal["P1", "P2", "P3", "P4"]
Kind = Literal["incident", "howto", "request", "billing", "security", "rca", "notice"]
Sort = Literal["-updated", "updated", "-opened", "opened", "priority"]
Role = Literal["team", "requester", "vendor", "unknown"]

_SUMMARY: dict[str, Any] = {
    "key": "SD-12", "title": "ノートPCから全社ポータルに入れない", "status": "open", "waiting_on": "vendor",
    "waiting_since": "2026-11-24T01:12:00Z", "priority": "P2", "kind": "incident", "language": "ja",
    "vendor": "microsoft", "vendor_refs": [{"vendor": "microsoft", "ref": "2611240030001234"}],
    "missing": ["occurred_at"], "open_asks": 1, "messages": 4,
    "opened_at": "2026-11-24T00:31:00Z", "updated_at": "2026-11-24T01:12:00Z",
}  # fmt: skip


class Out(BaseModel):
    """More fields may come; none goes away."""

    model_config = ConfigDict(extra="allow")


class VendorRef(Out):
    vendor: str
    ref: str


class Person(Out):
    name: str
    address: str


class CaseSummary(Out):
    """One case in a list."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_SUMMARY]})

    key: str
    title: str
    status: Status
    waiting_on: RuleInput | None = Field(description="Who has to act next.")
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
    """The whole case, judged anew with every mail."""

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
    """A case that a mail of this one may belong to."""

    id: int
    case: str = Field(description="The other case.")
    score: float = Field(description="Between 0 and 1.")
    reasons: list[str]
    message: str = Field(description="The message it was found for.")
    subject: str


class CaseChange(BaseModel):
    """What a person sets. It stays until a person takes it back: by `null`, the rules decide again."""

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
    """What was done, and how to take it back: `POST /api/corrections/{id}/undo`."""

    correction: int | str
    case: str
    undo: str


class Author(Out):
    name: str | None
    address: str | None
    role: Role


class Event(Out):
    """Something that happened to a case."""

    id: int
    kind: str
    case: str | None
    at: datetime
    who: str = Field(description="A person's name, or empty where the rules did it.")
    data: Any


class EventPage(Out):
    items: list[Event]
    next: str | None = None


class AttachmentOut(Out):
    id: str
    filename: str
    content_type: str
    size: int
    sha256: str


class StatementOut(Out):
    """A meaning of the catalogue (`GET /api/meanings`) found in a mail."""

    meaning: str = Field(json_schema_extra={"enum": [*catalogue.load().ids]})
    state: str = Field(default="value", json_schema_extra={"enum": [*sorted(catalogue.STATES)]})
    quote: str = ""
    value: str | None = None
    confidence: float = 1.0
    reader: str = "embedded"


class MessageOut(Out):
    """A mail as understood. The same mail by several ways is one message."""

    id: str
    case: str
    message_id: str | None = None
    origin: Literal["delivered", "forwarded", "attached", "quoted"]
    author: Author
    forwarded_by: Any = None
    to: list[Any]
    cc: list[Any]
    subject: str
    date: datetime | None
    received_at: datetime
    text: str
    quoted_text: str
    automatic: str | None
    attachments: list[AttachmentOut]
    deliveries: int
    statements: list[StatementOut] = Field(default=[], description="Meanings found in it, with their words.")
    findings: list[dict[str, Any]]
    defects: list[str] = Field(
        description="What was wrong with the mail; `dmarc-failed`: its author did not send it, so it changed nothing; "
        "`sender-unverified`: nothing vouches for its author."
    )


class MessagePage(Out):
    items: list[MessageOut]
    next: str | None = None


class Why(Out):
    """By which evidence a message landed in its case, with the runners-up."""

    message: str
    case: str
    placed_by: str
    evidence: list[Any]
    runners_up: list[Any]
    pinned_by: str | None = None


class Review(Out):
    """Fair review of the exchange with a vendor: both sides' times, always side by side, from five cases on."""

    cases: int
    enough: bool = Field(description="False below five cases: then no figures, they would say nothing.")
    turns_to_resolution: float | None
    median_wait: dict[str, float | None] = Field(description="Seconds a case waited on each side, median.")


class Vendor(Out):
    id: str
    name: Any
    review: Review


class VendorPage(Out):
    items: list[Vendor]
    next: str | None = None


class SpoolEntry(Out):
    id: str
    state: Literal["waiting", "done", "shunted", "refused"]
    received_at: datetime
    channel: str
    mail_from: str
    rcpt_tos: list[str]
    size: int
    attempts: int
    reason: str | None


class SpoolPage(Out):
    items: list[SpoolEntry]
    next: str | None


class OutboxEntry(Out):
    id: int
    case: str | None
    kind: str = Field(description="acknowledgement, questions, reminder, digest, notification")
    state: Literal["draft", "waiting", "sent", "failed", "discarded"]
    recipient: str = Field(description="An address; for a notification the name of its target.")
    language: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    items: list[str] = Field(description="Checklist items asked for, in the order of their numbers.")
    message_id: str | None
    answers: int | None = Field(description="The message that is answered.")
    made_by: str = Field(description="Who wrote it; empty for the machine.")
    created_at: datetime
    attempts: int
    in_doubt: int = Field(description="How often a sender died over it: it may have left that much more often.")
    reason: str | None = Field(description="Why it is held, waits, or failed.")
    sent_at: datetime | None
    reply: str | None = Field(description="Last answer of the server.")
    report: dict[str, Any] | None = Field(description="Delivery report that came back (RFC 3464).")


class To(Out):
    name: str
    address: str


class QuestionsDraft(Out):
    """A mail that asks a requester for facts, before it is sent."""

    to: To | None
    subject: str
    text: str
    language: str
    items: list[str] = Field(description="In the order of their numbers.")
    refused: str | None = Field(description="Why it may not be sent; null where it may.")


ItemId = Annotated[str, Field(max_length=64, pattern="^[a-z_]+$")]


class Questions(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"items": ["occurred_at", "version"]}]})

    items: list[ItemId] = Field(
        default=[], max_length=5, description="Ids of items, at most five at once; none: what is missing."
    )
    text: str = Field(
        default="",
        max_length=20_000,
        description="Words above the questions, or the whole mail with numbered questions.",
    )
    lang: Literal["ja", "en"] | None = Field(default=None, description="Else the language of the case.")


class Note(Out):
    id: int
    case: str
    who: str
    at: datetime
    text: str


class NotePage(Out):
    items: list[Note]
    next: str | None = None


class NewNote(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "Called Ms. Tanaka at 10:30."}]})

    text: str = Field(min_length=1, max_length=20_000, pattern=r"\S", description="For the team only.")


class OutboxPage(Out):
    items: list[OutboxEntry]
    next: int | None


class Webhook(Out):
    id: int
    url: str
    kinds: list[str]
    created_at: datetime
    disabled_at: datetime | None
    last_error: str | None = None


class NewWebhook(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"url": "https://dashboard.example/hooks/sodan", "kinds": ["case.changed"]}]},
    )

    url: str = Field(
        max_length=2000,
        pattern=r"^https?://[A-Za-z0-9-]{1,63}([.][A-Za-z0-9-]{1,63}){0,9}[.]?(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?(/[!-~]*)?$",
    )
    kinds: list[Annotated[str, Field(pattern="^[a-z]+([.][a-z]+)*$", max_length=40)]] = Field(
        default=[], max_length=20, description="Kinds of events; empty means all."
    )


class MadeWebhook(Webhook):
    secret: str = Field(description="Signs what we send (Standard Webhooks); shown this once.")


class WebhookPage(Out):
    items: list[Webhook]
    next: str | None = None


class Health(Out):
    status: str = Field(examples=["ok"])
    note: str | None = Field(None, description="What keeps no mail up, and yet wants a look; else left out.")


class Dismissed(Out):
    dismissed: int


class Undone(Out):
    undone: int
    cases: list[str] = Field(description="Cases that stand differently now.")
