"""The pages of problem types, which explain errors."""

from service.errors import PROBLEM_PAGES, PROBLEM_TYPES
from tests.running import Running


def test_an_error_links_to_a_page_that_exists(empty: Running) -> None:
    for path, status in (("/api/cases/SD-99", 404), ("/api/cases?limit=0", 422), ("/api/cases/SD-1/nothing", 404)):
        answer = empty.client.get(path)
        shown = answer.json()
        assert (answer.status_code, shown["type"]) == (status, PROBLEM_PAGES + PROBLEM_TYPES[status])
        page = empty.client.get(shown["type"], headers={"Accept": "text/html"})
        assert (page.status_code, shown["title"] in page.text) == (200, True)


def test_every_problem_type_has_a_page_in_both_languages(empty: Running) -> None:
    for name in PROBLEM_TYPES.values():
        for language, says in (("ja", "対処方法"), ("en", "What to do")):
            page = empty.client.get(f"{PROBLEM_PAGES}{name}", headers={"Accept-Language": language})
            assert (page.status_code, says in page.text, "problem." in page.text) == (200, True, False)
