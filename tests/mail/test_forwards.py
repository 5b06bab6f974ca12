"""A forward as each client lays it out, in sixteen languages besides English: every field comes back."""

# ruff: noqa: E501 -- a table: a language a row

from datetime import UTC, datetime

import pytest

from service.mail.body import read_body
from service.mail.writer import people

# Apple's mark, Thunderbird's mark and labels, labels of Outlook and Apple, of Yahoo!, two dates,
# the subject's prefix, Gmail's date
LANGUAGES: dict[str, list[str]] = {
    row.partition(" / ")[0]: row.split(" / ")[1:]
    for row in """
cs / Začátek přeposílané zprávy / Přeposlaná zpráva / Předmět;Datum;Od;Komu;Kopie / Od;Datum;Komu;Kopie;Předmět / Od;Komu;Kopie;Odesláno;Předmět / čtvrtek, 28. října 2021 12:46 / úterý 2. listopadu 2021, 09:26:50 SEČ / PD / st 27. 10. 2021 v 9:31
fr / Début du message réexpédié  / Message transféré / Sujet ;Date ;De ;Pour ;Copie à  / De ;Date ;À ;Cc ;Objet  / De ;À ;Cc ;Envoyé ;Objet  / jeudi, 28 octobre 2021 à 12:46 / mardi 2 novembre 2021, 09:26:50 UTC+1 / TR / mer. 27 oct. 2021 à 09:31
hu / Továbbított levél kezdete / Továbbított üzenet / Tárgy;Dátum;Feladó;Címzett;CC / Feladó;Dátum;Címzett;Másolatot kap;Tárgy / Feladó;Címzett;Másolatot kap;Elküldve;Tárgy / csütörtök, 2021. október 28. 12:46 / 2021. november 2., kedd 09:26:50 CET / TOVÁBBÍTÁS / 2021. okt. 27., Sze, 9:31
nl / Begin doorgestuurd bericht / Doorgestuurd bericht / Onderwerp;Datum;Van;Aan;CC / Van;Datum;Aan;Cc;Onderwerp / Van;Aan;CC;Verzonden;Onderwerp / donderdag, 28 oktober 2021 om 12:46 / dinsdag 2 november 2021 09:26:50 CET / FW / wo 27 okt. 2021 om 09:31
pl / Początek przekazywanej wiadomości / Treść przekazanej wiadomości / Temat;Data;Nadawca;Adresat;Kopia / Od;Data;Do;DW;Temat / Od;Do;DW;Wysłano;Temat / czwartek, 28 października 2021 12:46 / wtorek, 2 listopada 2021 09:26:50 CET / PD / śr., 27 paź 2021 o 09:31
pt_br / Início da mensagem encaminhada / Mensagem encaminhada / Assunto;Data;De;Para;CC / De;Data;Para;Cc;Assunto / De;Para;Cc;Enviado;Assunto / quinta-feira, 28 de outubro de 2021 12:46 / terça-feira, 2 de novembro de 2021 09:26:50 BRT / ENC / qua., 27 de out. de 2021 às 09:31
ro / Începe mesajul redirecționat / Mesaj redirecționat / Subiect;Data;De la;Către;CC / De la;Dată;Către;Cc;Subiect / De la;Către;Cc;Trimis;Subiect / joi, 28 octombrie 2021 la 12:46 / marți, 2 noiembrie 2021, 09:26:50 GMT+1 / FW / mie., 27 oct. 2021 la 09:31
sk / Začiatok preposlanej správy / Preposlaná správa / Predmet;Dátum;Od;Komu;Kópia / Od;Dátum;Komu;Kópia;Predmet / Od;Komu;Kópia;Odoslané;Predmet / štvrtok, 28. októbra 2021 12:46 / utorok 2. novembra 2021, 09:26:50 CET / FW / st 27. 10. 2021 o 9:31
tr / İleti başlangıcı / İletilmiş İleti / Konu;Tarih;Kimden;Kime;CC / Kimden;Tarih;Kime;Bilgi;Konu / Kimden;Kime;Cc;Gönderildi;Konu / 28 Ekim 2021 Perşembe 12:46 / 2 Kasım 2021 Salı 09:26:50 GMT+1 / İLT / 27 Eki 2021 Çar, 09:31
et / Edastatud kirja algus / Edastatud kiri / Teema;Kuupäev;Saatja;Saaja;CC / Saatja;Kuupäev;Adressaat;Koopia;Teema / Saatja;Saaja;Koopia;Saadetud;Teema / neljapäev, 28. oktoober 2021 12:46 / teisipäev 2. november 2021 09:26:50 / ED / K, 27. oktoober 2021 kell 09:31
ja / 転送されたメッセージ / 転送メッセージ / 件名;日付;差出人;宛先;CC / 差出人;日付;宛先;CC;件名 / 差出人;宛先;CC;送信日時;件名 / 2021年10月28日 木曜日 12:46 / 2021年11月2日火曜日 09:26:50 JST / 転送 / 2021年10月27日(水) 9:31
el / Έναρξη προωθημένου μηνύματος / Προωθημένο μήνυμα / Θέμα;Ημερομηνία;Από;Προς;Κοιν / Από;Ημερομηνία;Προς;Κοιν.;Θέμα / Από;Προς;Κοιν;Στάλθηκε;Θέμα / Πέμπτη, 28 Οκτωβρίου 2021 12:46 / Τρίτη, 2 Νοεμβρίου 2021 09:26:50 GMT+2 / ΠΡΘ / Τετ, 27 Οκτ 2021 στις 9:31
zh / 开始转发的邮件 / 转发邮件信息 / 主题;日期;发件人;收件人;抄送 / 发件人;日期;收件人;抄送;主题 / 发件人;收件人;抄送;发送时间;主题 / 2021年10月28日 星期四 12:46 / 2021年11月2日 星期二 09:26:50 / 转发 / 2021年10月27日周三 9:31
bg / Начало на препратеното съобщение / Препратено съобщение / Относно;Дата;От;До;Копие / От;Дата;До;Копие;Тема / От;До;Копие;Изпратено;Тема / четвъртък, 28 октомври 2021 г. 12:46 / вторник, 2 ноември 2021 г. 09:26:50 / FW / ср, 27.10.2021 г. в 9:31
ko / 전달된 메시지 시작 / 전달된 메시지 / 제목;날짜;보낸 사람;받는 사람;참조 / 보낸 사람;날짜;받는 사람;참조;제목 / 보낸 사람;받는 사람;참조;보낸 날짜;제목 / 2021년 10월 28일 목요일 오후 12:46 / 2021년 11월 2일 화요일 오전 09:26:50 / 전달 / 2021년 10월 27일 (수) 오전 9:31
he / תחילת ההודעה שהועברה / הודעה שהועברה / נושא;תאריך;מאת;אל;עותק / מאת;תאריך;אל;עותק;נושא / מאת;אל;עותק;נשלח;נושא / יום חמישי, 28 באוקטובר 2021 12:46 / יום שלישי, 2 בנובמבר 2021 09:26:50 / FW / יום ד׳, 27 באוק׳ 2021 ב-9:31
""".strip().splitlines()
}

