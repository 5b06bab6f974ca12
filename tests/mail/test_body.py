"""Bodies taken apart: new text, quotes, signatures, forwards, and the earlier mails of a thread, in many languages."""

# ruff: noqa: E501 -- a mail a line

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.mail import client_phrases
from service.mail.body import LONGEST, Body, read_body

TOKYO = timezone(timedelta(hours=9))
NOON = datetime(2026, 11, 10, 13, 10, tzinfo=TOKYO)


def body(text: str, subject: str = "Re: Printer", date: datetime | None = NOON, html: str | None = None) -> Body:
    return read_body(text, html, subject=subject, date=date)


LANGUAGES = client_phrases.ROWS


def test_there_are_header_words_of_many_languages() -> None:
    assert len(LANGUAGES) >= 24


@pytest.mark.parametrize("row", LANGUAGES, ids=lambda row: row[0])
@pytest.mark.parametrize(
    "under", ["", "________________________________\n", "---------- Forwarded message ---------\n"]
)
def test_a_forward_is_read_in_every_language_of_the_table(row: list[str], under: str) -> None:
    from_, to, cc, subject, date = (column.split(", ")[0].title() for column in row[1:])
    read = body(
        f"Please have a look.\n\n{under}{from_}: Ada Byron <ada@maker.example>\n{date}: 2026-11-10 12:05\n"
        f"{to}: Bo Ek <bo@firm.example>\n{cc}: Cy Dee <cy@firm.example>\n{subject}: Toner [4711]\n\nThe toner is on its way.\n",
        subject="FW: Toner [4711]",
    )
    (mail,) = read.forwarded
    assert (str(mail.from_), mail.subject) == ("Ada Byron <ada@maker.example>", "Toner [4711]")
    assert [str(a) for a in (*mail.to, *mail.cc)] == ["Bo Ek <bo@firm.example>", "Cy Dee <cy@firm.example>"]
    assert mail.date == datetime(2026, 11, 10, 12, 5, tzinfo=TOKYO)
    assert mail.zone_assumed
    assert mail.text == "The toner is on its way."
    assert read.intro == read.reply_text == "Please have a look."


@pytest.mark.parametrize("mark", ["Plusendita mesaĝo", "Forwarded message"])
def test_a_forward_in_a_language_without_a_table_is_read_by_its_shape(mark: str) -> None:
    read = body(
        f"---------- {mark} ---------\nElde: Ada Byron <ada@maker.example>\nJe: 2026-11-10 12:05\n"
        "Temaro: Toner\nAle: bo@firm.example\n\nĜi venas.\n",
        subject="Toner",
    )
    (mail,) = read.forwarded
    assert (str(mail.from_), mail.subject, mail.text) == ("Ada Byron <ada@maker.example>", "Toner", "Ĝi venas.")
    assert [str(a) for a in mail.to] == ["bo@firm.example"]


def test_facts_under_a_heading_between_dashes_are_no_forward() -> None:
    text = "---- 申請 ----\n申請者: ada@maker.example\n期限: 2026-11-10\n件名: トナー\n備考: なし\n"
    assert body(text, "トナーの申請").reply_text == text.strip()


