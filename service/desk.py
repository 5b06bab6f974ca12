"""The changes that people make to cases, over HTTP, on the page or by a command.

Each change is one transaction, in which the changed cases are judged again and saved. The methods raise NotFound,
Refused and Conflict like the functions of the store that they call. ``who`` is the name of the person.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, Field

from mailrules.engine.judge import Rules
from service.case_query import CaseQuery
from service.cases import brief, brief_text
from service.cases.brief_input import BriefInput
from service.cases.clocks import calendars_of
from service.cases.state import Level, SideToAct, Status
from service.errors import Conflict, NotFound, Refused
from service.intake import AppContext, rejudge
from service.outbound import compose, questions
from service.outbound.acknowledge import OutboundConfig, reply_subject
from service.outbound.setup import outbound_of
from service.settings import Settings
from service.store import (
    cases,
    contents,
    corrections,
    keys,
    notes,
    outbox,
    reviews,
    second_readings,
    suggestions,
    timeline,
    undo,
)
from service.store.blob_store import blob_store_of
from service.store.cached_value import CachedValue
from service.store.cursor import from_cursor
from service.store.database import Connection, Database, one_at_a_time

BRIEF_MAILS = 2000  # a brief uses at most this many of the newest mails of the case


class AskAnswer(BaseModel, extra="forbid"):
    """The answer to a request of the vendor, in words."""

    answer: str = Field(min_length=1, max_length=2000, description="The answer.")


_CHANGES = [{"priority": "P2"}, {"status": "resolved"}, {"items": {"version": "waived"}}]


class CaseChange(BaseModel, extra="forbid", json_schema_extra={"examples": _CHANGES}):
    """Values that a person sets. A field that is absent does not change.

    sodan keeps a value until a person sets the field to `null`. Then the rules decide again.
    """

    status: Status | None = Field(None, description="Status; null: by the rules.")
    priority: Level | None = Field(None, description="Priority; null: by the rules.")
    title: str | None = Field(None, pattern=r"\S", max_length=500, description="Title; null: from the mail.")
    vendor: str | None = Field(None, max_length=64, description="Id of a vendor (`/api/vendors`); null: by the rules.")
    waiting_on: SideToAct | None = Field(
        None, description="The side that has to act next; `none`: nobody has to act; null: by the rules."
    )
    owner: str | None = Field(None, max_length=200, description="The team member in charge; `me`: you; null: nobody.")
    items: dict[str, Literal["waived"] | str | None] | None = Field(
        None,
        max_length=64,
        description="By id of the checklist item: `waived` (not needed), the answer as text, or null (by the rules).",
    )
    asks: dict[str, Literal["answered", "withdrawn"] | AskAnswer | None] | None = Field(
        None,
        max_length=64,
        description="By id of the vendor's request, or `*` for all open requests. `answered`: your side answered by "
        "phone or in a portal. `{answer: …}`: the answer in words. `withdrawn`: the answer is no longer needed. null: "
        "remove your entry. When the last open request is answered, the vendor has to act next.",
    )


@dataclass(frozen=True)
class Desk:
    """Makes the changes that people want, on the page, in the API and by command."""

    settings: Settings
    database: Database
    load_context: Callable[[], AppContext]  # loads the rules at first use; raises Refused (invalid pack)
    now: Callable[[], datetime]

    @cached_property
    def context(self) -> AppContext:
        return self.load_context()

    @cached_property
    def vendor_reviews(self) -> CachedValue[list[dict[str, Any]]]:
        """The 200 vendors with the most cases, each with id, numbers of cases and review."""

        def read(conn: Connection) -> list[dict[str, Any]]:
            vendors = sorted(reviews.counts(conn).items(), key=lambda pair: (-pair[1]["cases"], pair[0]))[:200]
            return [{"id": id, **numbers, "review": reviews.review(conn, id, self.now())} for id, numbers in vendors]

        return CachedValue(lambda: self.database.read(read))

    @cached_property
    def usual_times(self) -> CachedValue[dict[str, float]]:
        """Priority → seconds until a case of this priority is usually resolved."""
        return CachedValue(lambda: self.database.read(lambda conn: reviews.usual_times(conn, self.now())))

    @property
    def rules(self) -> Rules:
        return self.context.rules

    def list_cases(
        self, query: CaseQuery, me: str, sort: str, limit: int, cursor: str | None
    ) -> tuple[list[dict[str, Any]], list[Any] | None]:
        """Return summaries of cases, and the position of the last one if there are more. ``me``: name of the caller."""
        which, after = query.filter(me, self.now()), from_cursor(cursor)
        if which.missing not in (None, "any") and which.missing not in self.rules.labels:
            raise Refused(f"missing: expected any, {', '.join(sorted(self.rules.labels))}")
        return self.database.read(lambda conn: cases.page(conn, which, sort, limit, after, self.prefix))

    @property
    def prefix(self) -> str:
        return self.settings.case_prefix

    def key_of(self, number: int) -> str:
        return cases.key_of(number, self.prefix)

    def number_of(self, key: str) -> int:
        """Return the number of a case by its key. Raises NotFound if the text is not a case key."""
        return cases.number_of(key, self.prefix)

    def find(self, key: str) -> cases.StoredCase:
        """Return a case by its key, merged or not. Raises NotFound."""
        number = self.number_of(key)
        try:
            return self.database.read(lambda conn: cases.find(conn, number))
        except NotFound:
            raise NotFound(f"there is no case {key[:40]}") from None

    def survivor(self, key: str) -> int:
        """Return the number of the case with this key, or of the case into which it was merged. Raises NotFound."""
        case = self.find(key)
        if case.merged_into is None:
            return case.id
        return self.database.read(lambda conn: cases.survivor(conn, case.id))

    def document(self, case: cases.StoredCase) -> dict[str, Any]:
        """Return the document of a case as of now, with its open suggestions."""

        def read(conn: Connection) -> tuple[list[dict[str, Any]], bool]:
            pending = bool(self.settings.model_url) and second_readings.is_pending(conn, case.id)
            return suggestions.of_case(conn, case.id, self.prefix), pending

        open_suggestions, pending = self.database.read(read)
        calendars = calendars_of(self.rules, case.document.get("vendor"))
        document = cases.to_now(case, self.now(), calendars) | {"suggestions": open_suggestions}
        if document.get("read_by"):
            document["read_by"] = {**document["read_by"], "pending": pending}
        return document

    def content(self, spool_id: str) -> bytes:
        return contents.content(self.database, blob_store_of(self.settings), spool_id)

    def brief(self, number: int, reader: str, language: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the document of a case and its brief. ``reader``: who will read it: vendor, team or requester."""
        case, mails = self.database.read(
            lambda conn: (cases.find(conn, number), timeline.outlines(conn, number, BRIEF_MAILS))
        )
        now = self.now()
        document = cases.to_now(case, now)
        source = BriefInput(document, mails, reader, language, self.rules.labels, self.settings.zone)
        return document, brief.brief(source, now)

    def brief_draft(self, number: int, reader: str, language: str | None) -> bytes:
        """Return the brief of a case as a draft mail, with the address of the case in Cc."""
        case, made = self.brief(number, reader, language)
        outbound = self.database.transact(self.outbound)
        new = (ref for ref in made["references"] if reader == "vendor" and ref not in case["title"])
        return compose.brief_draft(
            brief_text.text(made, self.settings.zone),
            to="" if reader == "team" else compose.address_of(case, reader),
            cc=outbound.reply_address(number),
            subject=reply_subject(" ".join([case["title"], *new]), case["key"]),
            language=made["lang"],
        )

    # ── changes ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def set_values(
        self, number: int, wanted: Mapping[str, Any], who: str, check: Callable[[cases.StoredCase], None] | None = None
    ) -> tuple[int, cases.StoredCase]:
        """Set fields, checklist items and requests of a case (None resets them). The owner ``me`` means ``who``.

        ``check`` gets the case before the change, and raises an error to prevent the change. Returns the event (0 if
        ``wanted`` is empty) and the case.
        """
        if wanted.get("owner") == "me":
            wanted = {**wanted, "owner": who}
        now = self.now()

        def change(conn: Connection) -> tuple[int, cases.StoredCase]:
            one_at_a_time(conn)
            case = cases.find(conn, number)
            self._check_known(case, wanted)
            if check is not None:
                check(case)
            event = corrections.set_by_person(conn, number, wanted, who, now) if wanted else 0
            if event:
                rejudge(conn, [number], self.context, now=now)
            return event, cases.find(conn, number)

        return self.database.transact(change)

    def _check_known(self, case: cases.StoredCase, wanted: Mapping[str, Any]) -> None:
        """Raise an error if ``wanted`` sets an item or request that the case cannot have."""
        for item, value in (wanted.get("items") or {}).items():
            if value is not None and item not in self.rules.labels:
                raise NotFound(f"items: {item[:40]!r} is not a checklist item; docs/meanings.md lists them as item.…")
            if value != "waived" and get_close_matches(str(value).casefold(), ["waived"], 1, 0.83):
                raise Refused(f"items: {item}: {value!r} would be the answer in words; did you mean `waived`?")
        asks = case.document.get("asks", ())
        if (wanted.get("asks") or {}).get("*") and not any(ask["state"] == "open" or ask["set_by"] for ask in asks):
            raise Conflict("asks: this case has no open request, so `*` changes nothing")
        ids = {"*", *(ask["id"] for ask in asks)}
        for id, value in (wanted.get("asks") or {}).items():
            if value is not None and id not in ids:
                raise NotFound(f"asks: {id[:40]!r} is not a request of this case; `asks` of the case lists them")

    def merge(self, number: int, into: int, who: str) -> tuple[int, int]:
        """Merge a case into another case. Returns the ids of the event and of the case that contains both."""
        return self._correct(
            lambda conn, now: (corrections.merge(conn, number, into, who, now), corrections.survivor(conn, into))
        )

    def move(self, message: int, to: int | None, who: str) -> tuple[int, int]:
        """Move a message to a case (None: a new case). Returns the ids of the event and of the case."""
        return self._correct(lambda conn, now: corrections.move(conn, message, to, who, now))

    def accept(self, number: int, suggestion: int, who: str) -> tuple[int, int]:
        """Accept a suggestion of a case. Returns the ids of the event and of the case that contains both."""
        return self._correct(lambda conn, now: corrections.accept(conn, number, suggestion, who, now))

    def _correct(self, correct: Callable[[Connection, datetime], tuple[int, int]]) -> tuple[int, int]:
        now = self.now()

        def change(conn: Connection) -> tuple[int, int]:
            event, case = correct(conn, now)
            rejudge(conn, corrections.changed_cases(conn, event), self.context, now=now)
            return event, case

        return self.database.transact(change)

    def dismiss(self, number: int, suggestion: int, who: str) -> None:
        """Dismiss a suggestion of a case, so that the same two cases are not suggested again."""
        now = self.now()

        def change(conn: Connection) -> None:
            pair = corrections.dismiss(conn, number, suggestion, who, now)
            rejudge(conn, pair, self.context, now=now)

        self.database.transact(change)

    def undo(self, events: Sequence[int], who: str) -> list[int]:
        """Undo the corrections recorded by these events, the newest first. Returns the ids of the changed cases."""
        now = self.now()

        def change(conn: Connection) -> list[int]:
            touched = {case for event in sorted(events, reverse=True) for case in undo.undo(conn, event, who, now)}
            rejudge(conn, sorted(touched), self.context, now=now)
            return sorted(touched)

        return self.database.transact(change)

    def note(self, number: int, text: str, who: str) -> dict[str, Any]:
        """Add a note for the team and return the note. Raises Refused if the text is empty."""
        if not text.strip():
            raise Refused("the note is empty")

        def change(conn: Connection) -> dict[str, Any]:
            id = notes.add(conn, number, text, who, self.now())
            return next(note for note in notes.of_case(conn, number, self.prefix) if note["id"] == id)

        return self.database.transact(change)

    # ── questions ────────────────────────────────────────────────────────────────────────────────────────────────────

    def outbound(self, conn: Connection) -> OutboundConfig:
        """Return the settings for mail in cases. The key that signs reply addresses is created at first use."""
        return outbound_of(self.settings, keys.key(conn, "case", self.now()))

    def draft_questions(
        self, number: int, items: Sequence[str], text: str = "", language: str | None = None
    ) -> questions.Questions:
        """Return the mail that would ask the requester for these items. It is not written to the outbox."""
        return self.database.transact(lambda conn: self._prepare(conn, number, items, text, language, ""))

    def ask(
        self, number: int, items: Sequence[str], text: str, language: str | None, who: str
    ) -> tuple[questions.Questions, dict[str, Any]]:
        """Write the mail that asks for these items to the outbox. Returns (mail, outbox entry). Raises Conflict."""

        def change(conn: Connection) -> tuple[questions.Questions, dict[str, Any]]:
            mail = self._prepare(conn, number, items, text, language, who)
            return mail, outbox.entry(conn, questions.ask(conn, mail, self.outbound(conn), self.now()))

        return self.database.transact(change)

    def _prepare(
        self, conn: Connection, number: int, items: Sequence[str], text: str, language: str | None, who: str
    ) -> questions.Questions:
        outbound, known = self.outbound(conn), self.rules.labels
        return questions.prepare(conn, number, items, text, outbound, known=known, language=language, who=who)
