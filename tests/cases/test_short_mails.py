"""Short mails as the embedded reader reads them: whose turn it is then, and which requests are answered."""

from functools import partial

import pytest

from tests.cases.exchanges import course, outcome, states, written
from tests.tables import table_beside

TABLES = table_beside(__file__, "short_mails.yaml")


@pytest.mark.parametrize(
    ("before", "mails", "turn", "asks"),
    [pytest.param(*row, id=" | ".join([row[0], *row[1]])) for row in TABLES["exchanges"]],
)
def test_an_exchange_of_short_mails_leads_to_a_turn_and_a_state_of_each_request(
    before: str, mails: list[str], turn: str | None, asks: str | None
) -> None:
    texts = [*map(TABLES["earlier"].__getitem__, before.split()), *mails]
    told = course(*(partial(written, mail=text) for text in texts))
    assert turn in (None, outcome(told))
    assert asks in (None, states(told))
