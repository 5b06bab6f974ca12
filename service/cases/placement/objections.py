"""Reasons not to put a message into the case that its evidence (a link) points to."""

from collections.abc import Collection
from datetime import timedelta

from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.trust import OURS, Participants, may_name
from service.cases.placement.known import CaseFacts, leaves_topic
from service.cases.placement.links import Link

NEW_TOPIC = "its author begins a new topic"
OTHER_MATTER = "a reply about another matter: other subject, other words"
SETTLED = "the case was settled too long ago"
UNKNOWN_SENDER_CLAIMS = "only an unknown sender names this case"
FORGED = "the sender is not verified"
TWO_NUMBERS = "the mail states the numbers of several cases"
APART = frozenset({NEW_TOPIC, OTHER_MATTER})  # objections that show two separate topics
SEPARATE = APART | {TWO_NUMBERS}  # rules do not merge these cases later
_BY_ID = ("in_reply_to", "references", "bounce")
_BY_NUMBER = ("vendor_ref", "mention", "thread_index")


def objection(
    node: MessageFacts, link: Link, case: CaseFacts, members: Collection[MessageFacts], reopen: timedelta
) -> str:
    """Return why ``node`` must not follow a link into a case, or "". ``members``: loaded messages of the case."""
    other = link.other
    inner = link.kind == "recovered" and other is not None and other.origin in ("forwarded", "attached")
    speaker = other if link.incoming and other is not None else node
    if (node.doubted and link.kind not in (*_BY_ID, "token")) or (link.incoming and speaker.doubted):
        return FORGED
    leaves = leaves_topic(speaker) and not _asks_vendor_about(speaker, node if link.incoming else other, link.kind)
    if leaves and link.kind not in ("token", "bounce", "case_key") and not inner:
        return NEW_TOPIC
    if other is not None and link.kind in _BY_NUMBER and (leaves_topic(other) or other.doubted):
        return NEW_TOPIC if leaves_topic(other) else FORGED
    if link.kind == "case_key" and not may_name(node, participants_of(case, members)):
        return UNKNOWN_SENDER_CLAIMS
    if other is not None and link.kind in ("vendor_ref", "mention") and not _may_name(node, other, link.words):
        return UNKNOWN_SENDER_CLAIMS
    if link.kind in _BY_ID and not link.incoming and is_other_matter(node, members):
        return OTHER_MATTER
    if not node.automatic and not inner and case.settled_at is not None and node.at - case.settled_at > reopen:
        return SETTLED
    return ""


def _asks_vendor_about(one: MessageFacts, answered: MessageFacts | None, kind: str) -> bool:
    """Whether our team answers a user's mail by a mail to a vendor. Such a mail describes the whole problem again."""
    to_vendor = one.side == "team" and (one.to_vendor or one.to_partner)
    return (
        bool(to_vendor) and kind == "in_reply_to" and answered is not None and answered.side in ("requester", "unknown")
    )


def _may_name(one: MessageFacts, other: MessageFacts, number: str) -> bool:
    """Whether two mails belong together if they share this number.

    An outsider's mail belongs only to mail that the outsider wrote or received. There is one exception: by its own
    number, a partner's mail also belongs to mail of our people or of the same partner.
    """
    pairs = ((one, other), (other, one))
    return all(
        not a.is_outsider
        or (a.partner and number.startswith(f"{a.partner} ") and (b.side in OURS or b.partner == a.partner))
        or (a.author and a.author in (b.author, *b.to, *b.cc))
        for a, b in pairs
    )


def participants_of(case: CaseFacts, members: Collection[MessageFacts]) -> Participants:
    """Return the participants of a case that the loaded messages and the facts of the case show."""
    participants = Participants(people={*case.people}, vendors={vendor for vendor, _ in case.refs})
    for member in members:
        if member.trusted and (member.side != "unknown" or not case.guarded):
            participants.add(member, member.side)
    return participants


def takes_part(node: MessageFacts, case: CaseFacts, members: Collection[MessageFacts]) -> bool:
    """Whether the author takes part in the case."""
    return participants_of(case, members).knows(node, node.side)


def numbers_at_odds(one: CaseFacts, other: CaseFacts) -> bool:
    """Whether the two cases have numbers of the same vendor, but none in common."""
    vendors = {vendor for vendor, _ in one.refs} & {vendor for vendor, _ in other.refs}
    return bool(vendors - {vendor for vendor, _ in one.refs & other.refs})


def is_other_matter(node: MessageFacts, members: Collection[MessageFacts]) -> bool:
    """Whether somebody used a reply for another topic.

    True if the subject differs, and the reply has no word, number or quoted mail in common with the other messages.
    """
    if node.side not in ("team", "requester") or node.automatic or node.reply_marked or not node.base or not node.words:
        return False
    if not members or any(m.base == node.base or m.bounced or m.id in node.holds for m in members):
        return False
    known = {word for m in members for word in (*m.words, *m.subject_words)}
    return known.isdisjoint((*node.words, *node.subject_words))
