"""HTML as a person reads it."""

import pytest

from service.mail import html
from tests.tables import table_beside

CASES = table_beside(__file__, "html.yaml")


@pytest.mark.parametrize(("markup", "text"), CASES.values(), ids=CASES.keys())
def test_html_is_read(markup: str, text: str) -> None:
    assert html.to_text(markup) == text


def test_the_title_is_found() -> None:
    assert html.title("<html><head><title>\n Weekly &amp; more </title></head>") == "Weekly & more"
    assert html.title("<p>none</p>") == ""
