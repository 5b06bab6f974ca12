"""Which statements of earlier mails are valid after later ones."""

import pytest

from mailrules.statement import Statement
from tests.mailrules.test_triage import judge

GRAVE = (Statement("kind.incident"), Statement("impact.high"), Statement("urgency.high"))
OVER, BACK, STILL = (Statement("recovered"),), (Statement("act.reopen"),), (Statement("ongoing"),)


@pytest.mark.parametrize(
    ("later", "priority"),
    [
        ((), "P1"),
        ((OVER,), "P3"),
        ((OVER, BACK), "P1"),
        ((OVER, STILL), "P1"),
        ((OVER, BACK, OVER), "P3"),
        (((Statement("urgency.low"),), OVER, BACK), "P1"),
        (((Statement("item.workaround"),),), "P2"),
        (((Statement("item.workaround"),), BACK), "P1"),
    ],
)
def test_what_is_replaced_replaces_nothing(later: tuple[tuple[Statement, ...], ...], priority: str) -> None:
    assert judge(GRAVE, *later).priority.level == priority