ATTRIBUTIONS = [
    "On Tue, Nov 10, 2026 at 12:05 PM Ada Byron <ada@maker.example> wrote:",
    "On Tue, Nov 10, 2026 at 12:05 PM Ada Byron <\nada@maker.example> wrote:",
    "On Tue, 10 Nov 2026 12:05:00 +0900\nAda Byron <ada@maker.example> wrote:",
    "---- On Tue, 10 Nov 2026 12:05:00 +0900 Ada Byron <ada@maker.example> wrote ----",
    "2026年11月10日(火) 12:05 Ada Byron <ada@maker.example>:",
    "2026/11/10 12:05、Ada Byron <ada@maker.example>のメール:",
    "令和8年11月10日 午後0時5分、Ada Byron <ada@maker.example> さんは書きました:",
    "Le mar. 10 nov. 2026 à 12:05, Ada Byron <ada@maker.example> a écrit :",
    'Le 10 nov. 2026 12:05, "Ada Byron"\n<ada@maker.example>\na écrit :',
    "Am Di., 10. Nov. 2026 um 12:05 Uhr schrieb Ada Byron <ada@maker.example>:",
    "Ada Byron <ada@maker.example> schrieb am Di., 10.\nNov. 2026 um 12:05 Uhr:",
    "El mar, 10 nov 2026 a las 12:05, Ada Byron (<ada@maker.example>) escribió:",
    "Il giorno mar 10 nov 2026 alle ore 12:05 Ada Byron <ada@maker.example> ha scritto:",
    "Em ter., 10 de nov. de 2026 às 12:05, Ada Byron <ada@maker.example> escreveu:",
    "Op di 10 nov 2026 om 12:05 schreef Ada Byron <ada@maker.example>:",
    "Den tis 10 nov. 2026 kl 12:05 skrev Ada Byron <ada@maker.example>:",
    "ti 10. marrask. 2026 klo 12.05 Ada Byron <ada@maker.example> kirjoitti:",
    "wt., 10 lis 2026 o 12:05 Ada Byron <ada@maker.example> napisał(a):",
    "út 10. 11. 2026 v 12:05 odesílatel Ada Byron <ada@maker.example> napsal:",
    "Ada Byron <ada@maker.example> ezt írta (időpont: 2026. nov. 10., K, 12:05):",
    "вт, 10 нояб. 2026 г. в 12:05, Ada Byron <ada@maker.example>:",
    "вт, 10 лист. 2026 р. о 12:05 Ada Byron <ada@maker.example> пише:",
    "10 Kas 2026 Sal 12:05 tarihinde Ada Byron <ada@maker.example> şunu yazdı:",
    "Ada Byron <ada@maker.example> 于2026年11月10日周二 12:05写道：",
    "Ada Byron <ada@maker.example> 於 2026年11月10日 週二 下午12:05寫道：",
    "2026년 11월 10일 (화) 오후 12:05, Ada Byron <ada@maker.example>님이 작성:",
]


@pytest.mark.parametrize("line", ATTRIBUTIONS)
@pytest.mark.parametrize("subject", ["Re: Printer", "FW: Printer"])
def test_an_attribution_line_names_writer_and_moment(line: str, subject: str) -> None:
    read = body(f"Thanks, done.\n\n{line}\n\n> Is it done?\n> It was due today.\n", subject)
    (mail,) = read.forwarded if subject.startswith("FW") else read.history
    assert read.reply_text == "Thanks, done."
    assert str(mail.from_) == "Ada Byron <ada@maker.example>"
    assert mail.date == datetime(2026, 11, 10, 12, 5, tzinfo=TOKYO)
    assert mail.text == "Is it done?\nIt was due today."


