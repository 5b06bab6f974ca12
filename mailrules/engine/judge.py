"""Reads one mail into a reading, and judges all mails of a case."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain

import msgspec

from mailrules.catalogue.meanings import Catalogue
from mailrules.deadlines import next_business_end, read_limit
from mailrules.engine import case_facts, mails
from mailrules.engine.checklist import Checklist, item_values
from mailrules.engine.conditions import Group, Hit, View
from mailrules.engine.mails import ConcludedMail, counted_mails, valid_statements
from mailrules.engine.organisation_phrases import OrganisationPhraseReader
from mailrules.engine.priority import over, prioritise
from mailrules.engine.problem import excerpt_of, problem_of
from mailrules.engine.rulefile import Fired, RuleFile
from mailrules.fields import Bilingual
from mailrules.judgement import UNREAD, AskMade, Finding, Judgement, Promise, Reading, ToneHint
from mailrules.site import Site
from mailrules.statement import Reader, Statement
from mailrules.thread import RuleInput, Side, Thread
from mailrules.vendors import Vendors

KEPT_MAILS = 2048  # size of the cache of conclusions; a case is judged again after each of its mails
_SOLVED = ("recovered", "act.confirm_resolved")
_NOTICES = ("notification", "bounce", "calendar")
KEPT_TEXT = 16_000  # mails with a longer text are not cached


@dataclass(frozen=True, eq=False)
class Rules:
    """Reader, catalogue, rules and vendors, ready to use. Created by `library.load`."""

    version: str  # changes whenever a rule, a pack, the site file or the reader changes
    packs: tuple[str, ...]
    catalogue: Catalogue
    files: Mapping[str, RuleFile]  # question → its rules
    answers: Mapping[str, Group]  # request → the condition that a mail must meet to answer it
    checklist: Checklist
    vendors: Vendors
    reader: Reader
    organisation_phrases: OrganisationPhraseReader
    detectable_absences: Mapping[str, Collection[str]]  # language → items whose absence the embedded reader can detect
    site: Site = field(default_factory=Site)

    @property
    def people(self) -> dict[str, Side]:
        """Address or ``@domain``, lower case → its side according to the site file."""
        return {one.address.lower(): one.side for one in self.site.people}

    @property
    def names(self) -> dict[str, str]:
        """Address, lower case → its name in the site file."""
        return {one.address.lower(): one.name for one in self.site.people if one.name}

    @property
    def labels(self) -> dict[str, Bilingual]:
        """Item → its title."""
        return {item: self.catalogue.meanings[f"item.{item}"].title for item in self.catalogue.items}

    def why(self, rule: str, language: str) -> str:
        """Return the explanation of a rule, or the title of a meaning; "" if there is none."""
        for file in self.files.values():
            found = next((one for one in (*file.rules, *file.final) if one.id == rule), None)
            if found is not None:
                return found.why.in_language(language) if found.why else ""
        meaning = self.catalogue.get(rule)
        return meaning.title.in_language(language) if meaning else ""

    def vendor_name(self, vendor: str, language: str = "en") -> str:
        """Return the name of a vendor in a language; its id if no pack describes it."""
        profile = self.vendors.profiles.get(vendor)
        if profile is None:
            return vendor
        return profile.name.in_language(language)

    def read(self, turn: RuleInput) -> Reading:
        """Read one mail with the embedded reader and the organisation's own phrases.

        If the reader decides that a reply begins another matter, it reads the reply as the first mail of that matter.
        """
        turn = replace(turn, begins=False)
        text = mails.mail_text(turn)
        found = self.reader.read(text)
        departs = found.departs > 0 and (turn.is_reply or turn.subject_is_new)
        solves = departs and any(s.meaning in _SOLVED and s.state == "value" for s in found.statements)
        of_thread = {
            "continues": found.continues,
            "departs": departs,
            "solves": solves,
            "vendor_author": found.vendor_author > 0,
        }
        if departs and not turn.subject_is_new:
            turn = replace(turn, begins=True)
            text = mails.mail_text(turn)
            found = self.reader.read(text)
        statements = (*found.statements, *self.organisation_phrases.read(text))
        reading = self.reading(turn, statements, self.reader.name, self.reader.version)
        return msgspec.structs.replace(reading, **of_thread, next_scores=found.next_scores, report=found.report)

    def reading(self, turn: RuleInput, statements: Sequence[Statement], reader: str, version: str) -> Reading:
        """Return the reading of a mail for given statements, whichever reader found them."""
        known, references = self.vendors.read(turn)
        if turn.begins and not turn.subject_is_new:  # the subject is about another matter
            known, _ = self.vendors.read(replace(turn, subject=""))
        kept = tuple(s for s in statements if self.catalogue.fault(s.meaning, s.state) is None)
        bare = Reading(
            statements=kept,
            reader=reader,
            version=version,
            references=references,
            vendor=known.vendor,
            maker=known.maker,
        )
        return self._conclude(turn, bare).reading

    def conclude(self, turn: RuleInput, reading: Reading) -> ConcludedMail:
        """Return the conclusions of the rules for this mail alone. Cached for the next judgement of its case."""
        if len(turn.text) > KEPT_TEXT:
            return self._conclude(turn, reading)
        return kept_conclusions(self, turn, reading, turn.date and turn.date.utcoffset())

    def _conclude(self, turn: RuleInput, reading: Reading) -> ConcludedMail:
        view = mails.view_of(turn, reading)
        fired = {question: self.files[question].fire(view) for question in ("acts", "asks", "tone", "parked")}
        kind = self.files["kind"].decide(view)
        every = (*chain.from_iterable(fired.values()), *((kind,) if kind else ()))
        promises = [h for h in view.find("act.promise", ("value",)) if turn.automatic is None]
        problem = self.files["problem"].fire(view)
        concluded = msgspec.structs.replace(
            reading,
            kind=kind.gives if kind else None,
            acts=tuple(dict.fromkeys(one.gives for one in fired["acts"])),
            asks=_asks([(one.gives, hit) for one in fired["asks"] for hit in one.hits]),
            tone=_firsts(fired["tone"]),
            parked=_firsts(fired["parked"]),
            promises=tuple(_promises(promises, turn.date)),
            findings=tuple(chain.from_iterable(map(_findings, every))),
        )
        standing, tells = self.files["standing"].fire(view), self.files["standing"].decide(view)
        return ConcludedMail(
            turn,
            concluded,
            view,
            tuple(
                (frozenset(hit.statement.meaning for hit in one.hits), frozenset(one.gives.split(", ")))
                for one in standing
            ),
            doubts=tells is not None and tells.gives == "doubt",
            remark=turn.wrapper and tells is None,
            offered=tuple(hit for one in problem if one.rule.id == "problem.offered" for hit in one.hits),
            described=tuple(hit for one in problem if one.rule.id != "problem.offered" for hit in one.hits),
        )

    def answers_ask(self, what: str, turn: RuleInput, reading: Reading) -> tuple[Statement, ...] | None:
        """Return the statements of a mail of our side that answer a request of the vendor.

        ``what``: the topic of the request. Returns None if the mail does not answer the request, and an empty tuple if
        only the attachments of the mail answer it.
        """
        view = mails.view_of(turn, reading)
        if what.startswith("info:"):
            hits = view.find(f"item.{what[5:]}", ("value", "partial", "none", "unknown", "not_applicable"))
            answered = bool(hits)
        else:
            answered, hits = self.answers[what].holds(view) if what in self.answers else (False, [])
        return tuple(hit.statement for hit in hits) if answered else None

    def judge(self, thread: Thread, readings: Sequence[Reading]) -> Judgement:
        """Judge a case by its mails, oldest first, at least one. Mails that are ``UNREAD`` are read first."""
        read = (self.read(turn) if one is UNREAD else one for turn, one in zip(thread, readings, strict=True))
        concluded = list(map(self.conclude, thread, read))
        full, telling = [one.reading for one in concluded], mails.informative_mails(concluded)
        known_kind = case_facts.kind_of(concluded)
        only_notices = all(turn.automatic in _NOTICES for turn in thread)
        kind = known_kind or ("notice" if only_notices else "incident")
        towards = "vendor" if case_facts.inquires(thread) else "team"
        first, language = mails.opener(thread), case_facts.language_of(thread)
        opened = first.automatic is None and first.side in ("team", "requester") and mails.opens(first)
        facts = {
            "side": first.side,
            "opens": opened,
            "language": language,
            "messages": len(thread),
            "towards": towards,
            "due_soon": self._due_soon(concluded),
            "files": sum(len(turn.files) for turn in thread),
        }
        view = View(valid_statements(concluded), facts)
        told = item_values([(one.turn, one.reading) for one in counted_mails(concluded) if mails.ours(one.turn)])
        detectable = self._detectable(thread, full, language)
        recovered, parked = over(view, self.files["triage"]), case_facts.parked_of(concluded)
        cause = "rca" if any(topic.value == "rca" for topic in parked) else None
        needs = cause if recovered else known_kind if opened else None
        lines, missing, questions = self.checklist.fill(view, needs, told, detectable)
        vendor = case_facts.vendor_of(thread, full, self.vendors)
        by_person = next((r for t, r in zip(thread, full, strict=True) if t.automatic is None), full[0])
        return Judgement(
            kind=kind,
            language=language,
            priority=prioritise(view, kind, self.files["priority"], self.files["triage"]),
            checklist=lines,
            missing=missing,
            questions=questions,
            readings=tuple(full),
            excerpt=excerpt_of(tuple(one.turn for one in telling), [one.reading for one in telling]),
            tone=self._tone(concluded),
            parked=parked,
            problem=problem_of(concluded),
            vendor=vendor,
            references=case_facts.references_of(thread, full, vendor),
            judged_by=self.version,
            recovered=recovered,
            reader=by_person.reader,
            reader_version=by_person.version,
        )

    def _due_soon(self, concluded: Sequence[ConcludedMail]) -> bool:
        """Whether our side states a deadline before the end of the business day after its mail."""
        for one in counted_mails(concluded):
            written = one.turn.date
            if written is None:
                continue
            for hit in one.view.find("item.deadline", ("value",)):
                due = _due(hit.statement, written)
                if due is not None and due <= next_business_end(written, self.site.calendar.is_off):
                    return True
        return False

    def _detectable(self, thread: Thread, readings: Sequence[Reading], language: str) -> Collection[str] | None:
        """Return the items whose absence can be detected.

        None, which means all items, if a model read all mails of our side.
        """
        mine = [r for t, r in zip(thread, readings, strict=True) if mails.ours(t)]
        if mine and all(reading.reader != "embedded" for reading in mine):
            return None
        return self.detectable_absences.get("ja" if language == "ja" else "en", ())

    def _tone(self, concluded: Sequence[ConcludedMail]) -> tuple[ToneHint, ...]:
        hints = []
        for finding in mails.findings_of_case(concluded, "tone"):
            meaning = self.catalogue.get(f"tone.{finding.value}")
            if meaning is not None and meaning.advice is not None and meaning.rewrite is not None:
                advice, rewrite = meaning.advice, meaning.rewrite
                text = Bilingual(ja=f"{advice.ja}\n{rewrite.ja}", en=f"{advice.en}\n{rewrite.en}")
                hints.append(ToneHint(finding.value or "", finding, text))
        return tuple(hints)


@lru_cache(KEPT_MAILS)
def kept_conclusions(rules: Rules, turn: RuleInput, reading: Reading, _offset: timedelta | None) -> ConcludedMail:
    """Cache ``Rules._conclude``. The UTC offset is part of the key, because equal times can be on different days."""
    return rules._conclude(turn, reading)


def _asks(made: Sequence[tuple[str, Hit]]) -> tuple[AskMade, ...]:
    """Return the requests in the order of the text. A topic counts once; each sentence without a topic is "something".

    A part of a sentence counts as a separate request if another part names a topic (the embedded reader decides this).
    """
    specific = [hit.statement for what, hit in made if what != "something"]
    quotes = [hit.statement.quote for what, hit in made if what != "something"]
    found: list[AskMade] = []
    for what, hit in sorted(made, key=lambda one: one[1].statement.start):
        quote = hit.statement.quote
        if what == "something":
            if not any(_is_part(hit.statement, one) for one in specific) and any(
                quote in other or other in quote for other in quotes
            ):
                continue
            quotes.append(quote)
        elif any(one.what == what.replace("info.", "info:", 1) for one in found):
            continue
        found.append(AskMade(what.replace("info.", "info:", 1), mails.finding(f"ask.{what}", "core", hit.statement)))
    return tuple(found)


def _is_part(said: Statement, sentence: Statement) -> bool:
    inside = 0 <= sentence.start <= said.start < said.end <= sentence.end
    return inside and said.quote != sentence.quote and said.reader == sentence.reader == "embedded"


def _findings(fired: Fired) -> list[Finding]:
    return [mails.finding(fired.rule.id, fired.rule.file, hit.statement, fired.gives) for hit in fired.hits]


def _firsts(fired: Sequence[Fired]) -> tuple[Finding, ...]:
    """Return each result once, with the first text that supports it."""
    found: dict[str, Finding] = {}
    for one in fired:
        for finding in _findings(one):
            found.setdefault(one.gives, finding)
    return tuple(found.values())


def _promises(hits: Iterable[Hit], written: datetime | None) -> Iterator[Promise]:
    """Yield the promises. A sentence whose time was already past when it was written is not a promise."""
    for hit in hits:
        due = _due(hit.statement, written)
        if due is None or written is None or due >= written:
            yield Promise(due, mails.finding("act.promise", "core", hit.statement))


def _due(said: Statement, written: datetime | None) -> datetime | None:
    """Return the due time of a statement, from its value or otherwise from its quote."""
    with suppress(ValueError):
        due = datetime.fromisoformat(said.value or "")
        if due.tzinfo is not None:
            return due
    return read_limit(said.quote, written)
