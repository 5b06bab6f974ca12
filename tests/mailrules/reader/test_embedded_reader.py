"""The embedded reader: which statements it makes, and which words it quotes."""

from datetime import UTC, datetime

import pytest

from mailrules.reader.units import MAX_UNIT, MAX_UNITS, split_units
from tests.mailrules.mails import READER, mail, read, reply


def meanings(text: str) -> set[str]:
    return {*read(mail(text))}


def asked(text: str) -> set[tuple[str, str]]:
    """Return meaning and quote of each request in a mail of a vendor."""
    found = READER.read(mail(text, "vendor")).statements
    return {(one.meaning, one.quote) for one in found if one.meaning.startswith("ask.")}


def test_quotes_are_the_exact_words_of_the_mail() -> None:
    text = (
        "Hello,\nsince 05:52 today nobody in the whole warehouse can log in.\n"
        "We have no other way, trucks are waiting.\n"
    )
    for statement in READER.read(mail(text)).statements:
        assert statement.start < 0 or text[statement.start : statement.end] == statement.quote


def test_a_site_that_stands_still_without_another_way_has_high_urgency() -> None:
    found = meanings(
        "全店のレジが止まっています。\n手書きもできず、代わりの手段がありません。\nお客様にお帰りいただいています。"
    )
    assert found & {"impact.high", "impact.medium"}
    assert "urgency.high" in found


@pytest.mark.parametrize(
    "text",
    ["本番の受注システムが全社で使えません。回避策はありません。",
     "The whole company cannot use the order system. There is no workaround."],
)  # fmt: skip
def test_a_standstill_of_the_whole_company_without_a_workaround_has_high_impact_and_urgency(text: str) -> None:
    found = read(mail(text))
    assert (found["impact.high"].state, found["urgency.high"].state) == ("value", "value")
    assert found["impact.high"].quote in text


def test_a_question_about_a_standstill_does_not_state_it() -> None:
    found = read(mail("Would the whole company be unable to use the order system? There is no workaround in the plan."))
    assert "impact.high" not in found or found["impact.high"].state == "unsure"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Cold store: none of the scanners work, nobody can book goods in", ""),
        ("Nobody at the clinic can open patient records, all wards", "As in the subject.\nRegards"),
        ("全支店で窓口端末が起動せず、お客様対応ができません", "表題のとおりです。\n何卒よろしくお願いいたします。"),
    ],
)
def test_a_subject_is_read_if_the_text_does_not_describe_the_matter(subject: str, text: str) -> None:
    found = read(mail(text, subject=subject))
    assert found["kind.incident"].quote in subject
    assert {"impact.high", "impact.medium"} & {one.meaning for one in found.values() if one.state == "value"}


def test_a_text_that_describes_the_matter_is_quoted_before_the_subject() -> None:
    found = read(mail("My mouse wheel is stuck.", subject="Nobody at the clinic can open records"))
    assert "mouse wheel" in found["item.symptom"].quote


def test_a_time_zone_that_a_vendor_names_is_not_a_request() -> None:
    found = {meaning for meaning, _ in asked("あわせて、発生日時(日本時間)をお知らせください。")}
    assert "ask.info.occurred_at" in found
    assert "ask.info.timezone" not in found


@pytest.mark.parametrize(
    ("text", "promises"),
    [
        ("6/12までお待ちください。", True),
        ("恐れ入りますが、今週末までお時間をください。", True),
        ("Please bear with us until Wednesday.", True),
        ("更新が終わるまでお待ちください。", False),
        ("Can you give us until Wednesday?", False),
        ("潮位計の原因が判明しましたら、追ってご報告いたします。", True),
    ],
)
def test_a_vendor_promises_by_asking_for_patience_until_a_day_or_by_announcing_a_report(
    text: str, promises: bool
) -> None:
    assert ("act.promise" in read(mail(text, "vendor"))) is promises


@pytest.mark.parametrize(
    ("text", "promises"),
    [("帳票が取れましたら後ほどお送りします。", True), ("帳票が取れましたら後ほどお送りいただけますか。", False)],
)
def test_a_promise_may_depend_on_a_condition(text: str, promises: bool) -> None:
    assert ("act.promise" in meanings(text)) is promises


@pytest.mark.parametrize(
    ("request_", "polite"),
    [
        ("Please send us the event log.", "Please let us know if you have any questions."),
        ("Was the antenna covered during painting?", "Please feel free to reach out if you need anything else."),
        ("Please send us the event log.", "If you have any further questions, do not hesitate to contact us."),
        ("Please send us the event log.", "Please keep the case number in the subject."),
        ("- Please send us the event log.", "Could you please answer the following questions?"),
        ("イベントログをご送付ください。", "何かございましたらご連絡ください。"),
        ("1. イベントログをご送付ください。", "以下の点についてご教示いただけますでしょうか。"),
    ],
)
def test_a_polite_closing_and_the_line_above_a_list_are_no_requests(request_: str, polite: str) -> None:
    orders = [f"Hello,\n{polite}\n{request_}\n", f"Hello,\n{request_}\n{polite}\n"]
    for text in orders[: 1 if request_[0] in "-1" else 2]:
        assert {quote for _, quote in asked(text)} == {request_}


