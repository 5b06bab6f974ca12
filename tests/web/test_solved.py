"""The pages of a case whose problem is solved, while something is still open."""

import pytest

from tests.outbound.desk import report
from tests.running import Running
from tests.web.test_pages import page, tree

UTF_8 = "Content-Type: text/plain; charset=utf-8\n"
STOPPED = report(subject="全社停止", body="全社でログインできません。回避策はありません。", headers=UTF_8)
SOLVED = report(
    2,
    subject="Re: 全社停止",
    body="全社で復旧していることを確認しました。\n障害報告書(原因、再発防止策)を今週中にいただけますでしょうか。",
    headers=f"{UTF_8}In-Reply-To: <r1@corp.example>\n",
)


@pytest.fixture
def solved(embedded: Running) -> str:
    """The key of the case."""
    key, _ = embedded.deliver(STOPPED, SOLVED)
    return key


def test_the_reason_says_that_the_end_of_the_problem_lowers_the_priority(embedded: Running, solved: str) -> None:
    assert embedded.get(f"/api/cases/{solved}")["priority_detail"]["basis"] == "priority.over_large"
    reason = {"ja": "復旧したので優先度を下げた", "en": "the problem is solved, which lowers the priority"}
    assert [words in page(embedded, f"/cases/{solved}", language) for language, words in reason.items()] == [True] * 2


def test_the_reason_cites_each_sentence_once(embedded: Running, solved: str) -> None:
    shown = [line.text() for line in tree(embedded, f"/cases/{solved}").css('[aria-labelledby="why"] .quotes li')]
    assert len(shown) == len(set(shown)) > 1
    cited = embedded.get(f"/api/cases/{solved}")["priority_detail"]["evidence"]
    rules = [(one["rule"], one["message"], one["quote"]) for one in cited]
    assert len(rules) == len(set(rules))


def test_the_card_of_a_solved_case_says_so_and_what_is_still_open(embedded: Running, solved: str) -> None:
    path = f"/?q={solved}"
    embedded.client.patch(f"/api/cases/{solved}", json={"status": "resolved"})
    assert tree(embedded, path).css_first(".card .solved") is None  # the status says it
    embedded.client.patch(f"/api/cases/{solved}", json={"status": "open"})
    for shown in (path, f"/cases/{solved}"):
        [line] = tree(embedded, shown).css(".card .solved, .casehead .solved")
        assert line.text().split() == ["復旧の連絡あり", "残り:", "原因報告・再発防止"]
    [summary] = embedded.get("/api/cases")["items"]
    assert (summary["recovered"], [one["topic"] for one in summary["parked"]]) == (True, ["rca"])


def test_a_solved_p1_case_needs_no_contact(embedded: Running) -> None:
    (key,) = embedded.deliver(STOPPED)
    assert "すぐに連絡がつく人と電話番号を確認してください" in page(embedded, f"/cases/{key}")
    embedded.deliver(SOLVED)
    embedded.client.patch(f"/api/cases/{key}", json={"status": "open", "priority": "P1"})
    assert not [note for note in embedded.get(f"/api/cases/{key}")["notes"] if note.startswith("p1-")]