FROM = "Ada Byron <ada@maker.example>"
TO = "bo@firm.example"
CC = "Cy Dee <cy@firm.example>, Di <di@office.example>"
CC_SEMICOLON = CC.replace(",", ";")
SUBJECT = "Toner for the third floor"
BODY = "The toner is on its way.\nIt takes two days.\n\nAsk for anything else."
DAYS = {(2021, 10, 28), (2021, 11, 2), (2021, 11, 3), (2021, 10, 27)}


def layouts(language: str) -> dict[str, tuple[str, str]]:
    """Layout → (text, subject of the mail around it)."""
    apple, mark, thunderbird, outlook, yahoo, day, clock, prefix, short = LANGUAGES[language]
    f, d, t, c, s = outlook.split(";")
    ts, td, tf, tt, tc = thunderbird.split(";")
    yf, yt, yc, yd, ys = yahoo.split(";")
    quoted = f"{apple}:\n\n{f}: {FROM}\n{s}: {SUBJECT}\n{d}: {day}\n{t}: {TO}\n{c}: {CC}\n\n{BODY}\n"
    return {
        "thunderbird": (
            f"-------- {mark} --------\n{ts}: \t{SUBJECT}\n{td}: \tWed, 3 Nov 2021 15:51:30 +0100\n{tf}: \t{FROM}\n{tt}: \t{TO}\n{tc}: \t{CC}\n\n\n\n{BODY}",
            "Message",
        ),
        "outlook": (
            f"{f}: {FROM}\n{d}: {day}\n{t}: {TO} <{TO}>\n{c}: {CC}\n{s}: {SUBJECT}\n{BODY}",
            f"{prefix}: {SUBJECT}",
        ),
        "outlook-web": (
            f"________________________________\n{f}: {FROM}\n{yd}: {day}\n{t}: {TO} <{TO}>\n{c}: {CC_SEMICOLON}\n{s}: {SUBJECT}\n\n{BODY}",
            f"{prefix}: {SUBJECT}",
        ),
        "apple": ("\n".join(f"> {line}" for line in quoted.split("\n")), "Message"),
        "iphone": (
            f"{apple}:\n\n{f}: {FROM}\n{d}: {day}\n{t}: {TO}\n{c}: {CC}\n{s}: {SUBJECT}\n\n{BODY}\n",
            f"Fwd: {SUBJECT}",
        ),
        "gmail": (
            f"---------- Forwarded message ---------\n{f}: {FROM}\nDate: {short}\nSubject: {SUBJECT}\nTo: <{TO}>\nCc: {CC}\n\n\n{BODY}",
            "Message",
        ),
        "hubspot": (
            f"---------- {mark} ---------\n{f}: {FROM}\n{d}: {clock}\n{s}: {SUBJECT}\n{t}: {TO}\n{c}: {CC}\n\n{BODY}",
            "Message",
        ),
        "yahoo": (
            f'   ----- {mark} ----- {yf}: {FROM}{yt}: "{TO}" <{TO}>{yc}: {CC_SEMICOLON}{yd}: {clock}{ys}: {SUBJECT}\n{BODY}',
            "Message",
        ),
    }


