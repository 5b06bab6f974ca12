"""Mails of polite phrases only, and those that say something besides."""

import pytest

from mailrules.reader.courtesy import only_courtesy
from mailrules.reader.embedded import EmbeddedReader
from mailrules.statement import MailText

READER = EmbeddedReader()


def mail(text: str) -> MailText:
    language = "en" if text.isascii() else "ja"
    return MailText(text, "Re: Gate", language, "requester", "team", False, None, (), None)


@pytest.mark.parametrize(
    "text",
    ["Thank you!", "Many thanks, Oskar", "OK, noted.", "Dear all,\nthanks for your quick help.\nBest regards\nRuth",
     "Understood, thanks for letting us know.", "ありがとうございます!", "承知いたしました。よろしくお願いいたします。",
     "森田様\nお世話になっております。早速のご対応、ありがとうございました。", "資料を受け取りました。感謝します。"],
)  # fmt: skip
def test_polite_phrases_say_nothing_about_the_matter(text: str) -> None:
    assert only_courtesy(READER.view(mail(text)))
    assert {one.meaning for one in READER.read(mail(text)).statements} == {"kind.notice", "act.thanks"}


@pytest.mark.parametrize(
    "text",
    ["Thanks, works", "Approved.", "Yes.", "Thanks.\nSolved.", "Great. Broken", "Thanks, Urgent!",
     "OK.\nFriday", "承認者は佐藤様", "佐藤さん、鈴木さん", "Great, it opens",
     "Thanks, but it is down again", "No thanks to you", "", "Oskar?",
     "ありがとうございます。開くようになりました。", "承知しましたが、まだ開きません。",
     "よろしくお願いします。3番も止まりました。"],
)  # fmt: skip
def test_a_mail_that_says_something_besides_is_read(text: str) -> None:
    assert not only_courtesy(READER.view(mail(text)))