MORE_ATTRIBUTIONS = [
    "在 2016年2月3日，下午3:35，Ada Byron <ada@maker.example> 写道：",
    "在 2016/2/3 15:35, Ada Byron 写道:",
    "Op 3 feb. 2016 om 15:35 heeft Ada Byron <ada@maker.example> het volgende geschreven:",
    "Op 3-2-2016 om 15:35 schreef Ada Byron:",
    "Den 3. feb. 2016 kl. 15.35 skrev Ada Byron <ada@maker.example>:",
    'Den 3 feb. 2016 15:35 skrev "Ada Byron" <ada@maker.example>:',
    '2016. 2. 3. 오후 3:35에 "Ada Byron" <ada@maker.example>님이 작성:',
    '\u202bבתאריך 3 בפבר׳ 2016 15:35, \u200f"Ada Byron" <ada@maker.example> כתב:\u202c',
    "Vào 15:35, Th 4, 3 thg 2, 2016 Ada Byron <ada@maker.example> đã viết:",
    "Vào Th 4, 3 thg 2, 2016 vào lúc 15:35 Ada Byron <ada@maker.example> đã viết:",
    'Pada tanggal 3 Feb 2016 15.35, "Ada Byron" <ada@maker.example> menulis:',
    '3. velj 2016. 15:35 "Ada Byron" <ada@maker.example> je napisao:',
    "sri, 3. velj 2016. u 15:35 Ada Byron <ada@maker.example> napisao je:",
    "În mie., 3 feb. 2016 la 15:35, Ada Byron <ada@maker.example> a scris:",
    "Pe 3 feb. 2016, la 15:35, Ada Byron <ada@maker.example> a scris:",
    "Dne 3. února 2016 15:35 Ada Byron <ada@maker.example> napsal(a):",
    "Dňa 3. 2. 2016 o 15:35 Ada Byron napísal(a):",
    "st 3. 2. 2016 o 15:35 Ada Byron <ada@maker.example> napísal(a):",
    "Στις Τετ, 3 Φεβ 2016 στις 15:35, ο χρήστης Ada Byron <ada@maker.example> έγραψε:",
    "На ср, 3.02.2016 г. в 15:35 Ada Byron <ada@maker.example> написа:",
    "V V sre., 3. feb. 2016 ob 15:35 je oseba Ada Byron <ada@maker.example> napisala:",
    "ในวันที่ พ. 3 ก.พ. 2016 เวลา 15:35 Ada Byron <ada@maker.example> เขียนว่า:",
    "El dc., 3 febr. 2016 a les 15:35, Ada Byron (<ada@maker.example>) va escriure:",
    "Ada Byron <ada@maker.example> kirjutas kuupäeval K, 3. veebruar 2016 kell 15:35:",
    "2016-02-03, tr, 15:35 Ada Byron <ada@maker.example> rašė:",
    "Trešd., 2016. g. 3. febr., plkst. 15:35 — lietotājs Ada Byron (<ada@maker.example>) rakstīja:",
    "2016. február 3. 15:35 Ada Byron írta, <ada@maker.example>:",
    "Ada Byron <ada@maker.example> írta (2016. február 3., szerda):",
    "3 февраля 2016 г., 15:35, Ada Byron <ada@maker.example> написал:",
    "03.02.2016 15:35, Ada Byron пишет:",
    "Среда, 3 февраля 2016, 15:35 +04:00 от Ada Byron <ada@maker.example>:",
    '03.02.2016, 15:35, "Ada Byron" <ada@maker.example>:',
    "On Wed, Feb 3, 2016 15:35 Ada Byron <ada@maker.example> wrote:",
    "On 3/2/16 15:35, Ada Byron wrote:",
    'On Feb 3, 2016 3:35 PM, "Ada Byron" <ada@maker.example> wrote:',
    "On Wednesday, February 3, 2016, Ada Byron <ada@maker.example> wrote:",
    "Ada Byron <ada@maker.example> wrote on 03/02/2016 15:35:12:",
    "* Ada Byron <ada@maker.example> [2016-02-03 15:35]:",
    "At Wed, 3 Feb 2016 15:35:00 +0900, Ada Byron wrote:",
    "2016-02-03 15:35 GMT+09:00 Ada Byron <ada@maker.example>:",
    "Am 03.02.16 um 15:35 schrieb Ada Byron:",
    "Am Mittwoch, 3. Februar 2016, 15:35:00 CET schrieb Ada Byron:",
    '"Ada Byron" <ada@maker.example> schrieb am 03.02.2016 um 15:35:',
    "Le mercredi 3 février 2016 à 15:35, Ada Byron <ada@maker.example> a écrit :",
    "Le mer. 3 févr. 2016 à 15 h 35, Ada Byron <ada@maker.example> a écrit :",
    "Em 3 de fev de 2016, à(s) 15:35, Ada Byron <ada@maker.example> escreveu:",
    'El 3 feb. 2016 3:35 p. m., "Ada Byron" <ada@maker.example> escribió:',
    "El mié., 3 de feb. de 2016 15:35, Ada Byron <ada@maker.example> escribió:",
    "Il 03/02/2016 15:35, Ada Byron ha scritto:",
    "2016-02-03 15:35 Ada Byron napisał(a):",
    "W dniu 03.02.2016 o 15:35, Ada Byron pisze:",
    "W dniu 3 lutego 2016 15:35 użytkownik Ada Byron <ada@maker.example> napisał:",
    "3 Şub 2016 tarihinde 15:35 saatinde, Ada Byron <ada@maker.example> şunları yazdı:",
    "Ada Byron <ada@maker.example>, 3 Şub 2016 Çar, 15:35 tarihinde şunu yazdı:",
    "2016/02/03 15:35、Ada Byron <ada@maker.example> のメール:",
    "2016年2月3日水曜日、Ada Byron<ada@maker.example>さんは書きました:",
    "2016年2月3日(水) 午後3:35 Ada Byron <ada@maker.example>:",
    "Ada Byron <ada@maker.example>さんが2016年02月03日(水) 15:35に書きました:",
    "2016/02/03(水) 15:35 に、Ada Byron <ada@maker.example> が書きました:",
]


@pytest.mark.parametrize("line", MORE_ATTRIBUTIONS)
@pytest.mark.parametrize("quoted", ["> Is it done?", "Is it done?"], ids=["marked", "unmarked"])
def test_an_attribution_line_is_read_with_and_without_quote_marks(line: str, quoted: str) -> None:
    read = body(f"Yes.\n\n{line}\n\n{quoted}\n", date=datetime(2016, 2, 3, 18, 0, tzinfo=UTC))
    (mail,) = read.history
    assert read.reply_text == "Yes."
    assert mail.text == "Is it done?"
    assert mail.from_ is not None
    assert mail.from_.name == "Ada Byron"
    assert mail.from_.address in ("ada@maker.example", "")
    assert mail.date is not None
    assert mail.date.date().isoformat() == "2016-02-03"


