"""Which of the messages that mails bring are known already: delivered, Cc'd, forwarded, attached, quoted, imported.

What another mail shows without an id (``sighting``) is looked at again whenever a mail comes that it may be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from service.case.identity import better, merged
from service.case.keys import identity_keys, sought_identity
from service.case.node import Node
from service.case.sighting import MOST, Match, as_shown, matches, nearest, shown


@dataclass(frozen=True, slots=True)
class Recognised:
    """A message of a new mail that is known already."""

    message: int
    why: str
    better: bool
    """The new way tells more: what is stored is renewed from it."""


@dataclass(frozen=True, slots=True)
class Turned:
    """A mail that shows another one than was thought."""

    outer: int
    before: int
    now: int


@dataclass(slots=True)
class Known:
    """What was found out; the messages themselves, as they are now, stand in the mapping given to ``recognise``."""

    recognised: dict[int, Recognised] = field(default_factory=dict)
    """New message (negative id) → the one it is; that may be a new one too."""
    reused: set[int] = field(default_factory=set)
    """New messages whose Message-ID another mail bears already."""
    turned: list[Turned] = field(default_factory=list)


def recognise(nodes: dict[int, Node], come: Sequence[Node]) -> Known:
    """Take each new message as a known one or enter it; ``nodes`` grows, ids inside other messages are rewritten."""
    return _Recognising(nodes).run(come)


class _Recognising:
    def __init__(self, nodes: dict[int, Node]) -> None:
        self.nodes = nodes
        self.found = Known()
        self.index: dict[str, list[int]] = defaultdict(list)
        self.seen: dict[int, dict[Node, str]] = defaultdict(dict)
        """Message → what is taken for showings of it, each with whoever shows it."""
        self.left = _left(list(nodes.values()))
        for node in nodes.values():
            self._enter_keys(node)
            for seen in node.sightings:
                self.seen[seen.id][seen] = node.author

    def run(self, come: Sequence[Node]) -> Known:
        outer = {inner: node for node in come for inner in node.holds}
        by_id = {node.id: node for node in come}
        for node in come:
            self._take(shown(node, [by_id[i] for i in node.holds if i in by_id]), outer.get(node.id))
        self._turn(self._target(node.id) for node in come)
        for i, node in list(self.nodes.items()):
            renumbered = node.pointing(self._target)
            if i in renumbered.holds:
                renumbered = replace(renumbered, holds=tuple(h for h in renumbered.holds if h != i))
            if renumbered is not node:
                self.nodes[i] = renumbered
        return self.found

    def _take(self, node: Node, outer: Node | None) -> None:
        nodes, found = self.nodes, self.found
        reader = outer.author if outer is not None else ""
        near = [i for key in sorted(sought_identity(node)) for i in self.index.get(key, ())]
        others = [nodes[i] for i in dict.fromkeys(near)]
        match = nearest(one for other in others for one in self._matches(node, other, reader))
        if match is None:
            if node.message_id and any(other.message_id == node.message_id for other in others):
                found.reused.add(node.id)
            nodes[node.id] = node
        else:
            known = nodes[match.message]
            found.recognised[node.id] = Recognised(match.message, match.why, better(known, node))
            nodes[match.message] = merged(known, node)
        target = self._target(node.id)
        if node.is_shown:
            self.seen[target][as_shown(node)] = reader
        self._enter_keys(nodes[target])

    def _matches(self, node: Node, other: Node, reader: str) -> list[Match]:
        """How a message that comes is a known one. What is known from showings only is a mail when all of them may be
        showings of it; it is what one more mail shows when one of them is alike."""
        if other.is_shown and other.id in self.left:
            return []
        showings = self.seen.get(other.id)
        if not other.is_shown or not showings:
            return list(matches(node, [other], reader))
        if node.is_shown:
            return [replace(one, message=other.id) for one in matches(node, showings, reader)]
        each = [nearest(matches(seen, [node], showings[seen])) for seen in showings]
        return [replace(one, message=other.id) for one in each if one is not None] if all(each) else []

    def _turn(self, come: Iterable[int]) -> None:
        """Where a mail that came just now is nearer to what others show than what was taken for it, it is taken."""
        mails = [self.nodes[i] for i in dict.fromkeys(come) if not self.nodes[i].is_shown]
        if not mails:
            return
        near: dict[str, list[Node]] = defaultdict(list)
        for mail in mails:
            for key in sought_identity(mail):
                near[key].append(mail)
        for outer in [node for node in self.nodes.values() if node.sightings]:
            for seen in outer.sightings:
                before = self._target(seen.id)
                found = {mail.id: mail for key in identity_keys(seen) for mail in near.get(key, ())}
                asked = [mail for mail in found.values() if mail.id != outer.id]
                if not asked or before not in self.nodes:
                    continue
                match = nearest(matches(seen, {n.id: n for n in (*asked, self.nodes[before])}.values(), outer.author))
                if match is not None and match.message != before:
                    self._point(self.nodes[outer.id], seen, before, match)

    def _point(self, outer: Node, seen: Node, before: int, match: Match) -> None:
        for one in [one for one in self.seen[before] if replace(one, id=seen.id) == seen]:
            if self.seen[before][one] == outer.author:
                del self.seen[before][one]
        self.seen[match.message][replace(seen, id=match.message)] = outer.author
        left = self.nodes[before].is_shown and not self.seen[before]
        if left:
            self.left.add(before)
        shows_both = any(self._target(other.id) == before for other in outer.sightings if other is not seen)
        now = (match.message, before) if left or shows_both else (match.message,)
        holds = tuple(i for held in outer.holds for i in (now if self._target(held) == before else (held,)))
        sightings = tuple(replace(s, id=match.message) if s is seen else s for s in outer.sightings)
        self.nodes[outer.id] = replace(outer, holds=tuple(dict.fromkeys(holds)), sightings=sightings)
        if seen.id in self.found.recognised:
            self.found.recognised[seen.id] = Recognised(match.message, match.why, False)
        elif not left:
            self.found.turned.append(Turned(outer.id, before, match.message))

    def _target(self, message: int) -> int:
        same = self.found.recognised.get(message)
        return message if same is None else same.message

    def _enter_keys(self, node: Node) -> None:
        for key in identity_keys(node):
            if node.id not in self.index[key]:
                self.index[key].append(node.id)


def _left(nodes: Sequence[Node]) -> set[int]:
    """Messages that were known from showings only, and all of these are taken for other mails by now. They stay with
    the last that showed them, and are nothing else that comes."""
    outers = [node for node in nodes if 0 < len(node.sightings) < MOST]
    shown_now = {seen.id for node in nodes for seen in node.sightings}
    return {i for node in outers for i in node.holds if i not in shown_now}
