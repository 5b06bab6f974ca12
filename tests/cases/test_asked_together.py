"""Two requests in one sentence of a vendor: which of them does the team's answer close?"""

from datetime import UTC, datetime

import pytest

from mailrules.statement import Statement
from service.cases.asks import answered_with
from service.cases.state import Ask

BOTH = "Please send the version of the gate and the colour of the lamp."
AT = datetime(2026, 11, 10, tzinfo=UTC)


def ask(what: str, quote: str, message: str = "1") -> Ask:
    return Ask(f"{message}-{what}", "v@gates.example", "team", what, quote, message, AT)


@pytest.mark.parametrize(
    ("answer", "closed"),
    [
        ("It is 4.2, the lamp is red.", True),
        ("It is 4.2 and the lamp blinks.", True),
        ("版は4.2、ランプは橙です。", True),
        ("It is 4.2.", False),
        ("They are 4.2, 4.3 and 5.0.", False),
        ("版は4.2、4.3です。", False),
    ],
)
def test_an_answer_with_a_further_clause_closes_both(answer: str, closed: bool) -> None:
    version, lamp = ask("info:version", BOTH), ask("something", "the colour of the lamp.")
    said = [Statement("item.version", quote=answer)]
    assert answered_with(lamp, version, said) is closed
    assert not answered_with(ask("something", BOTH), version, said)
    assert not answered_with(ask("something", lamp.quote, "2"), version, said)
