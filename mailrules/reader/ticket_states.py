"""Finds the state of a case in a help desk's notice: "Status changed from New to Pending".

The names are in `concepts/ticket_states.yaml`.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

_SIGNS = frozenset(
    ": = - > < → ⇒ ⇨ ➡ * | ( ) [ ] { } \" ' ` # , / 「 」 『 』 【 】 〔 〕 ・ 、 ■ ◆ ● に から へ".split()
)
_LINKS = _SIGNS | frozenset(
    (
        *"be have set change update move to from of for as into now current new the a you this".split(),
        *"case ticket request incident issue inquiry inc sr id number ; back then".split(),
        *"が は を の も より 変更 更新 現在 ケース チケット 問い合わせ 以下 次".split(),
    )
)
"""Words and signs that may stand between the label and the name of the state."""
_TICKETS = frozenset(
    (
        *"case ticket request incident issue inquiry enquiry inc sr".split(),
        *"ケース チケット 問い合わせ 案件 インシデント リクエスト 依頼 本件".split(),
    )
)
_BESIDE = _LINKS | _TICKETS | frozenset("latest our 番号 最新 件 受付 対応 進捗 弊社 当社 貴社 客 様".split())
"""Words and signs that may stand before the label. Others name a thing that has a state: "port state"."""
_CLOSING = frozenset("\" ' ) ] } - 」 』 】 〕".split())
_ENDS = _SIGNS | frozenset(
    (
        *". 。 ! ; to from by at on and but since because due until with action response reply".split(),
        *"information info input feedback confirmation verification update require need approval".split(),
        *"と で だ 状態 ので ため".split(),
        "\n",
    )
)
"""Words and signs that may follow the name of a state; others belong to a longer name: "open items", 「受付番号」."""
_FUTURE = frozenset("れる 変わる".split())
_PAST = frozenset("た て".split())
_DENIED_OR_ASKED = frozenset("ない か".split())
_CLOSED = "ticket_state.closed"
"""After a label without "ticket" ("Status: closed"), it may be the state of a thing in an earlier sentence."""
_CASE = "ticket_state.case"
_SAYS_OF, _FULL_STOPS = frozenset(("be", "は", "が")), frozenset((".", "。", "!", "\n", "だ"))


class Name(NamedTuple):
    """The place of a ticket label, or of the name of a ticket state, as a range of tokens."""

    first: int
    last: int  # index after its last token
    concept: str


def named_states(tokens: Sequence[str], found: Sequence[Name]) -> Iterator[Name]:
    """Yield the current state of each ticket label.

    It is the last state after the label, but not one that follows "from". The closed state needs no label after the
    word for a case: "your case 4711 has been resolved".

    ``tokens``: sentences, each with a line break at its end.
    """
    order = sorted(found, key=lambda one: (one.first, -one.last))
    for case, after in pairwise(order):
        between = frozenset(tokens[case.last : after.first])
        named = (case.concept, after.concept) == (_CASE, _CLOSED) and tokens[case.first - 1] != "in"
        if named and between < _LINKS and between & _SAYS_OF and tokens[after.last] in _FULL_STOPS:
            yield after
    state: Name | None = None
    end, after_label, of_ticket, alone = 0, False, False, False
    for name in order:
        if name.first < end or name.concept == _CASE:  # inside a longer name
            continue
        linked = (
            after_label and of_ticket and _LINKS.issuperset(tokens[end : name.first]) and tokens[name.last] in _ENDS
        )
        begin, end = end if of_ticket else 0, name.last
        if name.concept in ("ticket_state.label", "ticket_state.before"):
            if state is not None:
                yield state
            state, after_label = None, name.concept == "ticket_state.label"
            alone = name.first == begin or tokens[name.first - 1] == "\n"
            of_ticket = alone or _is_of_ticket(tokens, begin, name)
        elif not linked:
            after_label = False
        elif tokens[name.first - 1] != "from" and not (alone and name.concept == _CLOSED):
            state = name
    if state is not None:
        yield state


def _is_of_ticket(tokens: Sequence[str], begin: int, label: Name) -> bool:
    """Whether a label is about a ticket. It is next to a word such as "ticket", or begins its sentence.

    ``begin``: the end of the previous label or state, if it belongs to a ticket; otherwise 0. A label directly after it
    belongs to the ticket too.
    """
    first, last = label.first, label.last
    while first > begin and tokens[first - 1] != "\n" and tokens[first - 1] in _BESIDE:
        first -= 1
    if first == begin or tokens[first - 1] == "\n" or not _TICKETS.isdisjoint(tokens[first : label.first]):
        return True
    if first == label.first:
        return False
    while tokens[last] in _LINKS:
        last += 1
    if not _TICKETS.isdisjoint(tokens[label.last : last]):
        return True
    return not _CLOSING.isdisjoint(tokens[first : label.first]) and _begins_with_ticket(tokens, first)


def _begins_with_ticket(tokens: Sequence[str], at: int) -> bool:
    """Whether the sentence begins with a word such as "ticket": Ticket "Printer offline" status."""
    while at and tokens[at - 1] != "\n":
        at -= 1
    while tokens[at] in _BESIDE:
        if tokens[at] in _TICKETS:
            return True
        at += 1
    return False


def is_doubtful(head: Sequence[str], tail: Sequence[str]) -> bool:
    """Whether the words around a state say that it comes later, does not hold, or is asked for."""
    later = not _FUTURE.isdisjoint(tail) and _PAST.isdisjoint(tail)
    return later or not _DENIED_OR_ASKED.isdisjoint(tail) or "whether" in head
