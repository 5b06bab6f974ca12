"""The embedded reader: what it states of a mail, with the words that carry it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mailrules.reader import EmbeddedReader
from mailrules.reader.units import MAX_UNIT, MAX_UNITS, split_units
from mailrules.statement import MailText, Statement

READER = EmbeddedReader()


def mail(text: str, subject: str = "", side: str = "requester", to: str = "team", language: str = "en") -> MailText:
    return MailText(text, subject, language, side, to, True, None, (), datetime(2026, 11, 27, 9, tzinfo=UTC))


def read(text: str, **facts: str) -> dict[str, Statement]:
    return {statement.meaning: statement for statement in READER.read(mail(text, **facts)).statements}


def test_quotes_are_the_very_words_of_the_mail() -> None:
    text = (
        "Hello,\nsince 05:52 today nobody in the whole warehouse can log in.\n"
        "We have no other way, trucks are waiting.\n"
    )
    for statement in READER.read(mail(text)).statements:
        assert statement.start < 0 or text[statement.start : statement.end] == statement.quote


def test_a_site_that_stands_still_without_another_way_has_high_urgency() -> None:
    found = read(
        "全店のレジが止まっています。\n手書きもできず、代わりの手段がありません。\nお客様にお帰りいただいています。",
        language="ja",
    )
    assert any(meaning.startswith("impact.") and meaning != "impact.low" for meaning in found)
    assert "urgency.high" in found


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("本番の受注システムが全社で使えません。回避策はありません。", "ja"),
        ("The whole company cannot use the order system. There is no workaround.", "en"),
    ],
)
def test_a_plain_standstill_without_another_way_is_large_and_urgent(text: str, language: str) -> None:
    found = read(text, language=language)
    assert (found["impact.high"].state, found["urgency.high"].state) == ("value", "value")
    assert found["impact.high"].quote in text


def test_a_standstill_that_is_only_asked_about_is_not() -> None:
    found = read("Would the whole company be unable to use the order system? There is no workaround in the plan.")
    assert "impact.high" not in found or found["impact.high"].state == "unsure"


@pytest.mark.parametrize(
    ("subject", "text", "language"),
    [
        ("Cold store: none of the scanners work, nobody can book goods in", "", "en"),
        ("Nobody at the clinic can open patient records, all wards", "As in the subject.\nRegards", "en"),
        (
            "全支店で窓口端末が起動せず、お客様対応ができません",
            "表題のとおりです。\n何卒よろしくお願いいたします。",
            "ja",
        ),
    ],
)
def test_a_subject_tells_the_matter_where_the_text_tells_nothing(subject: str, text: str, language: str) -> None:
    found = read(text, subject=subject, language=language)
    assert found["kind.incident"].quote in subject
    assert {"impact.high", "impact.medium"} & {one.meaning for one in found.values() if one.state == "value"}


def test_a_text_that_tells_the_matter_is_quoted_before_the_subject() -> None:
    found = read("My mouse wheel is stuck.", subject="Nobody at the clinic can open records")
    assert "mouse wheel" in found["item.symptom"].quote


def test_a_zone_that_a_vendor_names_is_not_asked_for() -> None:
    found = read("あわせて、発生日時(日本時間)をお知らせください。", side="vendor", to="team", language="ja")
    assert "ask.info.occurred_at" in found
    assert "ask.info.timezone" not in found


@pytest.mark.parametrize(
    ("text", "language", "promises"),
    [
        ("6/12までお待ちください。", "ja", True),
        ("恐れ入りますが、今週末までお時間をください。", "ja", True),
        ("Please bear with us until Wednesday.", "en", True),
        ("更新が終わるまでお待ちください。", "ja", False),
        ("Can you give us until Wednesday?", "en", False),
    ],
)
def test_a_vendor_that_asks_for_patience_until_a_day_promises_it(text: str, language: str, promises: bool) -> None:
    assert ("act.promise" in read(text, side="vendor", language=language)) is promises


@pytest.mark.parametrize(
    ("wanted", "polite", "language"),
    [
        ("Please send us the event log.", "Please let us know if you have any questions.", "en"),
        ("Was the antenna covered during painting?", "Please feel free to reach out if you need anything else.", "en"),
        ("Please send us the event log.", "If you have any further questions, do not hesitate to contact us.", "en"),
        ("Please send us the event log.", "Please keep the case number in the subject.", "en"),
        ("- Please send us the event log.", "Could you please answer the following questions?", "en"),
        ("イベントログをご送付ください。", "何かございましたらご連絡ください。", "ja"),
        ("1. イベントログをご送付ください。", "以下の点についてご教示いただけますでしょうか。", "ja"),
    ],
)
def test_a_polite_closing_and_the_line_above_a_list_ask_for_nothing(wanted: str, polite: str, language: str) -> None:
    for text in (f"Hello,\n{polite}\n{wanted}\n", f"Hello,\n{wanted}\n{polite}\n")[: 1 if wanted[0] in "-1" else 2]:
        found = READER.read(mail(text, side="vendor", language=language)).statements
        assert {one.quote for one in found if one.meaning.startswith("ask.")} == {wanted}


def test_a_closing_that_names_what_is_wanted_asks_for_it() -> None:
    text = "If you have any questions or need help, please send us the debug log."
    assert {"ask.something", "ask.logs"} <= {one.meaning for one in READER.read(mail(text, side="vendor")).statements}


def test_sentences_lists_and_form_lines_are_units_with_offsets() -> None:
    text = "お世話になっております。田中です。\n発生日時: 11/10 9:15頃\n・再起動しました\n・変わりません\n"
    units = split_units(text)
    assert [unit.text for unit in units] == [
        "お世話になっております。",
        "田中です。",
        "発生日時: 11/10 9:15頃",
        "・再起動しました",
        "・変わりません",
    ]
    assert [unit.shape for unit in units] == ["sentence", "sentence", "form", "list", "list"]
    assert all(text[unit.start : unit.end] == unit.text for unit in units)


def test_a_numbered_line_is_one_unit() -> None:
    text = "Could you please:\n1. Upload the event log. It is large.\n2. Confirm the zone.\n10. 再起動してください。\n"
    units = split_units(text)
    assert [unit.text for unit in units] == [
        "Could you please:",
        "1. Upload the event log.",
        "It is large.",
        "2. Confirm the zone.",
        "10. 再起動してください。",
    ]
    assert [unit.shape for unit in units] == ["form", "list", "sentence", "list", "list"]


def test_lines_broken_by_the_writers_program_are_one_sentence() -> None:
    text = (
        "The labels that come out of the printer in the dispensary are blank on\n"
        "every second sheet since Tuesday. We use another one.\n"
    )
    assert [unit.start for unit in split_units(text)] == [0, 105]


def test_the_work_on_a_hostile_text_is_bounded() -> None:
    for text in ("a" * 1_000_000, "あ" * 100_000, "「（(" * 100_000, "\n".join("no. " * 5 for _ in range(50_000))):
        units = split_units(text)
        assert len(units) <= MAX_UNITS
        assert all(len(unit.text) <= MAX_UNIT for unit in units)
        READER.read(mail(text, language="ja"))


def test_impact_is_quoted_from_a_sentence_that_tells_the_matter() -> None:
    matter = "please give Ruth the right to print labels at the packing table on floor 2."
    said = read(f"Hello,\n{matter}\nNo rush at all.\nSteve")
    assert said["impact.low"].quote == matter  # and not "Steve"
    assert said["urgency.low"].quote == "No rush at all."


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Thank you, since yesterday evening every scan has gone through again. No more queue!", "en"),
        ("昨夕の交換のあと、止まらずに使えるようになりました。ありがとうございました。", "ja"),
    ],
)
def test_a_confirmation_without_reply_headers_is_read_as_a_reply(text: str, language: str) -> None:
    assert read(text, language=language).keys() & {"act.confirm_resolved", "recovered"}
    assert not READER.decide(mail(text, language=language)).view.mail.opens


def test_a_happy_follow_up_with_a_double_negation_is_not_urgent() -> None:
    found = read("Not one scanner lost its connection today, all trucks are gone. Thank you!", subject="Scanners fine")
    assert all(one.state == "unsure" for meaning, one in found.items() if meaning in ("impact.high", "urgency.high"))


def test_a_condition_confirms_nothing() -> None:
    assert "act.confirm_resolved" not in read("If all 42 go through this morning, we are done.")


@pytest.mark.parametrize(
    "text",
    ["The gates are still not fixed.", "ゲートはまだ復旧しておりません。", "解消していません。",
     "That did not cure it.", "復旧後に原因報告書をご提出ください。",
     "Please write a cause report once everything is back.",
     "開札システムが直りましたら内線でお知らせください。",
     "検温器の件、解決したら掲示を外します。",
     "送風機が復旧した際はご一報ください。",
     "鐘楼の時計が直ったかどうか午後に見てきます。", "改札が復旧するまで窓口で待ちます。",
     "直り次第お知らせ願います。",
     "Please ring the lock-keeper when the sluice works again.",
     "Let us know once the organ tuner is back to normal.",
     "Inform the choir when the issue is resolved.", "I will confirm after the weir gate has been fixed."],
)  # fmt: skip
def test_a_denied_or_future_recovery_is_none(text: str) -> None:
    assert settled(text).isdisjoint(("recovered", "act.confirm_resolved"))


@pytest.mark.parametrize(
    "text",
    ["The gates open again.", "No more errors since ten.", "エラーは出なくなりました。",
     "弁を差し直したら元に戻りました。", "ご指示どおりにしましたら、採点機が直りました。",
     "When I reseated the card, the issue was resolved.", "Once I had cleared the cache, the atlas works again."],
)  # fmt: skip
def test_a_recovery_may_be_told_by_what_is_gone(text: str) -> None:
    assert settled(text) & {"recovered", "act.confirm_resolved"}


def settled(text: str) -> set[str]:
    language = "en" if text.isascii() else "ja"
    mail = MailText(text, "", language, "requester", "team", False, None, (), None)
    return {one.meaning for one in EmbeddedReader().read(mail).statements}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The coaches are back at the depot and nobody was picked up.", "en"),
        ("Two surgeons have left for the other hospital.", "en"),
        ("The ferry crew has been sent home.", "en"),
        ("看護師は詰所に戻りました。", "ja"),
        ("ご家族には待合室に移っていただきました。", "ja"),
    ],
)
def test_where_people_went_is_no_recovery(text: str, language: str) -> None:
    reply = replace(mail(text, "Re: site", language=language), opens=False)
    found = {statement.meaning for statement in READER.read(reply).statements}
    assert found.isdisjoint(("recovered", "act.confirm_resolved", "act.close"))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Everyone has gone home now.", "en"),
        ("The wedding party went to the other hotel.", "en"),
        ("皆さん帰りました。", "ja"),
    ],
)
def test_a_recovery_that_no_word_supports_is_at_most_unsure(text: str, language: str) -> None:
    found = READER.read(replace(mail(text, language=language), opens=False)).statements
    assert {one.state for one in found if one.meaning == "recovered"} <= {"unsure"}


@pytest.mark.parametrize(
    "text", ["All 23 of them.", "Wifi in the chapel is down since noon.", "寄宿舎の12人全員です。"]
)
def test_the_extent_of_a_problem_is_no_recovery(text: str) -> None:
    assert "recovered" not in settled(text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The kiln control is dead and all four kilns stand still. The glaziers are playing cards.", "en"),
        ("None of the turnstiles at the stadium open. The stewards stand in the rain.", "en"),
        ("製麺ラインが全部止まっています。職人は洗い物をしています。", "ja"),
    ],
)
def test_what_people_do_while_they_wait_is_no_clear_workaround(text: str, language: str) -> None:
    found = read(text, language=language)
    assert "item.workaround" not in found or found["item.workaround"].state != "value"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The kiln control is dead on all four kilns. We fire them by hand meanwhile.", "en"),
        ("製麺ラインの端末が全部止まっています。手作業で代わりに計量しています。", "ja"),
    ],
)
def test_a_clear_workaround_of_an_urgent_problem_is_stated(text: str, language: str) -> None:
    assert read(text, language=language)["item.workaround"].state == "value"


@pytest.mark.parametrize(
    ("text", "side", "promises"),
    [
        ("潮位計の原因が判明しましたら、追ってご報告いたします。", "vendor", True),
        ("帳票が取れましたら後ほどお送りします。", "requester", True),
        ("帳票が取れましたら後ほどお送りいただけますか。", "requester", False),
    ],
)
def test_a_promise_may_depend_on_what_comes_first(text: str, side: str, promises: bool) -> None:
    assert ("act.promise" in read(text, side=side, language="ja")) is promises
