"""Decides which items of the checklist are given and which are missing. See docs/design.md, Required sets.

An item has one of these states:

* `present`: a mail states the item, or states that there is none;
* `unknown`: a mail says that the item is not known; sodan does not ask for it again;
* `missing`: the item is required, no mail states it, and the reader detects this item reliably;
* `not_needed`: everything else, also required items that the reader does not detect reliably.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from mailrules.catalogue.meanings import Catalogue
from mailrules.engine.conditions import View
from mailrules.engine.rulefile import RuleFile
from mailrules.judgement import ItemState, OtherValue, Reading
from mailrules.statement import Statement
from mailrules.thread import RuleInput

AT_ONCE = 5
KNOWN = ("value", "none", "partial")
SAID_UNKNOWN = ("unknown", "not_applicable")
_TROUBLE = frozenset(
    "symptom error_message occurred_at timezone impact_scope business_impact frequency repro_steps".split()
)
"""Items about the fault itself: once it is over, later mails do not change them."""


@dataclass(frozen=True, slots=True)
class ItemValue:
    """The statement that gives an item its value, the mail with this statement, and the values of other reporters."""

    turn: RuleInput
    statement: Statement
    others: tuple[OtherValue, ...] = ()


def item_values(mails: Sequence[tuple[RuleInput, Reading]]) -> dict[str, ItemValue]:
    """Return item → value. The newest value that the team or the first reporter stated is used.

    Values of other reporters are added to `others`. One of them is used only if the item has no known value yet.
    """
    values: dict[str, ItemValue] = {}
    over = False
    reporter = next((turn.author for turn, _ in mails if turn.side != "team"), "")
    for turn, reading in mails:
        if reading.says("act.reopen", "ongoing"):
            over = False
        asks_a_user = turn.side == "team" and "requester" in turn.towards and "vendor" not in turn.towards
        if reading.says("recovered", "act.confirm_resolved"):
            values.pop("ongoing_state", None)  # "still nothing here" of an earlier mail
        for statement in _best(reading.statements):
            item = statement.meaning[5:]
            before = values.get(item)
            of_user = turn.side != "team" and before is not None and before.turn.side == "team"
            if item == "question" and (asks_a_user or of_user):
                continue  # neither is a question to the vendor
            if before is None:
                values[item] = ItemValue(turn, statement)
            elif turn.side == "team" or turn.author == reporter or not _known(before.statement):
                if _replaces(before.statement, statement, reading, over and item in _TROUBLE):
                    values[item] = ItemValue(turn, statement, before.others)
            elif _known(statement):
                other = OtherValue(turn.author, turn.id, statement.value or statement.quote, statement.quote)
                values[item] = ItemValue(before.turn, before.statement, (*before.others, other))
        if reading.says("recovered", "act.confirm_resolved"):
            over = True
    return values


def _best(statements: Sequence[Statement]) -> list[Statement]:
    """Return one statement of each item in a mail: the first with a known value, or the first."""
    best: dict[str, Statement] = {}
    for statement in statements:
        if statement.meaning.startswith("item."):
            before = best.get(statement.meaning)
            if before is None or (not _known(before) and _known(statement)):
                best[statement.meaning] = statement
    asked = {s.start: s.quote for s in statements if s.meaning == "item.question" and _known(s)}
    if len(asked) > 1:  # all questions of the mail, in order
        best["item.question"] = replace(best["item.question"], value=" ".join(asked[at] for at in sorted(asked)))
    return list(best.values())


def _known(statement: Statement) -> bool:
    return statement.state in KNOWN


def _replaces(before: Statement, said: Statement, reading: Reading, settled: bool) -> bool:
    if not _known(before):
        return said.state != "unsure"
    if settled or not _known(said) or reading.says("act.chase"):
        return False
    return not (before.state == "value" and said.state == "partial")


@dataclass(frozen=True)
class Checklist:
    """Required items by kind and addressee, and the rules that decide single items."""

    catalogue: Catalogue
    required: Mapping[str, Mapping[str, Sequence[str]]]
    rules: RuleFile

    def fill(
        self, view: View, kind: str | None, told: Mapping[str, ItemValue], detectable: Collection[str] | None
    ) -> tuple[tuple[ItemState, ...], tuple[str, ...], tuple[str, ...]]:
        """Return the states of all items, the missing items, and the items that sodan asks for.

        sodan does not ask for an item that the author has promised (state `pending`).

        `kind`: None if nothing can be missing. `detectable`: items whose absence the reader can detect; None for all.
        """
        towards = str(view.facts["towards"])
        wanted = self.required.get(kind or "", {}).get(towards, ())
        seen = view.with_facts({"kind": kind or ""})
        ruled: dict[str, str] = {}
        for rule in self.rules.final:
            for fired in rule.fire(seen):
                item, _, state = fired.gives.partition(" ")
                ruled.setdefault(item, state)
        lines = tuple(
            self._line(item, told.get(item), wanted, ruled.get(item), detectable) for item in self.catalogue.items
        )
        by_item = {line.item: line for line in lines}
        missing = tuple(item for item in wanted if by_item[item].state == "missing")
        asked = [item for item in missing if item not in told or told[item].statement.state != "pending"]
        return lines, missing, tuple(asked)

    def _line(
        self,
        item: str,
        value: ItemValue | None,
        wanted: Sequence[str],
        ruled: str | None,
        detectable: Collection[str] | None,
    ) -> ItemState:
        said = value.statement if value else None
        return ItemState(
            item=item,
            label=self.catalogue.meanings[f"item.{item}"].title,
            state=_state(item, said, wanted, ruled, detectable),
            value=(said.value or said.quote) if said else None,
            turn=value.turn.id if value else None,
            quote=said.quote if said else None,
            partial=said is not None and said.state == "partial",
            none=said is not None and said.state == "none",
            others=value.others if value else (),
        )


def _state(
    item: str, said: Statement | None, wanted: Sequence[str], ruled: str | None, detectable: Collection[str] | None
) -> str:
    if item in wanted and ruled == "missing":
        return "missing"
    if said is not None and said.state in KNOWN:
        return "present"
    if said is not None and said.state in SAID_UNKNOWN:
        return "unknown"
    if item not in wanted or ruled is not None:
        return "not_needed"
    if said is not None:
        return "not_needed" if said.state == "unsure" else "missing"
    return "missing" if detectable is None or item in detectable else "not_needed"
