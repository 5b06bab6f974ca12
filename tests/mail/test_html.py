"""HTML as a person reads it."""

from pathlib import Path

import pytest
import yaml

from service.mail import html

CASES = yaml.safe_load(Path(__file__).with_name("html.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("markup", "text"), CASES.values(), ids=CASES.keys())
def test_html_is_read(markup: str, text: str) -> None:
    assert html.to_text(markup) == text


def test_the_title_is_found() -> None:
    assert html.title("<html><head><title>\n Weekly &amp; more </title></head>") == "Weekly & more"
    assert html.title("<p>none</p>") == ""
