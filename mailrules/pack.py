"""A pack as its author wrote it: typed, validated, with the line of every rule.

A pack is one YAML file. It holds *signals*, which only notice words, and *decisions*, which only conclude from signals
and facts. A vendor's pack holds the vendor's profile too. ``docs/packs.md`` is the reference for authors; the JSON
Schema for editors is made from these classes (``docs/pack.schema.json``).
"""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mailrules.fields import Clock, Country, Names, Words, Zone, opens_before_it_closes

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
"""Of a signal: an identifier, so that conditions can name it."""
RuleId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$")]
SideName = Literal["team", "requester", "vendor", "unknown"]
Place = Literal["subject", "sentence", "label", "list", "log", "quote", "old_subject", "file", "header"]
State = Literal["value", "none", "unknown", "not_applicable", "pending", "placeholder", "empty"]
Kind = Literal["incident", "howto", "request", "billing", "security", "rca", "notice"]
Level = Literal["high", "medium", "low"]


class Model(BaseModel):
    """Unknown keys are errors: a misspelt ``near_miss`` must not pass in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Bilingual(Model):
    ja: str
    en: str


class Example(Model):
    """A mail small enough to stand beside its rule. A plain string is its text."""

    text: str = ""
    subject: str = ""
    side: SideName | None = None
    to: list[SideName] = []
    reply: bool = False
    """The subject is somebody's earlier words."""
    author: str = ""
    files: Words = []
    headers: dict[str, str] = {}
    automatic: str | None = None
    vendor: str | None = None
    value: str | None = None
    """What the rule must have read there (decisions about items, references)."""


