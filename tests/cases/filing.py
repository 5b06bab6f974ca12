"""Places mails one by one into cases in memory."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from mailrules.judgement import Reading, Reference
from mailrules.thread import RuleInput
from service.cases.facts.extracted import ExtractedMessage, with_reading
from service.cases.facts.extraction import IngestConfig, extract_messages
from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.roles import Roles
from service.cases.placement import matcher
from service.cases.placement.keys import candidate_lookup
from service.cases.placement.known import Evidence, Known, Suggestion
from service.cases.placement.placer import Placer
from service.mail.message import Address, Earlier, Mail, Origin

JST = timezone(timedelta(hours=9))
START = datetime(2031, 5, 12, 9, 0, tzinfo=JST)
VENDORS = {"acme.test": "acme", "umbra.test": "umbra"}
WAYS = IngestConfig(zone=JST, intake=("intake@lab.test",), secret=b"a secret of the tests")
ROLES = Roles(
    organisation=("lab.test",), team=("desk@lab.test",), vendor_of=lambda a: VENDORS.get(a.rpartition("@")[2])
)
DESK, USER, OTHER_USER = "desk@lab.test", "mika@lab.test", "jun@lab.test"
ACME, UMBRA, STRANGER = "help@acme.test", "care@umbra.test", "someone@elsewhere.test"
_NUMBER = re.compile(r"\[(acme|umbra) #([A-Z]*\d+)\]")
_MENTIONED = re.compile(r"ticket (\d{6,})")


def at(minutes: float) -> datetime:
    """A moment of the tests' time."""
    return START + timedelta(minutes=minutes)


def mail(
    id: str | None,
    author: str,
    subject: str,
    text: str,
    when: float,
    *,
    to: Iterable[str] = ("intake@lab.test",),
    parent: str | None = None,
    refs: Iterable[str] = (),
    **more: Any,
) -> Mail:
    """A mail, written ``when`` minutes after the start. ``id``, ``parent`` and ``refs`` are names without brackets."""
    return Mail(
        message_id=_id(id),
        from_=Address("", author),
        to=tuple(Address("", one) for one in to),
        subject=subject,
        text=text,
        reply_text=text,
        date=at(when),
        in_reply_to=(f"<{parent}@x.test>",) if parent else (),
        references=tuple(f"<{one}@x.test>" for one in refs),
        language="en",
        **more,
    )


def inside(author: str, text: str, when: float, *, origin: Origin = "quoted", **more: Any) -> Earlier:
    """An earlier mail found inside another."""
    return Earlier(origin, Address("", author), date=at(when), text=text, **more)


def reading_of(turn: RuleInput) -> Reading:
    """Return case numbers (``[acme #123456]`` in a subject, ``ticket 123456``), vendor, another topic."""
    subject, text = turn.subject, turn.text
    named = next((v for v in ("acme", "umbra") if v in text.casefold()), None)
    vendor = turn.vendor or named
    whose = next((v for v in ("acme", "umbra") if f"{v}'s" in text), vendor)
    stated = [Reference(v, n, True, n) for v, n in _NUMBER.findall(subject)]
    mentioned = [Reference(whose, n, False, n) for n in _MENTIONED.findall(text)] if whose else []
    departs = turn.is_reply and "On a different topic" in text
    return Reading(references=(*stated, *mentioned), vendor=vendor, departs=departs)


def read(extracted: ExtractedMessage) -> ExtractedMessage:
    return with_reading(extracted, reading_of(extracted.turn))


class _Placer(Placer):
    """Numbers new cases from one, as the store does, because mails name cases by these numbers."""

    def new_case(self, message: int) -> int:
        return -message


class Filing:
    """Cases in memory. All messages that were placed before are known."""

    def __init__(self, roles: Roles = ROLES) -> None:
        self.roles = roles
        self.known = Known()
        self.evidence: dict[int, Evidence] = {}
        self.runners_up: dict[int, list[Evidence]] = defaultdict(list)
        self.suggestions: list[Suggestion] = []
        self._count = 0

    @property
    def nodes(self) -> dict[int, MessageFacts]:
        """Every message, with the case it is in."""
        return {i: n.evolve(case=self.root(n.case or 0)) for i, n in self.known.nodes.items()}

    def root(self, case: int) -> int:
        while case in self.known.aliases:
            case = self.known.aliases[case]
        return case

    def deliver(self, *mails: Mail) -> None:
        """Place mails one after the other."""
        for one in mails:
            extracted = extract_messages(one, self.roles, WAYS, received_at=at(60 * 24 * 400))
            self.place([read(message) for message in extracted])

    def case_of(self, name: str) -> int | None:
        return self.nodes[self._number(name)].case

    def why(self, name: str) -> Evidence:
        return self.evidence[self._number(name)]

    def objections(self, name: str) -> set[str]:
        return {evidence.against for evidence in self.runners_up[self._number(name)]}

    def suggested(self, name: str) -> set[int]:
        """The cases that this mail was suggested to."""
        return {self.root(s.case) for s in self.suggestions if s.message == self._number(name)}

    def partition(self) -> frozenset[frozenset[str]]:
        """The delivered mails that bear an id, by case."""
        cases: dict[int | None, set[str]] = defaultdict(set)
        for node in self.nodes.values():
            if node.message_id and node.origin == "delivered":
                cases[node.case].add(node.message_id[1:-8])
        return frozenset(map(frozenset, cases.values()))

    def place(self, extracted: Sequence[ExtractedMessage]) -> int:
        """Place the messages of one mail. Return the id of the first, or of the message of which it is a copy."""
        ids = {b.node.id: -1 - self._count - place for place, b in enumerate(extracted)}
        self._count += len(extracted)
        come = [b.node.evolve(id=ids[b.node.id], holds=tuple(ids[h] for h in b.node.holds)) for b in extracted]
        keys = {key for node in come for key in candidate_lookup(node)}
        self.known.shared = {key: len(self.known.own.get(key, ())) for key in keys}
        placing = _Placer(self.known)
        placing.follow_strong_evidence(come)
        made = placing.finish()
        self.evidence.update(made.evidence)
        for number, runners in made.runners_up.items():
            self.runners_up[number] += runners
        self.suggestions += made.suggestions
        first = come[0].id
        return made.copies[first].message if first in made.copies else first

    def _number(self, name: str) -> int:
        return next(n.id for n in self.known.nodes.values() if n.message_id == _id(name))


@contextmanager
def content_joins_nothing() -> Iterator[None]:
    """Let only strong evidence join cases: joins by content depend on the order of arrival."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(matcher, "joins", lambda best, margin: False)
        yield


def _id(name: str | None) -> str | None:
    return None if name is None else f"<{name}@x.test>"
