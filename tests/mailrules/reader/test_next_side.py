"""Who has to act after a mail, by its words."""

import pytest

from mailrules.reader.embedded import EmbeddedReader
from mailrules.statement import MailText


@pytest.fixture(scope="module")
def reader() -> EmbeddedReader:
    return EmbeddedReader()


@pytest.mark.parametrize(
    ("side", "to", "text", "wanted"),
    [
        ("vendor", "team", "Could you send us the event log of the evening?", "team"),
        ("vendor", "team", "お手数ですが、発生時刻と機器のログをお送りいただけますでしょうか。", "team"),
        ("vendor", "team", "Our engineers are still analysing the trace. I will write by tomorrow noon.", "vendor"),
        ("vendor", "team", "現在開発部門にて調査しております。進展があり次第、こちらからご連絡いたします。", "vendor"),
        ("team", "vendor", "Hello,\nthe scanner at gate 4 hangs every hour. What can we do?", "vendor"),
        (
            "team",
            "requester",
            "Please restart the terminal once and tell me if the order list opens again.",
            "requester",
        ),
        (
            "team",
            "requester",
            "お手数ですが、一度サインアウトしてから再度お試しいただき、結果を教えてください。",
            "requester",
        ),
        ("requester", "team", "The label printer in the packing room prints blank pages since this morning.", "team"),
        ("requester", "team", "It works again since the new cable. Thank you very much!", "nobody"),
        ("requester", "team", "おかげさまで印刷できるようになりました。ありがとうございました。", "nobody"),
    ],
)
def test_the_words_of_a_mail_say_who_has_to_act_next(
    reader: EmbeddedReader, side: str, to: str, text: str, wanted: str
) -> None:
    assert read(reader, side, to, text) == wanted


def test_a_mail_in_another_language_or_without_words_does_not_say_it(reader: EmbeddedReader) -> None:
    assert read(reader, "vendor", "team", "Bitte senden Sie uns das Protokoll des Geräts.", "de") is None
    assert read(reader, "vendor", "team", "") is None


def read(reader: EmbeddedReader, side: str, to: str, text: str, language: str = "") -> str | None:
    language = language or ("en" if text.isascii() else "ja")
    return reader.read(MailText(text, "", language, side, to, False, None, (), None)).next_side