def test_a_closing_that_names_a_thing_requests_it() -> None:
    text = "If you have any questions or need help, please send us the debug log."
    assert {"ask.something", "ask.logs"} <= {meaning for meaning, _ in asked(text)}


@pytest.mark.parametrize(
    ("text", "units", "shapes"),
    [
        (
            "お世話になっております。田中です。\n発生日時: 11/10 9:15頃\n・再起動しました\n",
            ["お世話になっております。", "田中です。", "発生日時: 11/10 9:15頃", "・再起動しました"],
            ["sentence", "sentence", "form", "list"],
        ),
        (
            "Could you please:\n1. Upload the event log. It is large.\n10. 再起動してください。\n",
            ["Could you please:", "1. Upload the event log.", "It is large.", "10. 再起動してください。"],
            ["form", "list", "sentence", "list"],
        ),
    ],
)
def test_sentences_list_lines_and_form_lines_are_units_with_offsets(
    text: str, units: list[str], shapes: list[str]
) -> None:
    found = split_units(text)
    assert [unit.text for unit in found] == units
    assert [unit.shape for unit in found] == shapes
    assert all(text[unit.start : unit.end] == unit.text for unit in found)


def test_hard_wrapped_lines_are_one_sentence() -> None:
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


def test_impact_is_quoted_from_the_sentence_that_describes_the_matter() -> None:
    matter = "please give Ruth the right to print labels at the packing table on floor 2."
    found = read(mail(f"Hello,\n{matter}\nNo rush at all.\nSteve"))
    assert found["impact.low"].quote == matter  # and not "Steve"
    assert found["urgency.low"].quote == "No rush at all."


@pytest.mark.parametrize(
    "text",
    ["Thank you, since yesterday evening every scan has gone through again. No more queue!",
     "昨夕の交換のあと、止まらずに使えるようになりました。ありがとうございました。"],
)  # fmt: skip
def test_a_confirmation_without_reply_headers_is_read_as_a_reply(text: str) -> None:
    given = mail(text, written_at=datetime(2026, 11, 27, 9, tzinfo=UTC))
    assert read(given).keys() & {"act.confirm_resolved", "recovered"}
    assert not READER.decide(given).view.mail.opens


def test_a_happy_follow_up_with_a_double_negation_is_not_urgent() -> None:
    text = "Not one scanner lost its connection today, all trucks are gone. Thank you!"
    found = read(mail(text, subject="Scanners fine"))
    assert all(one.state == "unsure" for meaning, one in found.items() if meaning in ("impact.high", "urgency.high"))


def test_a_condition_confirms_nothing() -> None:
    assert "act.confirm_resolved" not in meanings("If all 42 go through this morning, we are done.")


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
     "All 23 of them.", "Wifi in the chapel is down since noon.", "寄宿舎の12人全員です。",
     "Let us know once the organ tuner is back to normal.",
     "Inform the choir when the issue is resolved.", "I will confirm after the weir gate has been fixed."],
)  # fmt: skip
def test_a_denied_or_future_recovery_is_no_recovery(text: str) -> None:
    assert read(reply(text)).keys().isdisjoint(("recovered", "act.confirm_resolved"))


@pytest.mark.parametrize(
    "text",
    ["The gates open again.", "No more errors since ten.", "エラーは出なくなりました。",
     "弁を差し直したら元に戻りました。", "ご指示どおりにしましたら、採点機が直りました。",
     "When I reseated the card, the issue was resolved.", "Once I had cleared the cache, the atlas works again."],
)  # fmt: skip
def test_a_recovery_may_be_stated_by_the_absence_of_the_problem(text: str) -> None:
    assert read(reply(text)).keys() & {"recovered", "act.confirm_resolved"}


@pytest.mark.parametrize(
    "text",
    ["The coaches are back at the depot and nobody was picked up.", "Two surgeons have left for the other hospital.",
     "The ferry crew has been sent home.", "看護師は詰所に戻りました。", "ご家族には待合室に移っていただきました。"],
)  # fmt: skip
def test_where_people_went_is_no_recovery(text: str) -> None:
    assert read(reply(text)).keys().isdisjoint(("recovered", "act.confirm_resolved", "act.close"))


@pytest.mark.parametrize(
    "text", ["Everyone has gone home now.", "The wedding party went to the other hotel.", "皆さん帰りました。"]
)
def test_a_recovery_that_no_word_supports_is_at_most_unsure(text: str) -> None:
    found = read(reply(text))
    assert "recovered" not in found or found["recovered"].state == "unsure"


@pytest.mark.parametrize(
    ("text", "clear"),
    [
        ("The kiln control is dead and all four kilns stand still. The glaziers are playing cards.", False),
        ("None of the turnstiles at the stadium open. The stewards stand in the rain.", False),
        ("製麺ラインが全部止まっています。職人は洗い物をしています。", False),
        ("The kiln control is dead on all four kilns. We fire them by hand meanwhile.", True),
        ("製麺ラインの端末が全部止まっています。手作業で代わりに計量しています。", True),
    ],
)
def test_what_people_do_while_they_wait_is_no_workaround_of_an_urgent_problem(text: str, clear: bool) -> None:
    found = read(mail(text))
    assert ("item.workaround" in found and found["item.workaround"].state == "value") is clear
