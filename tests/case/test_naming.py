"""People whom the words of a mail name."""

from __future__ import annotations

import pytest

from service.case.naming import named_in


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("佐藤様\nお世話になっております。三好さんの件です。", ("三好",)),
        ("福岡支店の件です。", ()),
        ("大塚さん、三好課長も同じです", ("大塚", "三好")),
        ("The case for the ledger server (Elena's mail this morning).", ("the", "elena")),
        ("Hi Miho,\n\nit went away when Erin moved.", ("erin",)),
        ("Please see to Tachibana-san.", ("please", "tachibana")),
        ("Mark the ledger server, please.", ()),
        ("It is done.\n\nKind regards,\nKen Tachibana", ()),
        ("x" * 2900 + " for Erin", ("erin",)),
        ("", ()),
    ],
)
def test_who_is_named(text: str, named: tuple[str, ...]) -> None:
    assert named_in(text) == named


def test_who_writes_or_gets_it_is_not_named() -> None:
    assert named_in("Ask Erin or Mika's desk.", without={"mika", "ask"}) == ("erin",)
