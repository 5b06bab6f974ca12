"""Types of problems: each error names a page that says what it means and what to do."""

import pytest

from service.errors import PROBLEM_PAGES, PROBLEM_TYPES
from tests.running import Running


def test_an_error_names_its_page_and_the_page_is_there(embedded: Running) -> None:
    for path, status in (("/api/cases/SD-99", 404), ("/api/cases?limit=0", 422), ("/api/cases/SD-1/nothing", 404)):
        answer = embedded.client.get(path)
        shown = answer.json()
        assert (answer.status_code, shown["type"]) == (status, PROBLEM_PAGES + PROBLEM_TYPES[status])
        page = embedded.client.get(shown["type"], headers={"Accept": "text/html"})
        assert page.status_code == 200
        assert shown["title"] in page.text


@pytest.mark.parametrize(("language", "says"), [("ja", "対処方法"), ("en", "What to do")])
def test_every_type_has_a_page_in_both_languages(embedded: Running, language: str, says: str) -> None:
    for name in PROBLEM_TYPES.values():
        page = embedded.client.get(f"{PROBLEM_PAGES}{name}", headers={"Accept-Language": language})
        assert page.status_code == 200
        assert says in page.text
        assert "problem." not in page.text
