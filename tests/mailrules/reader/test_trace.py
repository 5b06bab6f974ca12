"""What `explain` shows of the embedded reader."""

from mailrules.reader import EmbeddedReader
from mailrules.reader.trace import trace_meaning, trace_units
from mailrules.statement import MailText

MAIL = MailText(
    "None of the tills in the shop works.\nWe have no other way.", "", "en", "requester", "team", True, None, (), None
)


def test_each_unit_shows_its_forms_concepts_and_signals() -> None:
    first, second = trace_units(EmbeddedReader(), MAIL)
    assert "till" in first.forms
    assert "scale.nobody" in first.concepts
    assert "negated" in second.properties
    assert "no_other_way" in second.signals


def test_a_meaning_that_was_not_stated_says_what_was_lacking() -> None:
    trace = trace_meaning(EmbeddedReader(), MAIL, "item.version")
    assert trace.lacking
    assert trace.probability < trace.threshold
    assert "does not detect" in trace_meaning(EmbeddedReader(), MAIL, "item.nonsense").lacking
