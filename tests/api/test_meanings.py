"""GET /api/meanings."""

from __future__ import annotations

from mailrules.catalogue import load
from tests.running import Running


def test_the_catalogue_is_served_whole(embedded: Running) -> None:
    answer = embedded.get("/api/meanings")
    assert [entry["id"] for entry in answer["items"]] == [meaning.id for meaning in load()]
    assert answer["ids"] == list(load().ids)
    assert all(len(entry["examples"]["ja"]) >= 5 for entry in answer["items"])