def test_answers_between_quoted_lines_are_new() -> None:
    read = body(
        "On 2026/11/10 12:05, Ada wrote:\n> Since when?\n\nSince nine.\n\n> All users?\nOnly me.\n\n> Regards\n"
    )
    assert read.reply_text == "Since nine.\n\nOnly me."
    assert read.history[0].text.startswith("Since when?\n\nAll users?")


def test_an_answer_below_the_quote_is_new() -> None:
    assert body("On 2026/11/10 12:05, Ada wrote:\n> Done?\n\nYes.\n").reply_text == "Yes."


def test_quoted_text_holds_what_is_not_new() -> None:
    read = body("Yes.\n\nOn 2026/11/10 12:05, Ada wrote:\n> Done?\n")
    assert "> Done?" in read.quoted_text
    assert "Yes." not in read.quoted_text


def test_a_forward_of_a_forward_is_nested_outermost_first() -> None:
    read = body(
        "FYI\n\n---------- Forwarded message ---------\nFrom: Bo Ek <bo@firm.example>\nDate: Tue, Nov 10, 2026 at 12:30 PM\n"
        "Subject: Fwd: Toner\nTo: Cy Dee <cy@firm.example>\n\nCy, yours?\n\n---------- Forwarded message ---------\n"
        "From: Ada Byron <ada@maker.example>\nDate: Tue, Nov 10, 2026 at 12:05 PM\nSubject: Toner\nTo: bo@firm.example\n\nIt comes.\n",
        "Fwd: Toner",
    )
    assert [(m.from_ and m.from_.address, m.text) for m in read.forwarded] == [
        ("bo@firm.example", "Cy, yours?"),
        ("ada@maker.example", "It comes."),
    ]


def test_lines_that_html_spaced_out_are_read_as_written() -> None:
    read = body("One.\n\nTwo.\n\n\n\nThree.\n\nFour.\n\n\n\n情報システム部\n\n内線 3110 / desk@firm.example\n")
    assert read.reply_text == "One.\nTwo.\n\nThree.\nFour."
    assert read.signature == "情報システム部\n内線 3110 / desk@firm.example"


def test_the_subject_decides_where_no_mark_does() -> None:
    block = "Seen.\n\nFrom: Ada <ada@maker.example>\nSent: Tuesday, November 10, 2026 12:05 PM\nTo: Bo\nSubject: Toner\n\nIt comes.\n"
    assert body(block, "FW: Toner").forwarded
    assert not body(block, "RE: Toner").forwarded
    assert body(block, "RE: Toner").history
    assert not body(block, "RE: FW: Toner").forwarded


def test_header_lines_that_someone_lists_are_no_quote() -> None:
    text = "届かないメールは下記です。\n\n差出人: Ada <ada@maker.example>\n送信日時: 2026年11月10日 12:05\n宛先: Bo\n件名: 見積\n\n以上です。\n"
    read = body(text, "届かないメールの件")
    assert not read.forwarded
    assert "件名: 見積" in read.reply_text


LISTED = [
    "受付番号: 4711\n件名: トナー\n日時: 2026/11/10 12:05\n送信者: Ada Byron\n宛先: サポート\n\n"
    + "担当者より一営業日以内にご連絡いたします。" * 4,
    "送信者: ada@maker.example\n宛先: bo@firm.example\n件名: 見積\n日時: 2026/11/10 12:05\n\n"
    + "届かない原因を調べてください。" * 6,
    "----------\n送信者: Ada Byron\n件名: トナー\n本文: なし\n----------\n\n" + "以上の内容で受け付けました。" * 6,
    "Received: from a.example\nDate: Tue, 10 Nov 2026 12:05:00 +0900\nFrom: ada@maker.example\nTo: bo@firm.example\n"
    "Subject: Toner\nMessage-ID: <x@maker.example>\n\n" + "It took two hours to arrive, why? " * 4,
]


@pytest.mark.parametrize("facts", LISTED)
def test_facts_about_a_mail_are_no_quote(facts: str) -> None:
    read = body(f"お世話になっております。\n\n{facts}", "お問い合わせ")
    assert not read.forwarded
    assert not read.history
    assert read.reply_text == f"お世話になっております。\n\n{facts}".strip()


