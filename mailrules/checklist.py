"""What is said and what is still missing for an answer in one turn (DOMAIN 1.2 to 1.4).

Only our own side's words fill it, newest value first; a value is never lost to a later "unknown". What was said to be
unknown is not asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailrules.judgement import ItemState, ItemValue, Reading
from mailrules.pack import Item, Required
from mailrules.thread import Side, Thread, Turn

_ASKED_AT_ONCE = 5
_KNOWN = ("value", "none")
_UNKNOWN = ("unknown", "not_applicable")
_TROUBLE = frozenset(
    (
        "symptom", "error_message", "occurred_at", "timezone", "impact_scope", "business_impact", "frequency",
        "repro_steps",
    )
)  # fmt: skip
"""Items that tell the trouble as long as it lasts."""
_STATED = _TROUBLE | frozenset(
    (
        "expected", "product", "version", "environment", "location", "resource_id", "device_id", "contract_id",
    )
)  # fmt: skip
"""Items that an inquiry states; what is said in passing later is not meant as a better word for them."""
_SAYS = 20
"""Columns of a question that says something ("Which is it?" and 「ひとつ質問です。」 do not)."""
_INQUIRY = 4
"""Sentences and lines of a mail to a vendor that tell an item, at least, to count as the inquiry."""
_ASKED = frozenset(("question", "background"))
"""Items that tell what is wanted of the vendor."""


def side_of(thread: Thread) -> Side:
    """Whose checklist counts: ``requester`` towards us, ``team`` once the team writes to a vendor."""
    opener = next((turn for turn in thread if turn.automatic is None), thread[0])
    if any(turn.side == "team" and ("vendor" in turn.towards or turn.vendor) for turn in thread):
        return "team"
    return "team" if opener.side == "team" else "requester"


def is_opening(thread: Thread) -> bool:
    """Whether one of ours opened the case, so that something can be missing."""
    first = next((turn for turn in thread if turn.automatic is None), None)
    return first is not None and first.side in ("team", "requester") and (first.subject_is_new or first.begins)


class Checklist:
    """The items and what each kind needs."""

    def __init__(self, items: Sequence[Item], required: Mapping[str, Required]) -> None:
        self.items = {item.id: item for item in items}
        self.order = {item.id: number for number, item in enumerate(items)}
        self._required = required

    def values(self, thread: Thread, readings: Sequence[Reading]) -> dict[str, ItemValue]:
        """What our side says of each item, newest value first; but once it is over nothing new is told of the trouble,
        what was asked of the vendor stays what is asked of him, and what the inquiry to him states stays until he asks
        for it again or another inquiry states it."""
        values: dict[str, ItemValue] = {}
        known = _Known()
        for turn, reading in zip(thread, readings, strict=True):
            if turn.automatic is not None:
                continue
            if turn.side == "vendor":
                known.stated -= {ask.what.removeprefix("info:") for ask in reading.asks}
                continue
            known.hear(turn, reading)
            for said in reading.items:
                before = values.get(said.item)
                if before is None or (
                    _weight(said) >= _weight(before) and not known.stays(before, said, turn, reading)
                ):
                    values[said.item] = said
                    known.tell(said.item, turn)
        return values

    def required(self, kind: str, side: Side, *, installed: bool) -> list[str]:
        """The items needed, most needed first. That a P1 names no contact is told by the notes of its case."""
        needs = self._required.get(kind)
        if needs is None:
            return []
        names = needs.vendor if side == "team" else needs.requester
        return [name.rstrip("*") for name in names if installed or not name.endswith("*")]

    def fill(
        self, kind: str, wanted: Sequence[str], values: Mapping[str, ItemValue]
    ) -> tuple[tuple[ItemState, ...], tuple[str, ...], tuple[str, ...]]:
        """The checklist, what is missing, and what is worth asking for now (at most five)."""
        lines: list[ItemState] = []
        missing: list[str] = []
        askable: list[str] = []
        for name, item in self.items.items():
            said = values.get(name)
            state = self._state(kind, item, said, wanted, values)
            if state == "missing":
                missing.append(name)
                if said is None or said.state != "pending":
                    askable.append(name)
            lines.append(
                ItemState(
                    name,
                    {"ja": item.label.ja, "en": item.label.en},
                    state,
                    said.value if said else None,
                    said.finding.turn if said else None,
                    said.finding.quote if said else None,
                    said.partial if said else False,
                )
            )
        rank = {name: number for number, name in enumerate(wanted)}
        missing.sort(key=lambda name: rank[name])
        askable.sort(key=lambda name: rank[name])
        return tuple(lines), tuple(missing), tuple(askable[:_ASKED_AT_ONCE])

    def _state(
        self,
        kind: str,
        item: Item,
        said: ItemValue | None,
        wanted: Sequence[str],
        values: Mapping[str, ItemValue],
    ) -> str:
        name = item.id
        if item.kinds and kind not in item.kinds and name not in wanted:
            return "not_needed"
        if said is not None and said.state in _KNOWN and not said.partial:
            return "present"
        if said is not None and said.state in _UNKNOWN:
            return "unknown"
        if name not in wanted:
            return "not_needed"
        for other, value in values.items():
            stands_for = self.items[other].stands_for if other in self.items else []
            if name in stands_for and value.state in _KNOWN:
                return "not_needed"
        return "missing"


class _Known:
    """How the case stands while its mails are gone through."""

    def __init__(self) -> None:
        self.over = False
        """One of ours said that it works again."""
        self.inquiry = False
        """The mail at hand states the matter to a vendor."""
        self.stated: set[str] = set()
        """Items that an inquiry told the vendor."""
        self.asked: set[str] = set()
        """Items that tell the vendor what is wanted."""

    def hear(self, turn: Turn, reading: Reading) -> None:
        if "reopen" in reading.acts or "ongoing" in reading.flags:
            self.over = False
        if "recovered" in reading.flags or "confirm_resolved" in reading.acts:
            self.over = True
        told = len({said.finding.start for said in reading.items if said.state in _KNOWN})
        self.inquiry = "reopen" in reading.acts or (
            turn.side == "team" and "vendor" in turn.towards and told >= _INQUIRY
        )

    def tell(self, item: str, turn: Turn) -> None:
        if item in _ASKED and "vendor" in turn.towards:
            self.asked.add(item)
        if item in _STATED and self.inquiry:
            self.stated.add(item)

    def stays(self, before: ItemValue, said: ItemValue, turn: Turn, reading: Reading) -> bool:
        """Whether what is known of an item is better than what this mail happens to say."""
        if before.state not in _KNOWN or before.partial:
            return False
        if before.item in _TROUBLE and self.over:
            return True
        if before.item in _STATED:
            return before.item in self.stated and not self.inquiry
        if before.item not in _ASKED:
            return False
        elsewhere = before.item in self.asked and "vendor" not in turn.towards
        return "chase" in reading.acts or elsewhere or _columns(said.value) < _SAYS <= _columns(before.value)


def _columns(text: str) -> int:
    return sum(1 if char.isascii() else 2 for char in text)


def _weight(said: ItemValue) -> int:
    if said.partial:
        return 1
    return 3 if said.state in _KNOWN else 2 if said.state in _UNKNOWN else 1 if said.state == "pending" else 0
