"""Schemas of cases for OpenAPI, and types that several schemas share."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from mailrules.judgement import Kind
from mailrules.thread import Side as Role
from service.cases.state import AskState, Level, Status

Side = Literal["team", "vendor", "requester"]
Sort = Literal["-updated", "updated", "-opened", "opened", "priority"]


def doc(text: str, default: Any = ..., **given: Any) -> Any:
    """Return a pydantic field with the description ``text``."""
    return Field(default, description=text, **given)


class Out(BaseModel):
    """Base of all responses. Later versions can add fields, but remove none."""

    model_config = ConfigDict(extra="allow")


def page_of(name: str, item: type[BaseModel], about: str, items: str, cursor: Any = str) -> type[Out]:
    """Return the schema of a page of a list.

    ``about``, ``items``: descriptions of the page and of its items. ``cursor``: type of cursors; None: only one page.
    """
    following = doc("`cursor` of the next page; null on the last page.")
    if cursor is None:
        cursor, following = str, doc("Always null: there is only one page.", None)
    fields: dict[str, Any] = {"items": (list[item], doc(items)), "next": (cursor | None, following)}  # type: ignore[valid-type]
    return create_model(name, __base__=Out, __doc__=about, **fields)


class VendorRef(Out):
    """A case number of a vendor."""

    vendor: str = doc("Id of the vendor (`GET /api/vendors`).")
    ref: str = doc("The number, as the vendor writes it.")


class Person(Out):
    """A person with a mail address."""

    name: str = doc("Display name; empty if the mail has none.")
    address: str = doc("Mail address.")


class Participant(Out):
    """A person who wrote or received mail of the case."""

    name: str | None = doc("Display name; empty if no mail has one.", None)
    address: str | None = doc("Mail address in lower case; empty if it is not known.")
    role: Role = doc("The side of the person; `unknown`: sodan does not know the side.")


class Evidence(Out):
    """A rule that contributed to the priority, and the text that the rule used."""

    rule: str = doc("Id of the rule (`sodan rules list`).")
    message: str | int | None = doc("`id` of the message.", None)
    quote: str = doc("The text in that message, verbatim.")


class Heard(Out):
    """Urgent wording that does not change the priority, such as 緊急 or ASAP."""

    quote: str = doc("The text, verbatim.")
    message: str | int | None = doc("`id` of the message.", None)


class PriorityDetail(Out):
    """The priority, and the reasons for it."""

    level: Level = doc("The priority of the case; the same as `priority`.")
    impact: str | None = doc("Effect on the business: `high`, `medium`, `low`, `unknown`.", None)
    urgency: str | None = doc("How soon the problem must be solved: `high`, `medium`, `low`, `unknown`.", None)
    evidence: list[Evidence] = doc("The rules that contributed to the priority, each with its text.")
    heard: list[Heard] = doc("Urgent wording that does not change the priority.")
    basis: str = doc("Id of the rule that decided the priority.", "")
    set_by: str = doc("`rules`, or the name of the person who set the priority.")
    by_rules: str = doc("The priority that the rules give, even if a person has set another priority.", "")


class OtherValue(Out):
    """The same fact according to another person."""

    author: str = doc("Mail address of the person.")
    message: str = doc("`id` of the message.")
    value: str = doc("The value.")
    quote: str = doc("The text, verbatim.")


class ChecklistItem(Out):
    """One fact that a good report contains."""

    item: str = doc("Id of the item, such as `occurred_at`.")
    label: Any = doc("Name of the item in the language of the case.")
    state: Literal["present", "missing", "unknown", "waived", "not_needed"] = doc(
        "`present`: a mail states the fact. `missing`: somebody has to ask for it. `unknown`: the sender does not know "
        "it; sodan does not ask again. `waived`: a person decided that it is not needed. `not_needed`: this case does "
        "not need it."
    )
    value: str | None = doc("The fact; null if no mail states it.", None)
    message: str | int | None = doc("`id` of the message that states the fact; null if none does.", None)
    quote: str | None = doc("The text that states the fact, verbatim; null if there is none.", None)
    partial: bool = doc("True if the fact is not exact enough, such as a day without a time.", False)
    none: bool = doc("True if the mail says that there is none, such as no workaround.", False)
    others: list[OtherValue] = doc("Different values that other people stated.", default_factory=list)
    set_by: str | None = doc("The person who answered or waived the item by hand; null if nobody did.", None)


class Ask(Out):
    """A request of the vendor to your side."""

    id: str | int = doc("Id of the request, for `asks` when you change the case.")
    by: Any = doc("Mail address of the person who asked.", None)
    of: Any = doc("The side that has to answer the request: `team`.", None)
    what: str = doc(
        "What is asked for, as in the meanings `ask.…`, such as `logs` or `info:<item>`; `something`: not recognised."
    )
    quote: str | None = doc("The text of the request, verbatim.", None)
    message: str | int | None = doc("`id` of the message that asks.", None)
    asked_at: datetime | None = doc("When the vendor asked.", None)
    state: AskState = doc("`open`: not answered yet; `answered`: by your side; `withdrawn`: no longer needed.")
    answered_at: datetime | None = doc("When the request was answered or withdrawn; null while it is open.", None)
    answered_by_message: str | int | None = doc("`id` of the message that answers it; null: no message.", None)
    set_by: str | None = doc("The person who marked the request as answered or withdrawn; null if nobody did.", None)
    answer: str | None = doc("The answer that this person entered; null if the person entered none.", None)


class ToneHint(Out):
    """A suggestion for a more polite wording of a mail of your own people."""

    id: str = doc("`pressure_passthrough`, `blame_vendor_slow`, `refuse_logs` or `just_fix_it` (`GET /api/meanings`).")
    message: str = doc("`id` of the message.")
    quote: str = doc("The text, verbatim.")
    advice: str = doc("What to write instead, in the language of the case.")


class ParkedTopic(Out):
    """A topic to discuss after the problem is solved."""

    topic: str = doc("`rca`, `compensation`, `product_change` or `support_dissatisfaction`.")
    message: str = doc("`id` of the message.")
    quote: str = doc("The text, verbatim.")


class ProblemStatement(Out):
    """The problem as it was last stated."""

    statement: str = doc("One sentence; empty if no mail states the problem.")
    version: int = doc("How often the mails of the case have stated the problem.")
    drift: bool = doc("True if the last statement is about another problem than the earlier statements.")
    message: str | None = doc("`id` of the message; null if no mail states the problem.", None)
    agreed_at: datetime | None = doc("When your side agreed to the statement; null if it did not.", None)


class Promise(Out):
    """A promise that names a time."""

    by: Role = doc("The side that promised.")
    due: datetime = doc("The time that was named.")
    message: str = doc("`id` of the message.")
    quote: str = doc("The text, verbatim.")
    kept: bool = doc("True if the side wrote again before this time.")
    overdue: bool = doc("True if this time has passed and the side has not written since the promise.")


class ReadBy(Out):
    """The reader that found the statements in the first mail written by a person."""

    reader: str = doc("`embedded` or `model`.")
    version: str = doc("Version of the reader, or the name of the language model.")
    pending: bool = doc("True while the language model still has to read a message of the case.")


_SUMMARY: dict[str, Any] = {
    "key": "SD-12", "title": "ノートPCから全社ポータルに入れない", "status": "open", "waiting_on": "vendor",
    "waiting_since": "2026-11-24T01:12:00Z", "priority": "P3", "kind": "incident", "language": "ja",
    "vendor": "microsoft", "vendor_refs": [{"vendor": "microsoft", "ref": "2611240030001234"}],
    "missing": ["occurred_at"], "needs_triage": True, "requester": {"name": "森 愛子", "address": "mori@corp.example"},
    "excerpt": "ノートPCから全社ポータルに入れません。", "open_asks": 1, "messages": 4,
    "opened_at": "2026-11-24T00:31:00Z", "updated_at": "2026-11-24T01:12:00Z", "owner": None,
}  # fmt: skip


class CaseSummary(Out, json_schema_extra={"examples": [_SUMMARY]}):
    """A case as it appears in a list."""

    key: str = doc("Key of the case. It never changes. After a merge, its URL redirects to the other case.")
    title: str = doc("The subject without `Re:` and `Fwd:`, or the sentence about the matter, or a title set by hand.")
    status: Status = doc("`open`: somebody has to act. `resolved`: the problem is solved. `closed`: finished.")
    waiting_on: Side | None = doc("The side that has to act next; null if nobody has to act.")
    waiting_since: datetime | None = doc("Since when this side has to act, or since when nobody has to act.")
    priority: Level = doc("Priority by business impact and urgency: `P1` is the highest.")
    kind: Kind = doc(
        "What the case is about. `incident`: something that does not work. `howto`: how to do something. "
        "`request`: something to set up, order or change. `billing`: an invoice, a price, a licence count. `security`: "
        "an attack, a leak, a lost device. `rca`: the cause of an incident that is over. `notice`: information that "
        "needs no answer."
    )
    language: str = doc("Language of the case: `ja`, `en` or another ISO 639 code; `und`: not known.")
    vendor: str | None = doc("Id of the vendor (`GET /api/vendors`); null if no vendor is known.")
    partner: str | None = doc("Mail domain of the vendor, if it has no vendor file; null if there is none.", None)
    vendor_refs: list[VendorRef] = doc("Case numbers of vendors found in the mails.")
    missing: list[str] = doc("Ids of at most five checklist items to ask for, most important first.")
    needs_triage: bool = doc("True while a person has to judge the priority, because the impact is not certain.", False)
    requester: Person | None = doc("The person who needs help; null if not known.", None)
    excerpt: str = doc("The sentence that describes the problem, verbatim; empty if there is none.", "")
    open_asks: int = doc("Number of requests of the vendor that are still open.")
    messages: int = doc("Number of messages, including those found in forwards and quotes.")
    opened_at: datetime = doc("Time of the first message.")
    updated_at: datetime = doc("Time of the last change by a mail or a person.")
    recovered: bool = doc("True after your side wrote that the problem is solved, until a mail denies it.", False)
    parked: list[ParkedTopic] = doc("Topics to discuss after the problem is solved.", default_factory=list)
    owner: str | None = doc("The team member to whom the case is assigned; null: nobody.", None)


CasePage = page_of("CasePage", CaseSummary, "A page of cases.", "The cases, in the order of `sort`.")


class Clocks(Out):
    """How long each side had to act, up to the time of the response. All times are elapsed seconds."""

    team: float | None = doc("Seconds for which the team had to act.")
    vendor: float | None = doc("Seconds for which the vendor had to act.")
    requester: float | None = doc("Seconds for which the requester had to act.")
    business: dict[str, int] = doc("By side: the same times, in business hours only.", default_factory=dict)
    first_response: float | None = doc(
        "Seconds from the team's report to the vendor until the first reply that a person of the vendor wrote. In a "
        "case without a vendor: seconds from the opening mail until the team's first mail. Null before the reply.",
        None,
    )
    turns: int | None = doc("How often the vendor answered the team; without a vendor: how often the team did.", None)


class NotCounted(Out):
    """A message that is shown but changes nothing in the case."""

    message: str = doc("`id` of the message.")
    why: Literal["forged", "unverified", "outsider"] = doc(
        "`forged`: your mail server reports that the sender is forged (DMARC failed). `unverified`: the sender is an "
        "address of your organisation, but nothing confirms this. `outsider`: the author takes no part in the case."
    )


class Suggested(Out):
    """Another case that may be about the same problem. The evidence was too weak to merge the two cases."""

    id: int = doc("Id of the suggestion, for `accept` and `dismiss`.")
    case: str = doc("Key of the other case.")
    title: str = doc("Title of the other case.")
    score: float = doc("Similarity: 0 (none) to 1 (certain).")
    reasons: list[str] = doc("What the two cases have in common, in words.")
    message: str = doc("`id` of the message that sodan compared with the other case.")
    subject: str = doc("Subject of this message.")


class Case(CaseSummary):
    """A whole case. sodan judges the case again after every mail and every manual change."""

    priority_detail: PriorityDetail = doc("The priority of the case, with the reasons for it.")
    checklist: list[ChecklistItem] = doc("The facts that a good report of this kind contains.")
    questions: list[str] = doc("Ids of at most five items to ask for, in this order.", default_factory=list)
    asks: list[Ask] = doc("Requests of the vendor to your side, oldest first.")
    tone: list[ToneHint] = doc("Suggestions for more polite wording of your own people. A vendor never sees them.")
    problem: ProblemStatement | None = doc("The problem as it was last stated.", None)
    clocks: Clocks = doc("How long each side had to act.")
    promises: list[Promise] = doc("Promises that name a time.", default_factory=list)
    participants: list[Participant] = doc("Everybody who wrote or received mail of the case.")
    merged: list[str] = doc("Keys of the cases that were merged into this one.")
    related: list[Any] = doc("Keys of related cases, such as a case that was split off from this case.")
    suggestions: list[Suggested] = doc("Possibly the same problem, most similar first.", default_factory=list)
    read_by: ReadBy | None = doc("The reader that analysed the first mail.", None)
    judged_by: str = doc("Name and version of the rules that judged the case.")
    set_by: dict[str, str] = doc("Fields that a person set, each with the name of the person.", default_factory=dict)
    notes: list[str] = doc(
        "Points for the team to check. `p1-without-contact`: no mail names a person who can be reached. "
        "`p1-without-owner`: no member of the team takes part yet. (Both: in a P1 case until `recovered`.) "
        "`overdue-promise`: a promise is overdue. `call`: after three or more exchanges, a fact is still missing. "
        "`reminded`: sodan reminded the requester. `dmarc-failed`, `sender-unverified`, `outsider`: "
        "`not_counted` lists a message with this reason.",
        default_factory=list,
    )
    not_counted: list[NotCounted] = doc("Messages that change nothing, with the reason.", default_factory=list)