@pytest.mark.parametrize(
    ("html", "offset"),
    [('<html><body lang="JA">x</body></html>', 9), ('<html><body lang="EN-GB">x</body></html>', 0)],
)
def test_a_date_without_zone_in_a_mail_dated_in_utc_follows_the_language(html: str, offset: int) -> None:
    text = "Seen.\n\nFrom: Ada <ada@maker.example>\nSent: Tuesday, November 10, 2026 3:05 AM\nTo: Bo\nSubject: Toner\n\nIt comes.\n"
    (mail,) = body(text, "FW: Toner", datetime(2026, 11, 10, 4, 0, tzinfo=UTC), html).forwarded
    assert mail.date is not None
    assert mail.date.utcoffset() == timedelta(hours=offset)


def test_japanese_header_words_without_kana_are_japanese() -> None:
    text = "OK\n\n差出人: Ada <ada@maker.example>\n送信日時: 2026年11月10日 12:05\n宛先: Bo\n件名: Toner\n\nIt comes.\n"
    (mail,) = body(text, "FW: Toner", datetime(2026, 11, 10, 4, 0, tzinfo=UTC)).forwarded
    assert mail.date == datetime(2026, 11, 10, 12, 5, tzinfo=TOKYO)


SIGNATURES = [
    "-- \nAda Byron\nMaker Ltd.",
    "Best regards,\nAda Byron",
    "Mit freundlichen Grüßen\n\nAda Byron\nVertrieb",
    "Pozdrawiam,\nAda",
    "Ada Byron\nMaker Ltd.\n+44 20 7946 0321\nada@maker.example",
    "------------------------------\n株式会社メーカー 営業部\n阿田 花子\nTEL 03-5555-0199",
    "*****************\n阿田 花子（内線 2210）\n*****************",
    "━━━━━━━━━━━━\n情報システム部 阿田\n━━━━━━━━━━━━",
    "Sent from my iPhone",
    "Sent from Outlook for iOS",
    "iPhoneから送信",
    "Von meinem Mobilgerät gesendet",
    "Envoyé de mon iPhone",
    "從我的 iPhone 傳送",
    "CONFIDENTIALITY NOTICE: This e-mail is intended solely for the addressee.\nIf you are not the addressee, delete it.",
    "本メールには機密情報が含まれている場合があります。誤って受信された場合は破棄してください。",
    "_______________________________________________\nprinters mailing list\nprinters@lists.example",
]


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_signature_is_not_new_text(signature: str) -> None:
    read = body(f"The printer works again.\n\n{signature}\n")
    assert read.reply_text == "The printer works again."
    assert read.signature
    assert signature.startswith(read.signature)  # a closing frame may be gone


FOOTERS = [
    "Sent from my BlackBerry",
    "Sent from Mail for Windows",
    "Sent from [mail](https://mail.example/) for Windows 10",
    "Sent from my cell, please excuse any typos.",
    "Get Outlook for Android<https://aka.ms/x>",
    "Please excuse brevity and typos, sent from phone",
    "Отправлено с iPhone",
    "Enviado desde mi iPhone",
    "Enviado do meu iPhone",
    "Trimis de pe iPhone-ul meu",
    "Skickat från min iPhone",
    "Wysłane z iPhone'a",
    "Odesláno z iPhonu",
    "iPhone'umdan gönderildi",
    "iPhone-omról küldve",
    "내 iPhone에서 보냄",
    "发自我的 iPhone",
    "Lähetetty iPhonesta",
    "Verstuurd vanaf mijn iPhone",
    "Надіслано з iPhone",
    "Στάλθηκε από το iPhone μου",
    "Gửi từ iPhone của tôi",
    "ส่งจาก iPhone ของฉัน",
    "Envoyé à partir d’Outlook pour iOS",
    "Gesendet von Mail für Windows",
    "Outlook für iOS beziehen",
    "Outlook for iOS を入手",
    "ドコモのスマートフォンから送信",
    "Windows 10 版のメールから送信",
]


@pytest.mark.parametrize("footer", FOOTERS)
def test_the_footer_of_a_phone_is_not_new_text(footer: str) -> None:
    assert body(f"It prints.\n\n{footer}").reply_text == "It prints."


