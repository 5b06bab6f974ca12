"""Cases in memory: places mails one by one, with all that was placed before at hand."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from mailrules.judgement import Finding, Reading, Reference
from service.cases.facts.extracted import ExtractedMessage, with_reading
from service.cases.facts.extraction import IngestConfig, extract_messages
from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.roles import Roles
from service.cases.placement import matcher
from service.cases.placement.keys import candidate_lookup
from service.cases.placement.known import Evidence, Known, Suggestion
from service.cases.placement.placer import Placer
from service.mail.message import Address, Earlier, Mail

JST = timezone(timedelta(hours=9))
START = datetime(2031, 5, 12, 9, 0, tzinfo=JST)
VENDORS = {"acme.test": "acme", "umbra.test": "umbra"}
WAYS = IngestConfig(zone=JST, intake=("intake@lab.test",), organisation=("lab.test",), secret=b"a secret of the tests")
ROLES = Roles(
    organisation=("lab.test",), team=("desk@lab.test",), vendor_of=lambda a: VENDORS.get(a.rpartition("@")[2])
)
DESK, USER, OTHER_USER = "desk@lab.test", "mika@lab.test", "jun@lab.test"
ACME, UMBRA, STRANGER = "help@acme.test", "care@umbra.test", "someone@elsewhere.test"
PRODUCTS = {"rotor": "acme", "shades": "umbra"}
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
    cc: Iterable[str] = (),
    parent: str | None = None,
    refs: Iterable[str] = (),
    **more: object,
) -> Mail:
    """A mail, written ``when`` minutes after the start. ``id``, ``parent`` and ``refs`` are names without brackets."""
    return Mail(
        message_id=_id(id),
        from_=Address("", author),
        to=tuple(Address("", one) for one in to),
        cc=tuple(Address("", one) for one in cc),
        subject=subject,
        text=text,
        reply_text=text,
        date=at(when),
        in_reply_to=(f"<{parent}@x.test>",) if parent else (),
        references=tuple(f"<{one}@x.test>" for one in refs),
        language="en",
        **more,  # type: ignore[arg-type]
    )


def inside(author: str, text: str, when: float | None, *, subject: str | None = None, **more: object) -> Earlier:
    """An earlier mail found inside another: quoted, where ``origin`` does not say otherwise."""
    values: dict[str, object] = {"origin": "quoted", **more}
    return Earlier(
        from_=Address("", author),
        subject=subject,
        date=None if when is None else at(when),
        text=text,
        **values,  # type: ignore[arg-type]
    )


def read(extracted: ExtractedMessage) -> ExtractedMessage:
    """What rules would read: a number (``[acme #123456]`` in a subject), ``SOLVED``, ``CAUSE``, ``HOW``, a product."""
    subject = extracted.turn.subject
    stated = tuple(Reference(v, n, True, n) for v, n in _NUMBER.findall(subject))
    vendor = extracted.node.vendor or next((v for v in ("acme", "umbra") if v in extracted.text.casefold()), None)
    whose = next((v for v in ("acme", "umbra") if f"{v}'s" in extracted.text), vendor)
    told = tuple(Reference(whose, n, False, n) for n in _MENTIONED.findall(extracted.text)) if whose else ()
    acts = ("confirm_resolved",) if "SOLVED" in extracted.text else ()
    return with_reading(
        extracted,
        Reading(
            turn=extracted.turn.id,
            kind="rca" if "CAUSE" in extracted.text else "howto" if "HOW" in extracted.text else None,
            acts=acts,
            references=(*stated, *told),
            vendor=vendor,
            maker=None if vendor else next((PRODUCTS[p] for p in PRODUCTS if p in extracted.text.casefold()), None),
            findings=(Finding("test", "test", extracted.turn.id, ""),),
            departs=extracted.turn.is_reply and "On a different topic" in extracted.text,
        ),
    )


class _Placer(Placer):
    """Numbers new cases from one, as the store does: mails name cases by these numbers."""

    def new_case(self, message: int) -> int:
        return -message


class Filing:
    """Cases in memory: all that was placed before is known."""

    def __init__(self, reopen: timedelta = timedelta(days=14), roles: Roles = ROLES) -> None:
        self.reopen, self.roles = reopen, roles
        self.known = Known()
        self.evidence: dict[int, Evidence] = {}
        self.against: dict[int, set[str]] = defaultdict(set)
        self.suggestions: list[Suggestion] = []
        self.related: set[tuple[int, int]] = set()
        self.deliveries: dict[int, int] = defaultdict(int)
        self._count = 0

    @property
    def nodes(self) -> dict[int, MessageFacts]:
        """Every message, with the case it is in."""
        return {i: replace(n, case=self.root(n.case or 0)) for i, n in self.known.nodes.items()}

    def root(self, case: int) -> int:
        while case in self.known.aliases:
            case = self.known.aliases[case]
        return case

    def deliver(self, *mails: Mail) -> int:
        """Place mails one after the other; the message number of the last one itself."""
        number = 0
        for one in mails:
            number = self.place(
                tuple(read(b) for b in extract_messages(one, self.roles, WAYS, received_at=at(60 * 24 * 400)))
            )
        return number

    def case_of(self, name: str) -> int | None:
        """The case of the message with this id; None where it is not there."""
        return next((n.case for n in self.nodes.values() if n.message_id == _id(name)), None)

    def why(self, name: str) -> Evidence:
        return self.evidence[self._number(name)]

    def objections(self, name: str) -> set[str]:
        return self.against[self._number(name)]

    def suggested(self, name: str) -> set[int]:
        """The cases that this mail was suggested to."""
        return {self.root(s.case) for s in self.suggestions if s.message == self._number(name)}

    def partition(self) -> frozenset[frozenset[str]]:
        """The delivered mails that bear an id, by case."""
        cases: dict[int | None, set[str]] = defaultdict(set)
        for node in self.nodes.values():
            if node.message_id and node.origin == "delivered":
                cases[node.case].add(node.message_id[1:-8])
        return frozenset(frozenset(one) for one in cases.values())

    def are_related(self, one: str, other: str) -> bool:
        pair = {self.case_of(one), self.case_of(other)}
        return any({self.root(a), self.root(b)} == pair for a, b in self.related)

    def place(self, extracted: Sequence[ExtractedMessage]) -> int:
        """Place one mail, given as what it brings; its message number."""
        ids = {b.node.id: -1 - self._count - place for place, b in enumerate(extracted)}
        self._count += len(extracted)
        come = [replace(b.node, id=ids[b.node.id], holds=tuple(ids[h] for h in b.node.holds)) for b in extracted]
        keys = {key for node in come for key in candidate_lookup(node)}
        self.known.shared = {key: len(self.known.own.get(key, ())) for key in keys}
        placing = _Placer(self.known, self.reopen)
        placing.take(come)
        made = placing.finish()
        self.evidence.update(made.evidence)
        for number, runners in made.runners_up.items():
            self.against[number] |= {r.against for r in runners}
        self.suggestions += made.suggestions
        self.related |= {*made.related}
        numbers = [made.copies[node.id].message if node.id in made.copies else node.id for node in come]
        for number in numbers:
            self.deliveries[number] += 1
        return numbers[0]

    def _number(self, name: str) -> int:
        return next(n.id for n in self.known.nodes.values() if n.message_id == _id(name))


@contextmanager
def content_joins_nothing() -> Iterator[None]:
    """Content is decided once, by what is known then: only strong evidence makes the same cases in any order."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(matcher, "joins", lambda best, margin: False)
        yield


def _id(name: str | None) -> str | None:
    return None if name is None else f"<{name}@x.test>"
