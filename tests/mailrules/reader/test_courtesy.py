"""Mails that contain only polite phrases, and mails that say something else too."""

import pytest

from mailrules.reader.courtesy import only_courtesy
from tests.mailrules.mails import READER, read, reply


def is_courtesy(text: str, side: str = "requester") -> bool:
    return only_courtesy(READER.view(reply(text, side, "team" if side == "requester" else "requester")))


@pytest.mark.parametrize(
    "text",
    ["Thank you!", "Many thanks, Oskar", "OK, noted.", "Dear all,\nthanks for your quick help.\nBest regards\nRuth",
     "Understood, thanks for letting us know.", "ありがとうございます!", "承知いたしました。よろしくお願いいたします。",
     "森田様\nお世話になっております。早速のご対応、ありがとうございました。", "資料を受け取りました。感謝します。"],
)  # fmt: skip
def test_polite_phrases_say_nothing_about_the_matter(text: str) -> None:
    assert is_courtesy(text)
    assert read(reply(text)).keys() == {"kind.notice", "act.thanks"}


@pytest.mark.parametrize(
    "text",
    ["Thanks, works", "Approved.", "Yes.", "Thanks.\nSolved.", "Great. Broken", "Thanks, Urgent!",
     "OK.\nFriday", "承認者は佐藤様", "佐藤さん、鈴木さん", "Great, it opens",
     "Thanks, but it is down again", "No thanks to you", "", "Oskar?",
     "ありがとうございます。開くようになりました。", "承知しましたが、まだ開きません。",
     "よろしくお願いします。3番も止まりました。"],
)  # fmt: skip
def test_a_mail_that_says_something_else_is_no_courtesy(text: str) -> None:
    assert not is_courtesy(text)


@pytest.mark.parametrize(
    "text",
    ["You are very welcome, Ines!", "My pleasure. Have a great weekend!", "Happy to hear that.",
     "So glad it is working again!", "No trouble at all. Please get in touch if anything else comes up.\nRuth",
     "That is good news. Just call us if the error returns.", "👍", "Great 😊",
     "どういたしまして。またお気軽にどうぞ!", "無事につながって何よりです。", "いえいえ、間に合ってよかったです。",
     "承知いたしました。今後また同じ症状が出ましたら、ご遠慮なくお声がけください。",
     "安心しました。ほかにもご不明な点がございましたらお問い合わせください。"],
)  # fmt: skip
def test_the_team_closes_with_polite_phrases(text: str) -> None:
    assert is_courtesy(text, "team")


@pytest.mark.parametrize(
    "text",
    ["Glad it works. Which door is next?", "Let me know if the badge opens the garage.", "届いたらご連絡ください。",
     "Please write if the counter shows 40.", "You are welcome. I will swap the reader on Monday.",
     "念のため明日もお試しください。", "他の階も開くかお知らせください。", "直りましたらご連絡ください。",
     "Glad to help, but it is not over yet."],
)  # fmt: skip
def test_a_question_or_a_promise_of_the_team_is_no_courtesy(text: str) -> None:
    assert not is_courtesy(text, "team")


@pytest.mark.parametrize("text", ["Glad it works again!", "直ってよかったです。"])
def test_of_a_requester_the_same_words_say_that_it_is_solved(text: str) -> None:
    assert not is_courtesy(text)
