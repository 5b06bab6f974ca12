"""Figures that two mails about one trouble share."""

from __future__ import annotations

import pytest

from service.case.figures import figures_in, is_figure
from service.case.words import content_words, weight
from tests.case.filing import ACME, DESK, USER, Filing, mail


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("3階の約90人がつながりません。", ("90人",)),
        ("All ~90 of us in the hall, since 13:25.", ("90人", "@13:25")),
        ("Six engineers wait, a 5 MB file takes a minute.", ("6人", "5mb")),
        ("午後1時15分から12台が止まっています。", ("@13:15", "12台")),
        ("Since 1:15 pm the disk is 99% full.", ("@13:15", "99%")),
        ("監視では 8:28:40 に検知、address 08:28:40:11:22:33.", ("@8:28",)),
        ("A call at 9:00 or 10:30 with two people.", ()),
        ("Version 7.4.3, 192.0.2.15, 2031-05-12, ticket 12345.", ()),
        ("", ()),
    ],
)
def test_figures_are_read_in_both_languages(text: str, figures: tuple[str, ...]) -> None:
    assert figures_in(text) == figures


def test_a_figure_says_less_than_an_identifier() -> None:
    assert weight("90人") < weight("srv-90")
    assert not is_figure("srv-90")
    assert is_figure("@13:25")


def test_the_figures_of_a_report_speak_for_the_inquiry_about_it() -> None:
    filing = Filing()
    filing.deliver(
        mail("user", USER, "no network", "All ~90 of us are offline since 13:24, phones too.", 0, to=(DESK,)),
        mail("ask", DESK, "Stack reload", "It reloaded at 13:24; 90 people and their phones are off.", 30, to=(ACME,)),
    )
    assert filing.case_of("user") == filing.case_of("ask")
    assert "90人" in filing.why("ask").words


def test_whom_a_mail_addresses_is_no_telling_word_but_a_specification_is() -> None:
    assert "塚様" not in content_words("大塚様")
    assert "仕様" in content_words("製品仕様")
