"""Results of the rules for a case, each with the message and the text it is based on."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from service.api.schemas.people import Level, Out, Side


class Evidence(Out):
    """A rule that contributed to the priority, and the text it is based on."""

    rule: str = Field(description="Id of the rule (`sodan rules list`).")
    message: str | int | None = Field(default=None, description="`id` of the message.")
    quote: str = Field(description="The text in that message, verbatim.")


class Heard(Out):
    """Urgent wording that does not change the priority, such as 緊急 or ASAP."""

    quote: str = Field(description="The text, verbatim.")
    message: str | int | None = Field(default=None, description="`id` of the message.")


class PriorityDetail(Out):
    """The priority, and what it is based on."""

    level: Level = Field(description="The priority of the case; the same as `priority`.")
    impact: str | None = Field(default=None, description="Effect on the business: `high`, `medium`, `low`, `unknown`.")
    urgency: str | None = Field(
        default=None, description="How soon it must be solved: `high`, `medium`, `low`, `unknown`."
    )
    evidence: list[Evidence] = Field(description="What the rules based the priority on.")
    heard: list[Heard] = Field(description="Urgent wording that does not change the priority.")
    basis: str = Field(default="", description="Id of the rule that decided.")
    set_by: str = Field(description="`rules`, or the name of the person who set the priority.")
    by_rules: str = Field(default="", description="The priority by the rules, also while a person has set another one.")


class OtherValue(Out):
    """The same fact according to another person."""

    author: str = Field(description="Mail address of the person.")
    message: str = Field(description="`id` of the message.")
    value: str = Field(description="The value.")
    quote: str = Field(description="The text, verbatim.")


class ChecklistItem(Out):
    """One fact that a good report contains."""

    item: str = Field(description="Id of the item, such as `occurred_at`.")
    label: Any = Field(description="Name of the item in the language of the case.")
    state: Literal["present", "missing", "unknown", "waived", "not_needed"] = Field(
        description="`present`: given. `missing`: must be asked for. `unknown`: the sender does not know it, so it is "
        "not asked for again. `waived`: a person decided that it is not needed. `not_needed`: not needed in this case."
    )
    value: str | None = Field(default=None, description="The fact; null if it is not given.")
    message: str | int | None = Field(default=None, description="`id` of the message that gives it; null if none does.")
    quote: str | None = Field(default=None, description="The text that gives it, verbatim; null if there is none.")
    partial: bool = Field(default=False, description="True if it is given, but not exactly enough (a day, no time).")
    none: bool = Field(default=False, description="True if the mail says that there is none (no workaround).")
    others: list[OtherValue] = Field(default_factory=list, description="Different values given by other people.")
    set_by: str | None = Field(
        default=None, description="The person who answered or waived it by hand; null if nobody did."
    )


class Ask(Out):
    """A request of the vendor to your side."""

    id: str | int = Field(description="Id of the request, for `asks` when you change the case.")
    by: Any = Field(default=None, description="Mail address of the person who asked.")
    of: Any = Field(default=None, description="The side that has to answer it: `team`.")
    what: str = Field(
        description="What is asked for: `logs`, `info:<item>`, `permission`, `time_slot`, `confirm_close`, "
        "`confirm_scope`, `severity`, `test`, or `something` (not recognised)."
    )
    quote: str | None = Field(default=None, description="The text of the request, verbatim.")
    message: str | int | None = Field(default=None, description="`id` of the message that asks.")
    asked_at: datetime | None = Field(default=None, description="When it was asked.")
    state: Literal["open", "answered", "withdrawn"] = Field(
        description="`open`: not answered yet. `answered`. `withdrawn`: no longer needed."
    )
    answered_at: datetime | None = Field(
        default=None, description="When it was answered or withdrawn; null while it is open."
    )
    answered_by_message: str | int | None = Field(
        default=None, description="`id` of the message that answers it; null if it was answered without mail."
    )
    set_by: str | None = Field(
        default=None, description="The person who marked it as answered or not needed; null if nobody did."
    )
    answer: str | None = Field(default=None, description="The answer in the words of that person; null without one.")


class ToneHint(Out):
    """A suggestion for a more polite wording of a mail of your own people."""

    id: str = Field(
        description="`pressure_passthrough`, `blame_vendor_slow`, `refuse_logs` or `just_fix_it` (`GET /api/meanings`)."
    )
    message: str = Field(description="`id` of the message.")
    quote: str = Field(description="The text, verbatim.")
    advice: str = Field(description="What to write instead, in the language of the case.")


class ParkedTopic(Out):
    """A topic to discuss after recovery."""

    topic: str = Field(description="`rca`, `compensation`, `product_change` or `support_dissatisfaction`.")
    message: str = Field(description="`id` of the message.")
    quote: str = Field(description="The text, verbatim.")


class ProblemStatement(Out):
    """The problem as it was last stated."""

    statement: str = Field(description="One sentence; empty if no mail states the problem.")
    version: int = Field(description="Number of statements of the problem so far.")
    drift: bool = Field(description="True if a later statement is about something else than the earlier ones.")
    message: str | None = Field(default=None, description="`id` of the message; null if there is no statement.")
    agreed_at: datetime | None = Field(default=None, description="When your side agreed to it; null if it did not.")


class Promise(Out):
    """A promise that names a time."""

    by: Side | Literal["unknown"] = Field(description="The side that promised.")
    due: datetime = Field(description="The time that was named.")
    message: str = Field(description="`id` of the message.")
    quote: str = Field(description="The text, verbatim.")
    kept: bool = Field(description="True if that side wrote again by then.")
    overdue: bool = Field(description="True if the time has passed and that side has not written since.")


class ReadBy(Out):
    """The reader that found the statements in the first mail written by a person."""

    reader: str = Field(description="`embedded` or `model`.")
    version: str = Field(description="Version of the reader, or the name of the language model.")
    pending: bool = Field(description="True while a message of the case waits for its reading by the language model.")
