"""Answers in plain words: which of several requests a mail answers by their words, and which it puts off."""

from functools import partial

import pytest

from tests.cases.exchanges import course, written

INQUIRY = "team: The cold store alarm rings every night since Monday. What can we do?"
ASKED = """vendor: Hello Rui,
was the compressor serviced this year?
Is the depot in Porto affected as well?
Please tell us who keeps the spare key."""
ASKED_JA = """vendor: お世話になっております。
圧縮機は今年点検されていますか。
仙台の倉庫でも鳴っていますか。
合鍵の保管者様をお知らせください。"""

LATER_JA = "team: 2. 庫内灯は点滅しません。\nログは設備係が戻る15時過ぎになります。取れ次第お送りします。"


@pytest.mark.parametrize(
    ("asked", "answer", "answered", "turn"),
    [
        # a sentence that repeats a word of a request answers it
        (ASKED, "Porto is quiet.", "010", "vendor"),
        (ASKED_JA, "仙台では鳴っていません。", "010", "vendor"),
        # … but not if it puts the answer off, asks, or plans
        (ASKED, "Porto is quiet. I'll have to ask the landlord about the key.", "010", "team"),
        (ASKED, "Porto is quiet. I'll come back to you on the compressor.", "010", "team"),
        (ASKED_JA, "仙台では鳴っていません。合鍵の保管者は今確認しています。", "010", "team"),
        (ASKED_JA, "仙台の倉庫の調査は午後になります。", "000", "team"),
        (ASKED, "Why do you ask about Porto?", "000", "vendor"),
        (ASKED, "We will visit Porto on Monday.", "000", "vendor"),
        (ASKED_JA, "仙台の倉庫とはどこのことでしょうか。", "000", "vendor"),
        # words of our own earlier mail show no answer
        (ASKED, "The alarm rings again.", "000", "vendor"),
    ],
)
def test_a_sentence_that_repeats_the_words_of_a_request_answers_it(
    asked: str, answer: str, answered: str, turn: str
) -> None:
    told = course(*(partial(written, mail=mail) for mail in (INQUIRY, asked, f"team: {answer}")))
    assert "".join(str(int(ask.state == "answered")) for ask in told.asks) == answered
    assert told.waiting_on == turn


def test_the_requester_keeps_the_turn_while_the_team_puts_off_what_it_asked() -> None:
    mails = (INQUIRY, ASKED, "reply: Hi Ana, who keeps the spare key?", "team: I am asking our staff.")
    assert course(*(partial(written, mail=mail) for mail in mails)).waiting_on == "requester"


def test_a_numbered_answer_counts_although_a_later_sentence_puts_something_else_off() -> None:
    asked = "vendor: 1. 圧縮機の運転ログのご送付\n2. 庫内灯も点滅するか"
    told = course(*(partial(written, mail=mail) for mail in (INQUIRY, asked, LATER_JA)))
    assert {ask.quote[:2]: ask.state for ask in told.asks} == {"1.": "open", "2.": "answered"}
    assert told.waiting_on == "team"


VERSION_JA = "vendor: お世話になっております。\n製品のバージョンをお知らせください。"


@pytest.mark.parametrize(
    ("asked", "answer", "turn"),
    [
        (VERSION_JA, "バージョンは3.4です。原因が分かり次第、ご連絡ください。", "vendor"),
        (VERSION_JA, "バージョンは3.4です。原因が判明次第、ご報告をお願いいたします。", "vendor"),
        (VERSION_JA, "バージョンは3.4です。引き続き調査していただけますと幸いです。", "vendor"),
        ("vendor: Which version is it?", "It is 3.4. What do we need to check?", "vendor"),
        (VERSION_JA, "バージョンは3.4です。ログは採取でき次第、お送りします。", "team"),
        (VERSION_JA, "バージョンは3.4です。ログは採取でき次第、ご連絡いたします。", "team"),
    ],
)
def test_what_the_vendor_is_asked_to_do_later_is_not_put_off_by_the_team(asked: str, answer: str, turn: str) -> None:
    assert course(*(partial(written, mail=mail) for mail in (INQUIRY, asked, f"team: {answer}"))).waiting_on == turn
