"""What the embedded reader states about a mail: the rules and examples of `statements.yaml`."""

from fnmatch import fnmatch
from typing import Any

import pytest

from mailrules.reader.courtesy import only_courtesy
from tests.mailrules.mails import READER, mail, next_side
from tests.tables import table_beside

RULES: list[dict[str, Any]] = table_beside(__file__, "statements.yaml")


@pytest.mark.parametrize(
    ("rule", "text"),
    [pytest.param(rule, text, id=f"{rule['rule']}: {text}") for rule in RULES for text in rule["texts"]],
)
def test_what_the_reader_states(rule: dict[str, Any], text: str) -> None:
    given = mail(
        text, rule.get("by", "requester"), rule.get("to", "team"), subject=rule.get("subject", ""),
        opens=not rule.get("reply"),
    )  # fmt: skip
    found = READER.read(given)
    meanings = {one.meaning for one in found.statements}
    stated = meanings | {f"{one.meaning}={one.state}" for one in found.statements}

    def states(pattern: str) -> bool:
        return any(fnmatch(one, pattern) for one in stated)

    assert all(map(states, rule.get("all", ())))
    assert "any" not in rule or any(map(states, rule["any"]))
    assert not any(map(states, rule.get("none", ())))
    assert meanings <= set(rule.get("only", meanings))
    assert rule.get("next") in (None, next_side(found) if found.next_scores else None)
    assert rule.get("courtesy") in (None, only_courtesy(READER.view(given)))