def _as_example(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


ExampleText = Annotated[Example, BeforeValidator(_as_example, json_schema_input_type=str | Example)]


def _as_examples(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


Examples = Annotated[
    list[ExampleText], BeforeValidator(_as_examples, json_schema_input_type=str | Example | list[str | Example])
]


class Signal(Model):
    """Something to notice in a text. Fires where any of its phrases, patterns, labels, files or headers is found and
    none of its ``not`` patterns is."""

    id: Name
    title: str = ""
    phrases: Words = []
    """Literal words, any case, any width. Latin words match whole words; ``reboot*`` matches its beginning."""
    patterns: Words = []
    """RE2, any case unless ``case``; ``^`` and ``$`` are the ends of the sentence. ``(?P<value>…)`` is kept."""
    labels: Words = []
    """RE2 for the whole label of a form line (``■発生日時: …``); the value of the line is kept."""
    files: Words = []
    """RE2 for the name of a file that came along."""
    headers: dict[str, str] = {}
    """Header name → RE2 for its value."""
    scope: list[Place] = []
    """Where to look: empty means the new text and a new subject (not pasted log lines, files or headers)."""
    not_: Words = Field(default=[], alias="not")
    """RE2: the sentence must not match any of these."""
    not_after: Words = []
    """RE2: what follows the words in the sentence must not match (RE2 has no look-ahead)."""
    not_before: Words = []
    """RE2: what stands before the words in the sentence must not match."""
    side: list[SideName] = []
    """Whose mails to look at; empty: everybody's."""
    about: str | None = None
    """An item of the checklist that these words name: ``item: about`` and ``ask: info`` conclude on it."""
    case: bool = False
    """Capital letters matter."""
    examples: Examples = []
    near_misses: Examples = []

    @model_validator(mode="after")
    def _something_to_notice(self) -> Signal:
        if not (self.phrases or self.patterns or self.labels or self.files or self.headers):
            raise ValueError("notices nothing: give phrases, patterns, labels, files or headers")
        return self


class Outcome(Model):
    """What a decision concludes. Several may be given at once."""

    item: str | None = None
    """An item of the checklist, by its id (``checklist`` in core/checklist.yaml), or ``about``: each item that the
    sentence names (signals with ``about``)."""
    state: State | None = None
    """The state of its value; without it: that of the label line, else ``value``."""
    partial: bool = False
    """Something is said, yet not enough to stop asking (a date without a time)."""
    act: str | None = None
    ask: str | None = None
    """``logs``, ``permission``, …, ``info:<item>``, or ``info``: each item that the sentence names."""
    kind: Kind | None = None
    weight: int = 1
    """How much this says for that kind; the greatest sum wins."""
    impact: Level | None = None
    urgency: Level | None = None
    cap: bool = False
    """The impact is not above this level, whatever else is said."""
    single: bool = False
    """The reporter alone is affected: stronger than a group named in the same mail."""
    consequence: bool = False
    """Says what happens when a deadline is missed."""
    security: bool = False
    """Floor of P2; P1 while it goes on."""
    heard: bool = False
    """A word of urgency: shown, never counted."""
    tone: str | None = None
    firm: bool = False
    parked: str | None = None
    promise: bool = False
    """A date stands in the sentence by which the writer will do something."""
    problem: bool = False
    """The sentence states the problem as agreed or to be agreed."""
    flag: Literal["installed", "ongoing", "recovered", "growing"] | None = None
    """A plain fact: about installed software or an appliance; still going on; over; spreading."""

    @model_validator(mode="after")
    def _something_concluded(self) -> Outcome:
        said = self.model_dump(exclude_defaults=True, exclude={"weight", "state", "partial", "cap", "single", "firm"})
        if not said:
            raise ValueError("concludes nothing")
        return self


class Decision(Model):
    """A condition over signals and facts, and what follows from it."""

    id: RuleId
    title: str = ""
    when: str
    """CEL. A bare signal name is true where it fired in this sentence; ``mail.name`` anywhere in the mail;
    ``before.name`` in the sentence before; ``lead.name`` in the sentence that introduces this list."""
    per: Literal["sentence", "mail"] = "sentence"
    """``mail``: judged once, and a bare signal name is true where it fired anywhere."""
    then: Outcome
    examples: Examples = []
    near_misses: Examples = []


class Canonical(Model):
    """How two spellings of one reference become equal. Order: keep, upper, length."""

    keep: Literal["all", "digits", "alnum"] = "all"
    """White space is always removed; leading zeros always stay."""
    upper: bool = False
    length: int | None = None
    """Only so many characters from the left (a sub-task appends digits)."""


class ReferencePattern(Model):
    """The shape of a vendor's case number."""

    pattern: str
    """RE2, any case, with ``(?P<ref>…)``; behind a ``label`` the bare shape of the number."""
    label: str | None = None
    """RE2 for the word before the number (``case|ケース``). What people put in between (番号, No., ``:``, ``#``,
    ``is``) is allowed for."""
    at: list[Literal["subject", "header", "line", "body"]] = ["subject", "line", "body"]
    """``line``: a label line or a line of its own near the top; ``body``: anywhere, and then merely mentioned."""
    header: str | None = None
    """With ``at: [header]``: the name of the header, lower case."""
    needs: Literal["nothing", "words", "domain"] = "words"
    """What must speak for the vendor first: ``nothing`` for shapes nobody else has, ``words`` when the vendor is named
    or writes, ``domain`` when only an address of the vendor makes the digits trustworthy."""
    canonical: Canonical = Canonical()
    token: bool = False
    """Ties mails together without being a number that people use (``[ref:_00D…:ref]``, ``[1G7EOR-0Q2J]``)."""
    not_: Words = Field(default=[], alias="not")
    """RE2: the line, or the subject, must not match any of these."""


class ReferenceExample(Model):
    """A text and the references to be read from it (``[]`` in a near-miss)."""

    text: str = ""
    subject: str = ""
    author: str = ""
    """Address of the writer; empty: somebody at the vendor's first domain."""
    headers: dict[str, str] = {}
    refs: Words = []


class SeverityWord(Model):
    """The vendor's own word for a level, as ``severity_requested`` keeps it."""

    word: str
    level: Literal["P1", "P2", "P3", "P4"]


class Hours(Model):
    """When the vendor's desk works, for business time."""

    calendar: Country = "JP"
    """Country of the public holidays (ISO 3166), or ``none`` for around the clock."""
    days: Literal["mon-fri", "mon-sat", "all"] = "mon-fri"
    open: Clock = time(9)
    close: Clock = time(18)
    zone: Zone = "Asia/Tokyo"

    _in_order = model_validator(mode="after")(opens_before_it_closes)


class Portal(Bilingual):
    """Where a vendor wants its answers, in words, and the address of the page."""

    url: str = ""


class Vendor(Model):
    """Who a vendor is and how its mail looks."""

    id: Name
    name: Bilingual
    domains: list[str] = []
    """Domains its people and machines write from; a subdomain counts too."""
    platform: bool = False
    """A desk that many vendors use (Zendesk, Jira): named only where no vendor is known."""
    names: Names = []
    """Words people use for it and for its products, to recognise it where no address does."""
    products: Names = []
    """Product words: they fill ``product``, and speak for the vendor weakly."""
    no_reply: Words = []
    """Local parts or whole addresses that nobody reads."""
    portal_only: bool = False
    """Answers go by the vendor's portal, never by reply."""
    portal: Portal | None = None
    """Where answers go instead."""
    references: list[ReferencePattern] = []
    never: Words = []
    """RE2 for numbers of this vendor that are no case (serials, contracts, articles, bugs): the patterns do not see
    them."""
    severities: list[SeverityWord] = []
    hours: Hours = Hours()
    upload: Words = []
    """Places where the vendor takes files (addresses, hosts)."""
    sources: Words = []
    """Where the facts were read, with their mark (A read, B seen, own, label)."""
    examples: list[ReferenceExample] = []
    near_misses: list[ReferenceExample] = []


class Item(Model):
    """One line of the checklist."""

    id: Name
    label: Bilingual
    stands_for: Words = []
    """Items that need not be asked for once this one is known (a serial number identifies the resource too)."""
    kinds: list[Kind] = []
    """The kinds of case it says something of (DOMAIN 1.2); left out, all of them."""


class Required(Model):
    """What a kind needs for an answer in one turn, most needed first. ``*``: only for installed software."""

    requester: list[str] = []
    vendor: list[str] = []


class Advice(Model):
    """A tone of our own that would hurt the consultation, and what to write instead."""

    id: Name
    title: Bilingual
    advice: Bilingual
    rewrite: Bilingual


class Topic(Model):
    """A topic that waits until service is back."""

    id: Name
    title: Bilingual


class Defaults(Model):
    """What the examples of this pack have in common."""

    side: SideName = "requester"
    to: list[SideName] = []
    author: str = ""


class Incidental(Model):
    """A vendor named in passing, as a way to talk ("Slackで連絡ください"), is no vendor of the case."""

    before: Words = []
    """RE2 for what stands before the name."""
    after: Words = []
    """RE2 for what follows it."""
    maker: Words = []
    """RE2 for what follows the name of a product where its maker is meant ("…に問い合わせ中", "… Support")."""
    party: Words = []
    """RE2 for what stands before a name where its maker is meant ("we asked …", "the invoice from …")."""


class Pack(Model):
    """One file."""

    pack: RuleId
    title: str
    defaults: Defaults = Defaults()
    vendor: Vendor | None = None
    checklist: list[Item] = []
    required: dict[Kind, Required] = {}
    states: dict[State, Words] = {}
    """RE2 for the whole value of a label line → its state."""
    tones: list[Advice] = []
    topics: list[Topic] = []
    references: list[ReferencePattern] = []
    """Shapes that any known vendor may use, tried after the vendor's own."""
    never: Words = []
    """RE2 for numbers that are nobody's case (phones, dates, deliveries, articles)."""
    incidental: Incidental = Incidental()
    signals: list[Signal] = []
    decisions: list[Decision] = []
