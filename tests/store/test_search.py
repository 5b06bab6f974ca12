"""Full-text search: Japanese and English words, beginnings of words, common words."""

import pytest
from sqlalchemy import case, update

from service.store import cases, search
from service.store.database import Connection, Database
from service.store.tables import messages
from tests.seeding import seed


@pytest.fixture
def filled(database: Database) -> Database:
    """40 cases of two mails each. Each text contains the id of its message in brackets."""
    seed(database, 40, mails=2)
    return database


def _index(database: Database) -> None:
    while database.transact(search.index_pending):
        pass


def _found(database: Database, q: str) -> list[str]:
    def read(conn: Connection) -> list[str]:
        return [case["key"] for case in cases.page(conn, cases.Filter(q=q), "-updated", 100, None, "SD")[0]]

    return database.read(read)


@pytest.mark.parametrize(
    ("q", "count"),
    [
        ("返金", 8),  # two characters of Japanese
        ("返", 8),  # one, as the beginning of any two
        ("osaka delayed", 8),
        ("delayed osak", 8),  # the last word unfinished
        ("osak delayed", 0),  # only the last
        ("osaka 返金", 0),  # each is known, no mail has both
        ("DELAYED", 8),
        ("お世話になっております", 40),
        ("desk", 40),
        ("nowhere", 0),
        ("nowhe", 0),
        ('"', 0),
        ("'; DROP TABLE messages --", 0),
    ],
)
def test_a_search_finds_the_cases_of_mails_with_all_words(filled: Database, q: str, count: int) -> None:
    _index(filled)
    assert len(_found(filled, q)) == count


def test_a_common_word_finds_the_newest_mails(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    _index(filled)
    monkeypatch.setattr(search, "MAX_MATCHES", 6)
    assert _found(filled, "お世話") == ["SD-40", "SD-39", "SD-38"]
    assert _found(filled, "vendor.exampl 世話") == []
    assert len(_found(filled, "北川")) == 6  # she wrote the first mail of each case


def test_words_are_found_in_any_block_of_message_ids(filled: Database) -> None:
    """A block has 16,384 ids. Some blocks contain no mail."""
    numbers = {80: 200_000, 78: 49_153, 40: 16_384, 38: 16_383}
    renumbered = update(messages).where(messages.c.id.in_(numbers)).values(id=case(numbers, value=messages.c.id))
    filled.transact(lambda conn: conn.execute(renumbered))
    _index(filled)
    assert _found(filled, "80") == ["SD-40"]
    assert _found(filled, "世話 78") == ["SD-39"]
    assert _found(filled, "世話 38") == ["SD-19"]
    assert len(_found(filled, "世話")) == 40


def test_the_beginning_of_a_word_stands_for_a_limited_number_of_words(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(sqlite, 10, mails=2)
    _index(sqlite)
    assert len(_found(sqlite, "de")) == 10  # every second mail is by the desk
    monkeypatch.setattr(search, "MAX_COMPLETIONS", 1)
    assert _found(sqlite, "de") == ["SD-6", "SD-1"]  # delayed
