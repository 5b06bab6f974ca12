"""What `explain` shows of the embedded reader."""

import re

from mailrules.reader.trace import trace_lines
from tests.mailrules.mails import READER, mail

MAIL = mail("None of the tills in the shop works.\nWe have no other way.")


def test_each_unit_shows_its_forms_concepts_and_signals() -> None:
    lines = list(trace_lines(READER, MAIL))
    assert re.search(
        r"by the words of this mail: team 0\.[89]\d, vendor 0\.0\d, requester 0\.00, nobody 0\.\d\d$", lines[0]
    )
    second = lines.index("“We have no other way.”")
    assert any("normal forms" in line and " till " in line for line in lines[:second])
    assert any("concepts" in line and "scale.nobody" in line for line in lines[:second])
    assert any("properties" in line and "negated" in line for line in lines[second:])
    assert any("signals" in line and "no_other_way" in line for line in lines[second:])


def test_a_meaning_that_was_not_stated_says_what_was_lacking() -> None:
    lacking = next(trace_lines(READER, MAIL, "item.version"))
    assert "is below the threshold" in lacking or "no threshold was precise enough" in lacking
    assert "does not detect" in next(trace_lines(READER, MAIL, "item.nonsense"))
