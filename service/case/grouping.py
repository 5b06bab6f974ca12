"""The partition of a set of mails into cases: a function of the set, never of the order in which it arrived.

The mails are gone through in the order in which they were *written*, with all of them known. Each joins the case that
its strongest evidence names (see ``Kind``), unless something speaks against it: its author says a new topic begins, the
case was settled too long ago, a stranger claims it, a person put it elsewhere. Ids nobody has seen yet are places where
two mails can meet. What the headers leave apart, ``content`` may join afterwards by an argument of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from service.case.content import join_by_content
from service.case.group import Evidence, Group, Groups, Kind, order_of
from service.case.node import Node
from service.case.objections import own_life, pressed_reply, takes_part
from service.case.reach import Reach
from service.case.trust import OURS, answers, may_name, may_steer

NEW_TOPIC = "its author begins a new topic"
OTHER_MATTER = "a reply pressed for another matter: other subject, other words"
PERSON_APART = "a person put it into another case"
APART = frozenset({NEW_TOPIC, OTHER_MATTER, PERSON_APART})
"""Objections by which somebody set two matters apart: nobody should be asked to put them together again."""


@dataclass(slots=True)
class Partition:
    """The groups, and for each message its evidence and the runners-up."""

    groups: list[Group]
    evidence: dict[int, Evidence]
    runners_up: dict[int, list[tuple[Evidence, int]]]
    """With the index of the group spoken for."""


def partition(nodes: Iterable[Node], reopen: timedelta = timedelta(days=14), reach: Reach | None = None) -> Partition:
    """Group a closed set of messages: every message that may speak for another is in it.

    ``reach``: for which of them that is true of content too (None: all).
    """
    return _Grouping(sorted(nodes, key=order_of), reopen, reach).run()


class _Grouping:
    def __init__(self, nodes: Sequence[Node], reopen: timedelta, reach: Reach | None) -> None:
        self.nodes = nodes
        self.reach = reach
        self.reopen = reopen
        self.by_id = {n.id: n for n in nodes}
        self.ids = {n.message_id for n in nodes if n.message_id}
        self.groups = Groups()
        self.mids: dict[str, list[Node]] = defaultdict(list)
        self.wanted: dict[str, list[tuple[int, str, int]]] = defaultdict(list)  # unknown id → (message, base, rank)
        self.refs: dict[tuple[str, str], list[int]] = defaultdict(list)  # reference → messages that state it
        self.told: dict[str, list[int]] = defaultdict(list)  # number → our messages that mention it
        self.tix: dict[str, list[int]] = defaultdict(list)
        self.held_by: dict[int, list[int]] = defaultdict(list)
        self.of_case: dict[int, list[int]] = defaultdict(list)
        self.evidence: dict[int, Evidence] = {}
        self.runners: dict[int, list[tuple[Evidence, int]]] = {}
        for node in nodes:
            for inner in node.holds:
                self.held_by[inner].append(node.id)
            if node.case is not None:
                self.of_case[node.case].append(node.id)

    # ── the walk ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> Partition:
        for node in self.nodes:
            self.place(node)
        self.obey()
        self.evidence.update(join_by_content(self.groups, self.reach))
        root, home = self.groups.root, self.groups.home
        kept = list(self.groups.kept())
        for group in kept:
            group.related = {root(i) for i in group.related} - {group.index}
        runners = {
            message: [(e, root(i)) for e, i in found if root(i) != root(home[message])]
            for message, found in self.runners.items()
        }
        return Partition(kept, self.evidence, {message: found for message, found in runners.items() if found})

    def place(self, node: Node) -> None:
        chosen: tuple[Evidence, Group] | None = None
        against: list[tuple[Evidence, Group]] = []
        also: list[tuple[Evidence, Group]] = []
        for evidence, group in self.candidates(node):
            if chosen is not None and group is chosen[1]:
                continue  # in a long exchange nearly all that is named stands there
            objection = self.objection(node, evidence, group)
            if objection:
                against.append((replace(evidence, against=objection), group))
            elif chosen is None:
                chosen = (evidence, group)
            elif group is not chosen[1]:
                also.append((evidence, group))
        if chosen is None:
            chosen = (Evidence("person" if node.pinned is not None else "new", ""), self.groups.new())
            chosen[1].apart = bool(against)
        evidence, group = chosen
        self.enter(node, group, evidence.kind)
        self.evidence[node.id] = evidence
        for other_evidence, other in also:
            if self.may_merge(group, other, node):
                group = self.groups.union(group, other)
            else:
                against.append((replace(other_evidence, against="both cases have a life of their own"), other))
        self.meet(node)
        group = self.groups.of(node.id) or group
        self.runners[node.id] = [(e, g.index) for e, g in against]
        for e, g in against:
            if e.against != "a stranger claims it":
                group.related.add(g.index)
                g.related.add(group.index)

    def obey(self) -> None:
        """Unite what people united."""
        first: dict[int, int] = {}
        for node in self.nodes:
            if node.label is None:
                continue
            here, there = self.groups.of(node.id), self.groups.of(first.setdefault(node.label, node.id))
            if here is not None and there is not None:
                self.groups.union(there, here)

    def enter(self, node: Node, group: Group, kind: Kind) -> None:
        opens = not group.members and self.ids.isdisjoint(answers(node))
        steers = may_steer(node, group.company, opens=opens, placed=kind)
        self.groups.enter(node, group, steers)
        if node.message_id:
            self.mids[node.message_id].append(node)
        if node.forged:
            return
        if not node.fresh:
            if steers:
                for ref in node.stated:
                    self.refs[ref].append(node.id)
                if node.thread_index and node.base:
                    self.tix[f"{node.thread_index} {node.base}"].append(node.id)
            for wanted in (*node.parents, *((node.bounced,) if node.bounced else ())):
                self.want(wanted, node, 0)
            for wanted in node.refs:
                self.want(wanted, node, 1)
        if not steers:
            return
        if node.side == "vendor" and not node.tells_previous and not node.automatic:
            for vendor, number in node.mentioned:  # a partner tells under which number the maker has taken it on
                if vendor != node.vendor:
                    self.told[number].append(node.id)
        if node.side in ("team", "requester") and not node.tells_previous:
            for _, number in node.mentioned:
                self.told[number].append(node.id)
            for number in node.told:
                if node.id not in self.told[number]:
                    self.told[number].append(node.id)

    def want(self, mid: str, node: Node, rank: int) -> None:
        """Remember who names an id. In a long exchange every mail names all before it: one of a group says it all."""
        named = self.wanted[mid]
        here = self.groups.of(node.id)
        for other, base, known_rank in named:
            same = (base, known_rank, self.by_id[other].pinned) == (node.base, rank, node.pinned)
            if same and self.groups.of(other) is here:
                return
        named.append((node.id, node.base, rank))

    def candidates(self, node: Node) -> Iterable[tuple[Evidence, Group]]:
        """What speaks for which group, strongest first."""
        if node.pinned is not None:
            for group in self.groups.kept():
                if group.pinned == node.pinned:
                    yield Evidence("person", "put there by hand"), group
            return
        if node.token is not None:
            yield from self.by_case("token", node.token)
        if node.bounced:
            for parent in self.mids.get(node.bounced, ()):
                yield from self.at("bounce", node.bounced, parent.id)
            if node.bounced not in self.mids:
                for child, _base, rank in self.wanted.get(node.bounced, ()):
                    if rank == 0:
                        yield from self.at("bounce", node.bounced, child)
        fresh_parent = any(p.fresh for mid in node.parents for p in self.mids.get(mid, ()))
        if fresh_parent:
            yield from self.by_parent(node)
        yield from self.by_reference(node)
        if not fresh_parent:
            yield from self.by_parent(node)
        for mid in reversed(node.refs):
            for parent in self.owners(mid, node):
                if _same_base(node, parent):
                    yield from self.at("references", mid, parent.id)
            for child, base, _rank in self.wanted.get(mid, ()):
                if base == node.base and base:
                    yield from self.at("references", mid, child)
        for inner in node.holds:
            yield from self.at("recovered", "", inner)
        for outer in self.held_by.get(node.id, ()):
            yield from self.at("recovered", "", outer)
        for case in node.claims:
            yield from self.by_case("case_key", case)
        if node.thread_index and node.base:
            for other in self.tix.get(f"{node.thread_index} {node.base}", ()):
                yield from self.at("thread_index", node.thread_index, other)
        yield from self.by_mention(node)

    def by_reference(self, node: Node) -> Iterable[tuple[Evidence, Group]]:
        for ref in node.stated:
            for other in reversed(self.refs.get(ref, ())):
                yield from self.at("vendor_ref", f"{ref[0]} {ref[1]}", other)
        for number in node.numbers:
            for ref, others in self.refs.items():
                if ref[1] == number and _vendor_fits(node, ref[0]):
                    yield from self.at("vendor_ref", f"{ref[0]} {number}", others[-1])

    def by_parent(self, node: Node) -> Iterable[tuple[Evidence, Group]]:
        for mid in node.parents:
            for parent in self.owners(mid, node):
                yield from self.at("in_reply_to", mid, parent.id)
            if mid not in self.mids:
                for child, base, rank in self.wanted.get(mid, ()):
                    if rank == 0 or base == node.base:
                        yield from self.at("in_reply_to", mid, child)

    def by_mention(self, node: Node) -> Iterable[tuple[Evidence, Group]]:
        """A number we wrote down ourselves before the vendor stated it, or that we mention as the matter at hand."""
        alone = node.mentioned if not node.stated and len(node.mentioned) == 1 else ()
        if node.side == "vendor":
            for ref in alone:
                for other in self.refs.get(ref, ())[-1:]:
                    yield from self.at("mention", f"{ref[0]} {ref[1]}", other)
        for ref in (*node.stated, *alone) if node.side == "vendor" else ():
            tellers = self.told.get(ref[1], [])
            homes = {g.index: g for g in map(self.groups.of, tellers) if g is not None}
            if len(homes) == 1 and not any(_has_number_of(ref[0], g) for g in homes.values()):
                yield from self.at("mention", f"{ref[0]} {ref[1]}", tellers[0])
        if not node.headerless or node.side not in ("team", "requester") or node.tells_previous:
            return
        numbers = {number for _, number in node.mentioned} | set(node.told)
        known = [ref for ref in self.refs if ref[1] in numbers and not node.stated]
        if len(known) == 1:
            yield from self.at("mention", " ".join(known[0]), self.refs[known[0]][-1])

    def by_case(self, kind: Kind, case: int) -> Iterable[tuple[Evidence, Group]]:
        for message in self.of_case.get(case, ()):
            if (group := self.groups.of(message)) is not None:
                yield Evidence(kind, str(case), message), group
                return

    def owners(self, mid: str, node: Node) -> list[Node]:
        """Messages with this id; where several bear it (it was used again), those with the same subject first.

        Behind all others those that somebody sent under another's name.
        """
        return sorted(self.mids.get(mid, ()), key=lambda n: (n.doubted, not _same_base(node, n), n.side not in OURS))

    def at(self, kind: Kind, words: str, message: int) -> Iterable[tuple[Evidence, Group]]:
        if (group := self.groups.of(message)) is not None:
            yield Evidence(kind, words, message), group

    # ── what speaks against ──────────────────────────────────────────────────────────────────────────────────────────

    def objection(self, node: Node, evidence: Evidence, group: Group) -> str:
        if evidence.kind == "person":
            return ""
        if node.joined is not None and group.pinned is not None and group.pinned != node.joined:
            return PERSON_APART
        pointed = self.by_id.get(evidence.message) if evidence.message is not None else None
        inner = evidence.kind == "recovered" and pointed is not None and pointed.origin in ("forwarded", "attached")
        if node.fresh and evidence.kind not in ("token", "bounce") and not inner:
            return NEW_TOPIC
        if evidence.kind == "case_key" and not may_name(node, group.company):
            return "a stranger claims it"
        if evidence.kind in ("vendor_ref", "thread_index") and node.side == "unknown" and not takes_part(node, group):
            return "a stranger claims it"
        if evidence.kind == "recovered" and pointed is not None and not self.may_quote(node, pointed):
            return "a stranger quotes it"
        if evidence.kind == "in_reply_to" and pressed_reply(node, group):
            return OTHER_MATTER
        if not node.automatic and not inner:
            settled = group.settled(node.at)
            if settled is not None and node.at - settled > self.reopen:
                return "settled too long ago"
        return ""

    def may_quote(self, one: Node, other: Node) -> bool:
        """Whether a quote is an argument: words can be copied, so a stranger's counts for what was sent to him.

        A mail that was never delivered stands with whoever holds it: one of us before a stranger, the first of several.
        That it was sent to him is then his own word.
        """
        outer, inner = (one, other) if other.id in one.holds else (other, one)
        if outer.side != "unknown" or inner.label is not None:
            return True
        if inner.origin == "delivered":
            return outer.author in (*inner.to, *inner.cc)
        holders = [self.by_id[i] for i in self.held_by[inner.id]]
        return outer is min(holders, key=lambda n: (n.side == "unknown", order_of(n)))

    def may_merge(self, one: Group, other: Group, node: Node) -> bool:
        """Whether two groups are one case that only looked like two; two cases with lives of their own are not."""
        here = self.groups.of(node.id)
        if one.held or other.held or (here is not None and node.id in here.outsiders):
            return False
        if one.pinned is not None and other.pinned is not None and one.pinned != other.pinned:
            return False
        if (one.apart or other.apart) and self.groups.are_related(one, other):
            return False  # whoever answers the new topic may quote the old one
        return not (own_life(one, node) and own_life(other, node))

    def meet(self, node: Node) -> None:
        """Mails written before this one that name it, by a clock that is wrong: they belong to it."""
        group = self.groups.of(node.id)
        if group is None or not node.message_id:
            return
        for child, base, rank in list(self.wanted.get(node.message_id, ())):
            if child == node.id or (rank == 1 and base != node.base):
                continue
            other = self.groups.of(child)
            named = self.by_id[child]
            if other is None or other is group or named.pinned is not None or node.pinned is not None:
                continue
            if child in other.outsiders and len(other.outsiders) < len(other.members):
                continue  # it has found a case, and unites it with no other
            if self.may_merge(group, other, node):
                group = self.groups.union(group, other)


def _has_number_of(vendor: str, group: Group) -> bool:
    """Whether the case has got a number of this vendor's; one that is another vendor's too was only taken for his."""
    return any(
        v == vendor and not any(w != vendor and other == number for w, other in group.refs) for v, number in group.refs
    )


def _same_base(one: Node, other: Node) -> bool:
    return one.base == other.base or not one.has_subject or not other.has_subject


def _vendor_fits(node: Node, vendor: str) -> bool:
    return vendor in (node.vendor, node.to_vendor) or node.side == "team"