@pytest.mark.parametrize("intro", ["", "Please have a look.\n\nIt is urgent for Bo."], ids=["bare", "with-note"])
@pytest.mark.parametrize(
    "layout", ["thunderbird", "outlook", "outlook-web", "apple", "iphone", "gmail", "hubspot", "yahoo"]
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_of_a_forward_comes_back(language: str, layout: str, intro: str) -> None:
    text, subject = layouts(language)[layout]
    read = read_body(
        f"{intro}\n\n{text}" if intro else text, None, subject=subject, date=datetime(2025, 2, 3, 9, 30, tzinfo=UTC)
    )
    (mail,) = read.forwarded
    assert read.intro == intro
    assert str(mail.from_) == FROM
    assert [a.address for a in mail.to] == [TO]
    assert [str(a) for a in mail.cc] == CC.split(", ")
    assert mail.subject == SUBJECT
    assert mail.text == BODY
    assert mail.date is not None
    assert (mail.date.year, mail.date.month, mail.date.day) in DAYS


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Ann Lee (IT) <ann@x.test>", "Ann Lee (IT)"),
        ('"Lee, Ann (alee)" <ann@x.test>', "Lee, Ann (alee)"),
        ("(ann@x.test)", ""),
        ("Ann <ann@x.test>)", "Ann"),
    ],
)
def test_a_bracket_that_belongs_to_a_name_stays_with_it(line: str, name: str) -> None:
    [person] = people(line)
    assert (person.name, person.address) == (name, "ann@x.test")
