"""Finds the state of a case that a help desk's notice names: "Status changed from New to Pending", 「状態：調査中」.

The names are in `concepts/ticket_states.yaml`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

_SIGNS = frozenset(
    ": = - > < → ⇒ ⇨ ➡ * | ( ) [ ] { } \" ' ` # , / 「 」 『 』 【 】 〔 〕 ・ 、 ■ ◆ ● に から へ".split()
)
_LINKS = _SIGNS | frozenset(
    (
        *"be have set change update move to from of for as into now current new the a you this".split(),
        *"case ticket request incident issue inquiry inc sr id number".split(),
        *"が は を の も より 変更 更新 現在 ケース チケット 問い合わせ 以下 次".split(),
    )
)
"""Words and signs that may stand between the label and the name of the state."""
_ENDS = _SIGNS | frozenset(
    (
        *". 。 ! ; to from by at on and but since because due until with action response reply".split(),
        *"information info input feedback confirmation verification update require need approval".split(),
        *"と で だ 状態 ので ため".split(),
        "\n",
    )
)
"""Words and signs that may follow the name of a state; others belong to a longer name: "open items", 「受付番号」."""
_LATER = frozenset("れる 変わる".split())
_TOLD = frozenset("た て".split())


class Name(NamedTuple):
    """A label or the name of a state in the tokens of some sentences."""

    first: int
    last: int  # index after its last token
    concept: str


def named_states(tokens: Sequence[str], found: Iterable[Name]) -> Iterator[Name]:
    """Yield for each label the state that holds now: the last one, but not one after "from".

    ``tokens``: sentences, each with a line break at its end.
    """
    state: Name | None = None
    end, after_label = 0, False
    for name in sorted(found, key=lambda one: (one.first, -one.last)):
        if name.first < end:  # inside a longer name
            continue
        linked = after_label and _LINKS.issuperset(tokens[end : name.first]) and tokens[name.last] in _ENDS
        end = name.last
        if name.concept in ("ticket_state.label", "ticket_state.before"):
            if state is not None:
                yield state
            state, after_label = None, name.concept == "ticket_state.label"
        elif not linked:
            after_label = False
        elif tokens[name.first - 1] != "from":
            state = name
    if state is not None:
        yield state


def is_announced(tail: Sequence[str]) -> bool:
    """Whether the words after the name of a state say in Japanese that this state comes later."""
    return not _LATER.isdisjoint(tail) and _TOLD.isdisjoint(tail)