SENTENCES = [
    "Sent from the server at 10:00 with an error.",
    "Get Outlook working again please",
    "From mobile the login works, from PC not.",
    "スマホから送信できません。",
    "iPhoneからメールが送信できません",
    "Outlookから送信エラーになります",
    "Von meinem Rechner aus geht es nicht.",
    "Mail wird nicht gesendet",
    "Androidからの送信メールが届かない",
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_about_a_phone_stays(sentence: str) -> None:
    assert body(f"Hello,\n\n{sentence}").reply_text == f"Hello,\n\n{sentence}"


KEPT = [
    "ログは以下です。\n--\n2026/11/08 23:14:05 Error PRAID: Disk (5) failed",
    "Office 365 Version 2408\nWindows 11 23H2",
    "tcp6  0  0 192.0.2.91:443  X:18212  FIN_WAIT2\ntcp6  0  0 192.0.2.91:443  X:14756  TIME_WAIT",
    "2026/11/08 23:14:05 Error PRAID: Disk (5) failed\n2026/11/08 23:14:06 Warning Logical drive 0: degraded",
    "----------\nWindows 11\nChrome ver 120",
    "https://firm.example/a - seems to say that this\nis what everybody on the second floor does every day",
    "IP 192.0.2.10\nMAC 00:11:22:33:44:55\nfw-01",
    "接続元 192.0.2.10\n接続先 portal.firm.example",
    "会員ID abc12345\n契約番号 0120-4711-22 ではなく 4711",
    "Sent from my desk, which is nearer than the printer.",
    "The notification was sent from my iPhone app.",
    "Thanks,\nAda",
    "With regards to the printer: it works.",
    "----\nエラー: E-101\n発生: 11/10 12:05\n----\n\n以上、よろしくお願いいたします。",
    "ホスト名: prt-01\n設置場所: 3階\n連絡先: 内線 2210",
    "See also\n\nhttps://maker.example/faq",
    "Hello,\n-- FOUR toners\n-- EIGHT drums",
]


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_a_signature_stays(text: str) -> None:
    assert body(f"Dear all,\n\n{text}").reply_text == f"Dear all,\n\n{text}"


@pytest.mark.parametrize(
    "banner",
    [
        "[EXTERNAL]",
        "CAUTION: This email originated from outside of the organization. Do not click links.",
        "【外部メール】このメールは社外から送信されています。リンクや添付ファイルにご注意ください。",
        "You don't often get email from ada@maker.example. Learn why this is important",
    ],
)
def test_a_banner_of_the_mail_system_is_not_new_text(banner: str) -> None:
    assert body(f"{banner}\n\nThe printer works again.").reply_text == "The printer works again."


@pytest.mark.parametrize(
    "line",
    [
        "##- Please type your reply above this line -##",
        "--- Reply ABOVE THIS LINE to add a note ---",
        "##- この行より上に返信を記入してください -##",
        "##- Bitte geben Sie Ihre Antwort oberhalb dieser Zeile ein -##",
    ],
)
def test_below_a_reply_line_nothing_is_new(line: str) -> None:
    assert body(f"Yes, please.\n\n{line}\n\nYour request (12) was updated.").reply_text == "Yes, please."
    assert body(f"{line}\n\nYour request (12) was updated.").reply_text == "Your request (12) was updated."


HOSTILE = {
    "marks": ">" * 400_000,
    "nested": "".join(">" * n + " On 2026-01-01 10:00 X <a@b.example> wrote:\n" for n in range(800)),
    "blocks": "From: a@b.example\nTo: c\nDate: 2026-01-01\nSubject: x\n\nhi\n" * 5_000,
    "labels": "件名：\n差出人：\n宛先：\n" * 20_000,
    "attributions": "On 2026-01-01 10:00 X <a@b.example> wrote:\n" * 10_000,
    "rules": ("_" * 199 + "\n") * 5_000,
    "ats": "a@" * 300_000,
    "blank": "\n" * 500_000,
    "long": "あ" * (LONGEST + 100_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_read_within_bounds(name: str) -> None:
    read = body(HOSTILE[name])
    assert len(read.history) + len(read.forwarded) <= 400
    assert "body-unread" not in read.defects


@given(
    st.text(alphabet=st.sampled_from(list("> \n\t-_*:：<>@.,'\"()[]0123456789aZé件名差出人FromTDatewrote\ufeff\r"))),
    st.booleans(),
)
def test_any_text_is_read_and_nothing_is_made_up(text: str, forwarded: bool) -> None:
    read = body(text, "FW: x" if forwarded else "Re: x")
    assert "body-unread" not in read.defects
    for line in read.reply_text.split("\n"):
        assert line in text.replace("\ufeff", "")
