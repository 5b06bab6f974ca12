"""Whether two messages are copies of one mail, for example delivered and forwarded."""

from collections.abc import Iterable
from datetime import timedelta

from service.cases.facts.content_words import is_same_text, other_numbers
from service.cases.facts.message_facts import IN_COLUMNS, MessageFacts

_SHOWN = 240  # number of characters compared if one copy is only a quote
_FARTHEST = timedelta(hours=36)  # between copies without a Message-ID: a quote may state only the day, in any zone
_ZONES_DIFFER = timedelta(hours=14)  # less than a day: daily notices have the same text
_RANK = {"delivered": 0, "attached": 1, "forwarded": 2, "quoted": 3}


def same_mail(one: MessageFacts, other: MessageFacts) -> str | None:
    """Return why two messages are the same mail, as text; None if they are different mails.

    If the Message-IDs are equal, author and content must be equal too, because programs reuse ids and strangers may
    know them. Without Message-IDs, author, minute, subject and text must not contradict each other.
    """
    if one.message_id and one.message_id == other.message_id:
        if _same_author(one, other) is False:
            return None  # a copy by an unknown sender must not replace the mail it copies
        # if the id was enough for a mail that is not trusted, a forged mail could hide the real mail
        same = is_same_text(one.text, other.text) or (not (one.text or other.text) and one.base == other.base)
        same = same or (_same_minute(one, other) and one.doubted == other.doubted)
        return "Message-ID and content" if same else None
    if one.message_id and other.message_id:
        return None
    if one.dated and other.dated and abs(one.at - other.at) > _FARTHEST:
        return None  # different mails even if the text is equal, such as daily notices
    if _same_author(one, other) is not True or not same_base(one, other):
        return None
    return _same_without_id(*(n.evolve(text=n.text[:_SHOWN]) if n.is_shown else n for n in (one, other)))


def _same_without_id(one: MessageFacts, other: MessageFacts) -> str | None:
    if other_numbers(one.text, other.text):
        return None
    same_words = is_same_text(one.text, other.text)
    if _same_minute(one, other):
        return "author, minute, subject" if same_words or not one.text or not other.text else None
    if not same_words or min(len(one.text), len(other.text)) < 30:
        return None
    if not (one.dated and other.dated):
        return "author, subject, words"
    apart, quarter = abs(one.at - other.at), timedelta(minutes=15)
    in_another = not {"quoted", "forwarded"}.isdisjoint((one.origin, other.origin))
    if in_another and apart <= _ZONES_DIFFER:  # the date in the quote may be of another time zone
        apart = min(apart % quarter, -apart % quarter)
    if apart <= timedelta(seconds=120):
        return "author, time, words"
    # an attribution line without a time is read as midnight in some zone
    by_day = any(n.origin == "quoted" and n.at.minute in (0, 30) and n.at.second == 0 for n in (one, other))
    return "author, words, day" if by_day else None


def same_base(one: MessageFacts, other: MessageFacts) -> bool:
    """Whether the base subjects are equal, or one of them is unknown."""
    return one.base == other.base or not one.has_subject or not other.has_subject


def is_better_copy(known: MessageFacts, new: MessageFacts) -> bool:
    """Whether the new copy replaces the stored copy: a delivered mail is better than a quote.

    A copy whose author is trusted is better than a copy whose author is not. Of two copies of the same kind, the more
    complete copy is better. So the result does not depend on the order of arrival.
    """
    if known.doubted != new.doubted:
        return known.doubted
    return _completeness(new) < _completeness(known)


def _completeness(node: MessageFacts) -> tuple[object, ...]:
    """Return the sort key of a copy. A more complete copy has a smaller key."""
    named, people = len(node.parents) + len(node.refs), len(node.to) + len(node.cc)
    facts = (node.at, node.text, node.base, node.author_name, node.parents, node.refs, node.to, node.cc)
    return (_RANK[node.origin], not node.message_id, not node.dated, -named, -people, -len(node.text), facts)


def merge_copies(known: MessageFacts, new: MessageFacts) -> MessageFacts:
    """Merge two copies into one message. The other copy adds facts that the better one lacks."""
    first, second = (new, known) if is_better_copy(known, new) else (known, new)
    holds = (*known.holds, *new.holds)
    if second.doubted and not first.doubted:
        second, holds = first, first.holds
    if second.is_shown and not first.is_shown:
        second = first  # a quote is only a claim of the mail that contains it
    return first.evolve(
        shown_by=known.shown_by and new.shown_by,
        base=first.base if first.has_subject else second.base,
        has_subject=first.has_subject or second.has_subject,
        stated=tuple(dict.fromkeys((*first.stated, *second.stated))),
        holds=tuple(dict.fromkeys(holds)),
        **{name: getattr(known, name) for name in IN_COLUMNS},
        **{name: getattr(first, name) or getattr(second, name) for name in _COMPLETED},
    )


_COMPLETED = (
    "message_id author to cc parents refs told matter_numbers vendor automatic words subject_words others".split()
)


def known_copy(node: MessageFacts, others: Iterable[MessageFacts]) -> tuple[MessageFacts, str] | None:
    """Return the known message of which ``node`` is a copy, and the reason. Of several, return the most similar."""
    near = (other for other in others if _may_be_copy(node, other) and _may_be_copy(other, node))
    found = [(other, why) for other in near if (why := same_mail(other, node)) is not None]
    return min(found, key=lambda pair: _distance(pair[0], node), default=None)


def _may_be_copy(node: MessageFacts, other: MessageFacts) -> bool:
    """Whether ``node`` may be a copy of ``other``.

    A mail that an unknown sender shows is a copy only if the other was sent to this sender.
    """
    return not node.shown_by or (not other.shown_by and node.shown_by in (*other.to, *other.cc))


def _distance(known: MessageFacts, node: MessageFacts) -> tuple[object, ...]:
    short, long = sorted((known.text, node.text), key=len)
    apart = abs(known.at - node.at) if known.dated and node.dated else timedelta(0)
    return known.message_id != node.message_id, known.is_shown, not long.startswith(short[:_SHOWN]), apart, known.at


def _same_author(one: MessageFacts, other: MessageFacts) -> bool | None:
    """Return whether the authors are equal; None if one of them is unknown."""
    if one.author and other.author:
        return one.author == other.author
    names = [n.author_name.casefold().split() for n in (one, other)]
    if names[0] and names[1]:
        short, long = sorted(("".join(names[0]), "".join(names[1])), key=len)
        return short == long or set(names[0]) == set(names[1]) or (len(short) >= 3 and short in long)
    return None


def _same_minute(one: MessageFacts, other: MessageFacts) -> bool:
    minutes = [n.at.replace(second=0, microsecond=0) for n in (one, other)]
    return one.dated and other.dated and minutes[0] == minutes[1]
