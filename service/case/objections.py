"""What may speak against a mail's standing in a group: the group's own life, who takes part, another matter."""

from __future__ import annotations

from service.case.group import Group
from service.case.node import Node
from service.case.words import likeness


def own_life(group: Group, node: Node) -> bool:
    """It has an opener of its own: a mail that came by itself, answers nothing and was not handed on in ``node``."""
    return group.apart or any(
        m.headerless
        and not (m.reply_marked or m.bounced)
        and m.origin != "quoted"
        and m.id != node.id
        and m.id not in node.holds
        for m in group.members
    )


def takes_part(node: Node, group: Group) -> bool:
    """Whether its author is one of those whom a case knows, under a name that is his."""
    return bool(node.author) and not node.doubted and node.author in group.people


def pressed_reply(node: Node, group: Group) -> bool:
    """Other base subject, no common words, nothing quoted of the case, no common number."""
    if node.side not in ("team", "requester") or node.automatic or len(node.text) < 20:
        return False
    if not node.base or node.base in group.bases or all(m.bounced for m in group.members):
        return False
    if any(inner in {m.id for m in group.members} for inner in node.holds):
        return False
    if set(node.stated) & group.refs or set(node.mentioned) & group.refs:
        return False
    known = {word for m in group.members for word in (*m.words, *m.subject_words)}
    return likeness((*node.words, *node.subject_words), known) < 1.0 and bool(node.words)
