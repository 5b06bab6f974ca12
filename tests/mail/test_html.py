"""HTML is converted to the text that a person sees."""

import pytest

from service.mail import html
from tests.tables import table_beside

CASES = table_beside(__file__, "html.yaml")


@pytest.mark.parametrize(("markup", "text"), CASES.values(), ids=CASES.keys())
def test_html_is_converted_to_text(markup: str, text: str) -> None:
    assert html.to_text(markup) == text


def test_the_title_is_read() -> None:
    assert html.title("<html><head><title>\n Weekly &amp; more </title></head>") == "Weekly & more"
    assert html.title("<p>none</p>") == ""
