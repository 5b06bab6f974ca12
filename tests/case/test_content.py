"""Cases joined by what is said, where no header says so: in every order, and only where one case alone fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.case.phrases import returns, seconds
from service.mail.message import Address, Bounce, Mail
from tests.case.filing import ACME, DESK, OTHER_USER, STRANGER, UMBRA, USER, Filing, every_order, inside, mail

DAY = 24 * 60
ANDY = "andy@acme.test"
"""A person at the vendor's."""
THIRD_USER = "sora@lab.test"


def apart(*groups: tuple[str, ...]) -> frozenset[frozenset[str]]:
    return frozenset(map(frozenset, groups))


def user(name: str, who: str, subject: str, text: str, when: float) -> Mail:
    return mail(name, who, subject, text, when, to=(DESK,))


FIRST = user("first", USER, "Upload fails", "Since this morning every drawing ends with error 5077 in shelf.", 0)
OTHER = user("other", THIRD_USER, "Printer", "The printer on the second floor prints stripes.", 10)


def test_another_user_with_the_same_trouble_stands_with_the_first() -> None:
    second = user("second", OTHER_USER, "drawings", "Same here, error 5077 in shelf when I drop a drawing.", 40)
    assert every_order(FIRST, second, OTHER) == apart(("first", "second"), ("other",))
    filing = Filing()
    filing.deliver(FIRST, second)
    assert filing.why("second").kind == "content"
    assert "5077" in filing.why("second").words


def test_the_same_words_are_no_second_report_where_nobody_says_too() -> None:
    second = user("second", OTHER_USER, "drawings", "Error 5077 in shelf when I drop a drawing.", 40)
    assert every_order(FIRST, second) == apart(("first",), ("second",))


def test_who_meets_the_same_message_each_time_tells_of_his_own_trouble() -> None:
    own = user("own", OTHER_USER, "drawings", "I print a drawing and get the same message every time, error 5077.", 40)
    assert every_order(FIRST, own) == apart(("first",), ("own",))


def test_a_second_report_that_fits_two_cases_joins_neither() -> None:
    like = user("like", THIRD_USER, "Upload fails", "Since this morning a drawing ends with error 5077 in shelf.", 5)
    second = user("second", OTHER_USER, "drawings", "Same here, error 5077 in shelf with a drawing.", 40)
    assert every_order(FIRST, like, second) == apart(("first",), ("like",), ("second",))


def test_plain_words_of_the_product_make_no_second_report_and_settle_no_case_of_somebody_else() -> None:
    crash = user("crash", USER, "ledger", "The ledger workbook stops when its macro runs, password or not.", 0)
    also = user("also", OTHER_USER, "ledger", "I also have had no luck with the ledger workbook password macro.", 40)
    over = user("over", OTHER_USER, "ledger", "SOLVED: the ledger workbook password, no macro needed.", 60)
    assert every_order(crash, also) == apart(("crash",), ("also",))
    assert every_order(crash, over) == apart(("crash",), ("over",))


def test_days_later_it_is_a_trouble_of_its_own() -> None:
    second = user("second", OTHER_USER, "drawings", "Same here, error 5077 in shelf when I drop a drawing.", 5 * DAY)
    assert every_order(FIRST, second) == apart(("first",), ("second",))


def test_who_tells_in_a_new_mail_that_it_works_again_settles_that_case() -> None:
    over = user("over", OTHER_USER, "shelf", "SOLVED: drawings reach the shelf again, no error 5077 any more.", DAY)
    assert every_order(FIRST, over, OTHER) == apart(("first", "over"), ("other",))
    nothing = user("over", OTHER_USER, "Thanks", "SOLVED, thank you.", DAY)
    assert every_order(FIRST, nothing) == apart(("first",), ("over",))
    mine = user("over", USER, "Thanks", "SOLVED, drawings reach the shelf, thank you.", DAY)
    assert every_order(FIRST, mine, OTHER) == apart(("first", "over"), ("other",))
    lights = user("lights", USER, "倉庫", "倉庫の照明が消えました。", 0)
    lit = user("lit", USER, "お礼", "SOLVED 倉庫の照明です。", DAY)
    assert every_order(lights, lit) == apart(("lights", "lit"))
    little = user("over", USER, "Thanks", "SOLVED, the shelf has no dust, thank you.", DAY)
    assert every_order(FIRST, little) == apart(("first",), ("over",))


INQUIRY = mail("inquiry", DESK, "Gate F9 stuck", "Gate F9 stays shut, unit KX-20, since May.", 0, to=(ACME,))
BOUNCE = mail(
    "bounce",
    "mailer-daemon@lab.test",
    "Undelivered",
    "550 no such user",
    1,
    automatic="bounce",
    bounce=Bounce((ACME,), "5.1.1", "<inquiry@x.test>"),
)


def test_an_inquiry_that_bounced_and_is_sent_again_is_one_matter() -> None:
    again = mail("again", DESK, INQUIRY.subject, f"(sent again)\n{INQUIRY.text}", 20, to=(ACME,))
    answer = mail("answer", ACME, "Gate F9 stuck [acme #700100]", "We are on it.", 60, to=(DESK,))
    assert every_order(INQUIRY, BOUNCE, again, answer) == apart(("inquiry", "bounce", "again", "answer"))
    assert every_order(INQUIRY, again) == apart(("inquiry",), ("again",))  # nothing came back: asked twice is two
    else_ = mail("again", DESK, INQUIRY.subject, "Now the lamp of hall three is dark.", 20, to=(ACME,))
    assert every_order(INQUIRY, BOUNCE, else_) == apart(("inquiry", "bounce"), ("again",))


ASKED = mail("asked", DESK, "Night ringing", "Unit KX-20: calls to reception do not ring by day.", 0, to=(ANDY,))


def test_the_person_who_was_asked_goes_on_without_number_or_header() -> None:
    told = inside(
        ANDY, "The day switching of KX-20 may be off: please send the call log of reception.", 50, origin="forwarded"
    )
    handed = mail("handed", DESK, "Fwd: our call", "From acme.", 60, forwarded=(told,))
    later = mail(
        "later", ANDY, "Re: our call", "The log of KX-20 shows it: switching set.", 200, to=(DESK,), parent="lost"
    )
    assert every_order(ASKED, handed, later) == apart(("asked", "handed", "later"))


@pytest.mark.parametrize(
    ("who", "text"),
    [
        pytest.param(ANDY, "Shall we have lunch at the fair next week?", id="other words"),
        pytest.param(ANDY, "The invoice for the reception unit and its ringing calls.", id="an invoice"),
        pytest.param(ACME, "The day switching of KX-20 may be off.", id="another person of the vendor"),
        pytest.param(STRANGER, "The day switching of KX-20 may be off, calls do not ring.", id="a stranger"),
    ],
)
def test_words_or_the_vendor_alone_do_not_go_on_with_an_exchange(who: str, text: str) -> None:
    assert every_order(ASKED, mail("more", who, "Our call", text, 60, to=(DESK,))) == apart(("asked",), ("more",))


def test_of_two_exchanges_with_one_person_that_fit_alike_neither_is_gone_on_with() -> None:
    two = mail("two", DESK, "Day ringing", "Unit KX-20: calls to the gate do not ring by night.", 5, to=(ANDY,))
    more = mail("more", ANDY, "Our call", "The switching of KX-20 may be off, calls do not ring.", 60, to=(DESK,))
    assert every_order(ASKED, two, more) == apart(("asked",), ("two",), ("more",))


@pytest.mark.parametrize(
    "text",
    [
        "うちの課でも同じエラーが出ます。",
        "私もログインできなくなりました。",
        "田中さんと同じ症状です。",
        "隣の席の人も開けないそうです。",
        "三好さんも同じのが出ていると聞きました。",
        "Same here since nine.",
        "We are also getting the red page.",
        "It is happening to two others in our room too.",
        "I have the same error as Ken.",
    ],
)
def test_words_of_a_second_report(text: str) -> None:
    assert seconds(text)


@pytest.mark.parametrize(
    "text",
    [
        "ログインできません。",
        "再起動もしました。",
        "I cannot log in.",
        "Too slow for work.",
        "At the same time it beeps.",
        "同じエラーが何度も出ます。",
        "田中さんと同じ権限をお願いします。",
        "佐藤さんも同じ会議に出席します。",
        "再起動しても同じ現象が発生します。",
        "別のPCでも同じエラーです。",
        "It shows the same message every time I print.",
        "I rebooted and get the same error again.",
    ],
)
def test_words_of_a_first_report(text: str) -> None:
    assert not seconds(text)


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(mail("later", USER, "Re: Drum", "SOLVED for good.", 900, parent="report"), id="settled again"),
        pytest.param(
            mail("later", ACME, "Drum [acme #700321]", "The QX_41 of acme?", 900, to=(USER,), parent="report"),
            id="the vendor is spoken of",
        ),
        pytest.param(mail("later", USER, "Re: Drum", "A hinge of QX_42 too.", 900, parent="report"), id="more words"),
    ],
)
def test_what_is_written_later_has_no_say_in_where_an_inquiry_belongs(later: Mail) -> None:
    said = "SOLVED. " if "SOLVED" in later.text else ""
    report = mail(
        "report", USER, "Drum", f"{said}The drum at bay four is loud, part QX_41, and squeals.", 0, to=(DESK,)
    )
    words = "QX_41 squeals at a drum in bay four." if said else "Is QX_41, also with a hinge or QX_42, known to you?"
    inquiry = mail("inquiry", DESK, "A question", words, 300, to=(ACME,))
    assert every_order(report, inquiry, later) == apart(("report", "later"), ("inquiry",))


CHI = "chi@acme.test"
"""Another person at the vendor's."""
PUMP = mail("pump", DESK, "Pump stops", "Pump PX-77 at the north dock stops after a minute, valve open.", 0, to=(ACME,))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Send the trace of PX-77 at the north dock, valve shut.", id="an identifier and three words"),
        pytest.param("For PX-77 at the north dock, minute by minute: which valve is it, open or not?", id="and more"),
    ],
)
def test_another_person_of_the_vendor_takes_over_under_a_subject_of_his_own(text: str) -> None:
    taken = mail("taken", CHI, "Trace", text, 600, to=(DESK,))
    answer = mail("answer", DESK, "Re: Trace", "Here it is.", 660, to=(CHI,), parent="taken")
    lamp = mail("lamp", DESK, "Lamp", "The lamp of hall three is dark since the storm.", 20, to=(ACME,))
    assert every_order(PUMP, taken, answer, lamp) == apart(("pump", "taken", "answer"), ("lamp",))


@pytest.mark.parametrize(
    ("who", "to", "text"),
    [
        pytest.param(CHI, DESK, "Do you know our new pump, the PX-90?", id="a plain word"),
        pytest.param(CHI, DESK, "Shall we look at the pump PX-77 again in spring?", id="the name of a product"),
        pytest.param(CHI, DESK, "We have a spring offer on every pump PX-77, and on filters.", id="an offer"),
        pytest.param(CHI, DESK, "The lamp of pump PX-77 is replaced.", id="another matter of a machine"),
        pytest.param(CHI, DESK, "Join us: a valve for every pump, stops and docks in the north.", id="plain words"),
        pytest.param(CHI, OTHER_USER, "Send the trace of PX-77 at the north dock, valve shut.", id="to somebody else"),
        pytest.param(CHI, DESK, "Our offer: trace of PX-77 at the north dock, valve shut.", id="a fine offer"),
        pytest.param(CHI, DESK, "HOW one traces PX-77 at the north dock, valve shut.", id="a guide"),
        pytest.param(
            "li@umbra.test", DESK, "Send the trace of PX-77 at the north dock, valve shut.", id="of another vendor"
        ),
    ],
)
def test_another_person_of_the_vendor_begins_a_case_of_his_own(who: str, to: str, text: str) -> None:
    assert every_order(PUMP, mail("taken", who, "Trace", text, 600, to=(to,))) == apart(("pump",), ("taken",))


def test_of_two_exchanges_that_fit_alike_another_person_takes_over_neither() -> None:
    twin = mail("twin", DESK, "Second pump", "Pump PX-78 at the south dock stops, valve open.", 30, to=(ACME,))
    taken = mail(
        "taken", CHI, "Trace", "Is the valve of the pump at the dock old? It stops, valve open.", 600, to=(DESK,)
    )
    assert every_order(PUMP, twin, taken) == apart(("pump",), ("twin",), ("taken",))


def test_who_answers_a_new_topic_and_quotes_the_old_one_glues_nothing() -> None:
    report = user("report", USER, "Gate", "The gate F9 does not close since noon, it beeps.", 0)
    shown = inside(USER, report.reply_text, 0)
    topic = mail(
        "topic", USER, "Re: Gate", "New subject: who may have a key?", 900, to=(DESK,), parent="lost", history=(shown,)
    )
    back = mail("back", DESK, "Re: Gate", "Two of you may.", 960, to=(USER,), parent="topic", history=(shown,))
    assert every_order(report, topic, back) == apart(("report",), ("topic", "back"))


# ── it is back ───────────────────────────────────────────────────────────────────────────────────────────────────────

OVER = mail("over", DESK, "Re: Upload fails", "A disk was full. Please try.", 60, to=(USER,), parent="first")
THANKS = mail("thanks", USER, "Re: Upload fails", "SOLVED, thank you.", 90, to=(DESK,), parent="over")


def test_a_new_mail_that_tells_it_is_back_goes_to_the_case_that_was_settled() -> None:
    again = user("again", USER, "drawings again", "Every drawing ends with 5077 in shelf.", 4 * DAY)
    assert every_order(FIRST, OVER, THANKS, again, OTHER) == apart(("first", "over", "thanks", "again"), ("other",))
    colleague = user("colleague", OTHER_USER, "5077 is back", "Error 5077 in shelf, when I drop a drawing.", 2 * DAY)
    assert every_order(FIRST, OVER, THANKS, colleague) == apart(("first", "over", "thanks", "colleague"))


def test_what_is_back_is_another_matter_where_little_is_shared_or_long_ago() -> None:
    plain = user("plain", OTHER_USER, "drawings again", "Every drawing of mine opens slowly again, in shelf.", 4 * DAY)
    assert every_order(FIRST, OVER, THANKS, plain) == apart(("first", "over", "thanks"), ("plain",))
    passing = user("passing", USER, "Shelf", "I turned shelf off, it fails again to show a drawing list.", 4 * DAY)
    assert every_order(FIRST, OVER, THANKS, passing) == apart(("first", "over", "thanks"), ("passing",))
    late = user("late", USER, "5077 again", "Every drawing ends with 5077 in shelf.", 15 * DAY)
    assert every_order(FIRST, OVER, THANKS, late) == apart(("first", "over", "thanks"), ("late",))
    colleague = user("colleague", OTHER_USER, "5077 is back", "Error 5077 in shelf, when I drop a drawing.", 4 * DAY)
    assert every_order(FIRST, OVER, THANKS, colleague) == apart(("first", "over", "thanks"), ("colleague",))


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("また切れます", ""),
        ("回線", "今朝からまた切れました。"),
        ("受付", "先週直してもらったばかりなのに、画面から消えています。"),
        ("", "またつながりません。"),
        ("", "また画面が見えなくなりました。"),
        ("", "昨日の件、再発しました。"),
        ("5077 again", ""),
        ("", "It's back: error 5077 since nine."),
        ("", "It worked for three days and since Friday it does not."),
        ("", "The line dropped again at ten."),
        ("", "Nine jobs failed, same unit as last week."),
    ],
)
def test_words_that_tell_it_is_back(subject: str, text: str) -> None:
    assert returns(subject, text)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("", "The mail is back to normal, thank you again."),
        ("", "It's back online."),
        ("", "Could you explain it to me again?"),
        ("", "また連絡します。"),
        ("", "つなぎ直せばまた使えますが、手間です。"),
        ("", "また別の机でも同じでした。"),
        ("", "また、別の机でも試しました。"),
        ("", "I am back on Monday."),
        ("Thanks again for the help", "All is well."),
        ("Thank you again", ""),
        ("Hello again", ""),
        ("Me again", ""),
        ("パスワード再発行のお願い", "請求書の再発行をお願いします。"),
        ("", "部品の再発注をお願いします。再発防止策も教えてください。"),
        ("", "たまたまエラーが出ました。"),
        ("またがるセルの印刷", "部署をまたいで共有すると開けません。"),
        ("", "また共有フォルダも開けません。"),
        ("", "Please send it back to me. I would like to have that back by Friday."),
        ("", "I work for Ann's group and this laptop is new. It works fine for everybody but this user."),
        ("", "I tried to turn the printer off and on again. I logged out and in again."),
        ("", "Can we do it the same as last time?"),
        ("", "またエラーになった場合はご連絡します。"),
        ("", "またつながらない時はどうすればよいですか。"),
        ("", "What should I do if it stops again?"),
        ("Sato is back", ""),
        ("", "先日PCを交換していただいたのですが、署名の入れ方を教えてください。"),
    ],
)
def test_words_that_do_not(subject: str, text: str) -> None:
    assert not returns(subject, text)


# ── numbers that come late, or from somebody else ────────────────────────────────────────────────────────────────────


def test_a_number_that_nobody_waits_for_opens_a_case_though_much_is_shared() -> None:
    taken = mail("taken", CHI, "Trace", "Send the trace of PX-77 at the north dock, valve shut.", 600, to=(DESK,))
    said = "The trace of PX-77 shows it: its valve at the dock is worn."
    late = mail("late", CHI, "Trace [acme #700777]", said, 900, to=(DESK,))
    assert every_order(PUMP, taken, late) == apart(("pump", "taken"), ("late",))


def test_a_maker_who_repeats_the_identifiers_that_we_gave_a_partner_speaks_of_that_case() -> None:
    said = "Unit WB20K77129031, firmware 7.2.44b, drops calls at noon."
    asked = mail("asked", DESK, "Wall box", said, 0, to=("care@umbra.test",))
    told = "Unit WB20K77129031 with 7.2.44b, opened by a partner."
    maker = mail("maker", ACME, "[acme #700888] Created", told, 700, to=(DESK,))
    assert every_order(asked, maker) == apart(("asked", "maker"))
    for text, to in (
        ("Unit WB20K77120000 with 7.2.44b, opened by a partner.", DESK),
        ("Unit WB20K77129031, opened by a partner.", DESK),
        (told, OTHER_USER),
        ("KB5034441 and 0x80070005 on Windows11pro2024 and 20240915, 3 %.", DESK),
    ):
        other = mail("maker", ACME, "[acme #700888] Created", text, 700, to=(to,))
        also = mail(
            "asked",
            DESK,
            "Wall box",
            f"{said} KB5034441 0x80070005 Windows11pro2024 20240915",
            0,
            to=("care@umbra.test",),
        )
        assert every_order(also, other) == apart(("asked",), ("maker",))


# ── what is over, and what is only handed on ─────────────────────────────────────────────────────────────────────────

LINE = mail("line", DESK, "Line down", "Our line to the harbour office went down at 8:28, code H77.", 0, to=(ACME,))
UP = mail(
    "up", ACME, "Re: Line down", "A card burnt. The line came up at 10:16 by hand.", 100, to=(DESK,), parent="line"
)
FINE = mail("fine", DESK, "Re: Line down", "SOLVED, thank you.", 120, to=(ACME,), parent="up")


def test_a_report_on_what_is_over_stands_with_it_by_the_minutes_at_which_it_began_and_ended() -> None:
    said = "From 8:28 to 10:16 the harbour office had none, since a card burnt."
    report = mail("report", "sales@acme.test", "Our letter", said, 5 * DAY, to=(DESK,))
    assert every_order(LINE, UP, FINE, report) == apart(("line", "up", "fine", "report"))
    offer = mail(
        "offer", "sales@acme.test", "Our letter", "A card for the harbour office from 8:28 on.", DAY, to=(DESK,)
    )
    assert every_order(LINE, UP, FINE, offer) == apart(("line", "up", "fine"), ("offer",))


def test_who_asks_for_the_cause_under_a_new_subject_asks_about_that_case() -> None:
    other = mail("other", DESK, "Lamp", "The lamp of the gate blinks.", 30, to=(ACME,))
    asked = "Harbour office 8:28 to 10:16: CAUSE of the burnt card, please."
    cause = mail("cause", DESK, "Report wanted", asked, 3 * DAY, to=(ACME,))
    assert every_order(LINE, UP, FINE, other, cause) == apart(("line", "up", "fine", "cause"), ("other",))
    plain = mail("cause", DESK, "Report wanted", asked.replace("CAUSE", "part number"), 3 * DAY, to=(ACME,))
    assert every_order(LINE, UP, FINE, plain) == apart(("line", "up", "fine"), ("cause",))


def test_an_older_mail_that_a_later_one_only_attaches_opened_nothing() -> None:
    report = user(
        "report", USER, "Mail comes back", "Since 8:28 shelf sends nothing out, code H77 and sender denied.", 0
    )
    inquiry = mail("inquiry", DESK, "No mail goes out", "Code H77, sender denied, acme shelf.", 30, to=(ACME,))
    receipt = mail(
        "receipt", ACME, "[acme #700999] No mail goes out", "We got it.", 32, to=(DESK,), automatic="auto_reply"
    )
    old = inside("postmaster@lab.test", "It was not delivered: H77.", -60, subject="Returned", origin="attached")
    sent = mail("sent", DESK, "Re: [acme #700999] No mail goes out", "Attached.", 90, to=(ACME,), forwarded=(old,))
    assert every_order(report, inquiry, receipt, sent) == apart(("report", "inquiry", "receipt", "sent"))


def test_a_number_from_a_portal_goes_to_the_report_that_shares_an_identifier() -> None:
    report = user("report", USER, "Scanner", "The scanner on floor seven shows 016-765 since noon.", 0)
    receipt = mail("receipt", ACME, "[acme #700444] Received", "Scanner, 016-765, by phone.", 40, to=(DESK,))
    assert every_order(report, receipt) == apart(("report", "receipt"))
    bare = mail("receipt", ACME, "[acme #700444] Received", "Scanner, by phone.", 40, to=(DESK,))
    assert every_order(report, bare) == apart(("report",), ("receipt",))


def test_who_writes_after_it_was_settled_has_no_say_in_what_came_between() -> None:
    report = user("report", USER, "Drum", "SOLVED. The drum at bay four is loud, part QX_41, and squeals.", 0)
    inquiry = mail("inquiry", DESK, "A question", "QX_41 squeals at a drum in bay four.", 300, to=(ACME,))
    later = mail("later", USER, "Re: Drum", "Now it hums.", 900, parent="report")
    assert every_order(report, inquiry, later) == apart(("report", "later"), ("inquiry",))


BRANCH = mail(
    "branch", DESK, "VPN切断", "大阪支店の FG60F-1234 で VPN が切断されます。保守契約は継続中です。", 0, to=(ACME,)
)
CALENDAR = mail(
    "branch", DESK, "Calendar", "Microsoft365 shows no shared calendar of the meeting room in Outlook.", 0, to=(ACME,)
)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        pytest.param(BRANCH, "FG60F-1234(大阪支店設置)の保守契約が満了します。更新のお見積りです。", id="an offer"),
        pytest.param(BRANCH, "大阪支店の FG60F-1234 のファン故障について、保守部材を送ります。", id="a fan"),
        pytest.param(CALENDAR, "Join: Microsoft365, Outlook, shared calendar, every meeting room.", id="invited"),
    ],
)
def test_a_machine_and_its_place_are_no_exchange(asked: Mail, text: str) -> None:
    more = mail("more", CHI, "ご連絡", text, DAY, to=(DESK,))
    assert every_order(asked, more) == apart(("branch",), ("more",))


def test_a_second_outage_is_another_one() -> None:
    asked = "Our line to the harbour office went down from 14:02 to 14:31: CAUSE, please."
    cause = mail("cause", DESK, "Report wanted", asked, 4 * DAY, to=(ACME,))
    assert every_order(LINE, UP, FINE, cause) == apart(("line", "up", "fine"), ("cause",))


@pytest.mark.parametrize(
    ("first", "who", "then"),
    [
        pytest.param(
            "販売管理画面で受注伝票が印刷できません。",
            USER,
            "また販売管理画面で受注伝票の検索ができなくなりました。",
            id="another thing of one screen",
        ),
        pytest.param(
            "The ledger on PC-0231 cannot print orders.",
            OTHER_USER,
            "The scanner at PC-0231 drops out again at noon.",
            id="another thing of one machine",
        ),
        pytest.param(
            "Since Windows11 came, Outlook does not start.",
            OTHER_USER,
            "We also have Windows11 here. How do I print a calendar of Outlook?",
            id="a question of one product",
        ),
    ],
)
def test_another_trouble_of_one_thing_is_another_case(first: str, who: str, then: str) -> None:
    one, two = user("one", USER, "Desk", first, 0), user("two", who, "Floor", then, 2 * DAY)
    assert every_order(one, two) == apart(("one",), ("two",))


def test_a_maker_who_wrote_of_a_case_before_opens_another_by_another_number() -> None:
    said = "Unit WB20K77129031, firmware 7.2.44b, drops calls at noon."
    asked = mail("asked", DESK, "Wall box", said, 0, to=("care@umbra.test",))
    first = mail("first", ACME, "[acme #700111] Re: Wall box", "Call us.", 100, to=(DESK,), parent="asked")
    maker = mail("maker", ACME, "[acme #700888] Created", "Unit WB20K77129031 with 7.2.44b.", 700, to=(DESK,))
    assert every_order(asked, first, maker) == apart(("asked", "first"), ("maker",))


def test_a_person_takes_over_what_only_a_receipt_repeats_from_a_portal() -> None:
    said = "Pump PX-77 at the north dock stops, valve open."
    receipt = mail("receipt", ACME, "[acme #700222] Received", said, 0, to=(DESK,), automatic="auto_reply")
    taken = mail("taken", CHI, "Trace", "Send the trace of PX-77 at the north dock, valve shut.", 600, to=(DESK,))
    assert every_order(receipt, taken) == apart(("receipt", "taken"))


def test_with_a_settled_exchange_the_same_person_does_not_go_on() -> None:
    done = mail("done", DESK, "Re: Night ringing", "SOLVED, thank you.", 20, to=(ANDY,), parent="asked")
    more = mail("more", ANDY, "Our call", "Does KX-20 ring in the hall?", 60, to=(DESK,))
    assert every_order(ASKED, more) == apart(("asked", "more"))
    assert every_order(ASKED, done, more) == apart(("asked", "done"), ("more",))


@pytest.mark.parametrize(
    ("who", "text"),
    [
        pytest.param(USER, "Every big drawing ends, morning shelf upload fails again.", id="plain words, however many"),
        pytest.param(USER, "The number 5077 again.", id="a code alone"),
        pytest.param(OTHER_USER, "The scale shows 5077 again.", id="a code alone, by another"),
    ],
)
def test_a_trouble_is_not_back_by_so_little(who: str, text: str) -> None:
    again = user("again", who, "Desk again", text, DAY)
    assert every_order(FIRST, OVER, THANKS, again) == apart(("first", "over", "thanks"), ("again",))


def test_a_question_is_no_second_report() -> None:
    asked = user("asked", OTHER_USER, "drawings", "We also have error 5077 in shelf: HOW does one drop a drawing?", 40)
    assert every_order(FIRST, asked) == apart(("first",), ("asked",))


@pytest.mark.parametrize("name", ["Will Smith", "営業部 Lee", "福岡 Lee"])
def test_a_name_that_is_a_word_a_department_or_a_place_names_nobody(name: str) -> None:
    report = user("report", USER, "ledger", "The ledger workbook stops at a macro.", 0)
    report = replace(report, from_=Address(name, USER))
    second = user(
        "second", OTHER_USER, "ledger", "We also use a ledger: 営業部, 福岡支店 and I ask which workbook will open.", 40
    )
    assert every_order(report, second) == apart(("report",), ("second",))


def test_an_inquiry_and_the_receipt_that_came_with_it_are_what_a_report_waits_for() -> None:
    report = user("report", USER, "Gate", "Gate F9 does not close, code H77 and a beep.", 0)
    inquiry = mail("inquiry", DESK, "Question on H77", "Gate F9, code H77, beeps and does not close.", 60, to=(ACME,))
    early = mail("early", ACME, "[acme #700333] Question on H77", "We got it.", 59, to=(DESK,), automatic="auto_reply")
    assert every_order(report, inquiry, early) == apart(("report", "inquiry", "early"))


def test_a_request_for_the_cause_shares_more_than_a_place_and_a_minute() -> None:
    cause = mail("cause", DESK, "Wanted", "CAUSE of the stop at 8:28, please, and of the noise.", 3 * DAY, to=(ACME,))
    assert every_order(LINE, UP, FINE, cause) == apart(("line", "up", "fine"), ("cause",))


MIKA = replace(
    user("mika", USER, "shades guild", "I cannot open a guild in shades for the 17th, my seat is gone.", 0),
    from_=Address("Mika Tachibana", USER),
)
PORTAL = mail(
    "portal",
    UMBRA,
    "[umbra #700444] seat missing",
    "shades: the seat of one user is gone, no guild on the 17th.",
    60,
    to=(DESK,),
    automatic="auto_reply",
)
REN = "ren@umbra.test"
"""A person at the other vendor's."""


def test_a_vendor_who_names_the_user_of_an_exchange_and_its_matter_speaks_of_it() -> None:
    told = "The seat went with the guild of the 17th. It is Tachibana-san's again; sign in and open it."
    person = mail("person", REN, "Seat for Tachibana-san", told, DAY, to=(DESK,))
    assert every_order(MIKA, PORTAL, person) == apart(("mika", "portal", "person"))


@pytest.mark.parametrize(
    ("who", "to", "text"),
    [
        pytest.param(REN, DESK, "The seat went with the guild of the 17th. It is there again.", id="names nobody"),
        pytest.param(REN, DESK, "A wall lamp for Tachibana-san, in blue.", id="another matter of the user's"),
        pytest.param(REN, DESK, "Tachibana-san: a shades guild, missing seat.", id="words of the subjects"),
        pytest.param(REN, DESK, "Tachibana-san has a seat on the 17th.", id="few words"),
        pytest.param(REN, DESK, "Tachibana-san asked for an offer of a seat: guild, shades, 17th.", id="an offer"),
        pytest.param(ANDY, DESK, "The seat of Tachibana-san for the guild of the 17th is back.", id="another vendor"),
        pytest.param(REN, OTHER_USER, "The seat of Tachibana-san for the guild of the 17th is back.", id="to another"),
    ],
)
def test_a_name_alone_or_the_matter_alone_is_not_enough(who: str, to: str, text: str) -> None:
    person = mail("person", who, "Hello", text, DAY, to=(to,))
    assert every_order(MIKA, PORTAL, person) == apart(("mika", "portal"), ("person",))


def test_what_the_vendor_is_asked_about_may_be_what_it_sells() -> None:
    asked = mail(
        "asked", DESK, "No webinar", "Unit KX-20, code 5077: the webinar of floor nine is dark.", 0, to=(ANDY,)
    )
    told = "Webinar: KX-20 showed 5077 by floor nine, dark no more."
    person = mail("person", "chi@acme.test", "Done", told, DAY, to=(DESK,))
    assert every_order(asked, person) == apart(("asked", "person"))
    other = mail("asked", DESK, "No picture", "Unit KX-20, code 5077: the wall of floor nine is dark.", 0, to=(ANDY,))
    assert every_order(other, person) == apart(("asked",), ("person",))


def test_the_first_mail_of_the_vendor_names_what_its_person_writes_about() -> None:
    desk = mail("desk", ACME, "[acme #700555] Predicted", "Disk four of srv-bk01 will fail.", 0, to=(DESK,))
    reply = mail("reply", DESK, "Re: [acme #700555] Predicted", "Please come.", 30, to=(ACME,), parent="desk")
    visit = mail("visit", ANDY, "[acme #700555] Visit", "I come on Thursday at ten.", 60, to=(DESK,))
    thanks = mail("thanks", DESK, "Re: [acme #700555] Visit", "Good, ring at gate two.", 70, to=(ANDY,), parent="visit")
    done = mail("done", ANDY, "All done", "The disk of srv-bk01 is a new one, 7 % rebuilt.", DAY, to=(DESK,))
    assert every_order(desk, visit, thanks, done) == apart(("desk", "visit", "thanks", "done"))
    assert every_order(desk, reply, done) == apart(("desk", "reply"), ("done",))  # he is nobody there yet
    lamp = mail("done", ANDY, "All done", "The lamp of hall three is a new one.", DAY, to=(DESK,))
    assert every_order(desk, visit, thanks, lamp) == apart(("desk", "visit", "thanks"), ("done",))


LEDGER = replace(
    user("ledger", USER, "Ledger server down?", "Nobody reaches the ledger server, orders are late.", 0),
    from_=Address("Mika Tachibana", USER),
)


def handed(text: str, *, when: float = 120) -> Mail:
    told = inside(
        ACME, "Host srv-7 has no link, number 700666.", 90, subject="[acme #700666] No link", origin="forwarded"
    )
    return mail("handed", DESK, "Fwd: [acme #700666] No link", text, when, forwarded=(told,))


def test_a_colleague_who_hands_on_a_vendors_mail_says_whose_it_is() -> None:
    noted = handed("The ticket for the ledger server (Tachibana-san's mail).")
    answer = mail("answer", ACME, "[acme #700666] No link", "We look at srv-7.", 600, to=(DESK,))
    assert every_order(LEDGER, noted, answer, OTHER) == apart(("ledger", "handed", "answer"), ("other",))
    filing = Filing()
    filing.deliver(LEDGER, noted)
    assert filing.why("handed").kind == "content"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="without a word"),
        pytest.param("Tachibana-san, for you.", id="a name alone"),
        pytest.param("The ticket for the ledger server.", id="plain words alone"),
        pytest.param("For the printer of Sakata-san.", id="of somebody else"),
        pytest.param("Not the ledger server of Tachibana-san, another.", id="denied"),
        pytest.param("Please see to it.\n\nRegards,\nKen Tachibana", id="signed by one of that name"),
    ],
)
def test_a_note_that_does_not_say_whose_it_is_joins_nothing(text: str) -> None:
    assert every_order(LEDGER, handed(text)) == apart(("ledger",), ("handed",))


def test_a_note_joins_no_report_that_a_vendor_was_asked_about() -> None:
    asked = mail("asked", DESK, "Re: Ledger server down?", "Is srv-9 down?", 30, to=(ANDY,), parent="ledger")
    noted = handed("The ticket for the ledger server (Tachibana-san's mail).")
    assert every_order(LEDGER, asked, noted) == apart(("ledger", "asked"), ("handed",))


@pytest.mark.parametrize(
    ("text", "together"),
    [
        pytest.param(
            "Created: rotor of hall two hums since 8:10, belt warm, three people cannot lift.", True, id="the same"
        ),
        pytest.param("Created: rotor, plan for the year.", False, id="the product alone"),
        pytest.param("Closed: rotor of hall two, it hums since 8:10, belt warm.", False, id="another that is over"),
        pytest.param("Weekly summary of what is open: rotor of hall two, hums, belt warm.", False, id="a digest"),
        pytest.param("Planned for Friday: rotor of hall two, belt warm from 8:10.", False, id="planned work"),
    ],
)
def test_the_notification_of_a_portal_finds_the_report_it_is_about(text: str, together: bool) -> None:
    report = user("report", USER, "lift", "The rotor of hall two hums since 8:10, its belt is warm, we cannot lift.", 0)
    portal = mail("portal", ACME, "[acme #700777] Request", text, 60, to=(DESK,), automatic="notification")
    assert every_order(report, portal) == (apart(("report", "portal")) if together else apart(("report",), ("portal",)))


# ── who is answered, and who is spoken of ────────────────────────────────────────────────────────────────────────────

RYO = Address("Ryo Otani", DESK)
TILE = replace(
    mail(
        "tile",
        DESK,
        "Tile leads to the old domain",
        "Since the sales admin activated a new domain, the salesroom tile sends everyone to the old host.",
        0,
        to=(ACME,),
    ),
    from_=RYO,
)
ANSWERED = "Hi Ryo, the salesroom tile takes its domain from another field: put in the host that the admin activated."
PUSH = mail("push", THIRD_USER, "Bell", "The bell of the north dock does not ring.", 5, to=(DESK,))


def test_who_asked_is_answered_in_plain_words_that_are_many() -> None:
    answer = mail("answer", CHI, "Your tile", ANSWERED, 300, to=(DESK,))
    assert every_order(TILE, answer, PUSH) == apart(("tile", "answer"), ("push",))


@pytest.mark.parametrize(
    ("to", "text"),
    [
        pytest.param(DESK, "Hi Ryo, the tile of the salesroom is a nice one.", id="few"),
        pytest.param(DESK, "Hi Ryo, your tile leads to the old domain, a host.", id="words of the subject"),
        pytest.param(DESK, ANSWERED.removeprefix("Hi Ryo, "), id="to nobody by name"),
        pytest.param(DESK, ANSWERED.replace("Ryo, ", "Ryo, changes in June: "), id="a notice"),
        pytest.param(DESK, f"大谷様 Ryo様 注意喚起 {ANSWERED}", id="a warning to all"),
        pytest.param(OTHER_USER, ANSWERED, id="not asked"),
        pytest.param(
            DESK, "Hi Ryo, our offer: salesroom tile, domain, host, sales admin, activated at once.", id="an offer"
        ),
        pytest.param(
            DESK, "Hi Ryo, HOW to: salesroom tile, domain, host, sales admin, activated at once.", id="a guide"
        ),
    ],
)
def test_plain_words_that_are_few_or_not_for_whoever_asked_answer_nothing(to: str, text: str) -> None:
    answer = mail("answer", CHI, "Hello", text, 300, to=(to,))
    assert every_order(TILE, answer) == apart(("tile",), ("answer",))


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        pytest.param(
            "Unit KX-20 and unit ZZ-31 drop calls.", "Lamps for KX-20 and ZZ-31 come in May.", id="two machines"
        ),
        pytest.param(
            "倉庫の照明や冷房、天井の配管が鳴ります。", "冷房、天井、照明、配管の点検です。", id="short words"
        ),
    ],
)
def test_few_or_light_words_are_no_answer_to_who_asked(asked: str, text: str) -> None:
    one = replace(mail("one", DESK, "A question", asked, 0, to=(ACME,)), from_=RYO)
    answer = mail("answer", CHI, "Hello", f"Hi Ryo, {text}", 300, to=(DESK,))
    assert every_order(one, answer) == apart(("one",), ("answer",))


def test_who_is_in_copy_of_an_inquiry_is_not_answered_in_plain_words() -> None:
    tile = replace(TILE, cc=(Address("", OTHER_USER),))
    answer = mail("answer", CHI, "Hello", ANSWERED, 300, to=(OTHER_USER,))
    assert every_order(tile, answer) == apart(("tile",), ("answer",))


def test_plain_words_that_fit_two_exchanges_or_one_that_is_settled_answer_nothing() -> None:
    answer = mail("answer", CHI, "Hello", ANSWERED, 300, to=(DESK,))
    for text in (f"{TILE.text} In hall two.", "The salesroom tile has no host, and no admin either."):
        like = replace(mail("like", DESK, "Tile at the old domain", text, 20, to=(ACME,)), from_=RYO)
        assert every_order(TILE, like, answer) == apart(("tile",), ("like",), ("answer",))
    over = mail("over", DESK, "Re: Tile leads to the old domain", "SOLVED, by us.", 60, to=(ACME,), parent="tile")
    assert every_order(TILE, over, answer) == apart(("tile", "over"), ("answer",))


SEATS = replace(
    mail("asked", DESK, "本数を減らしたい", "シェイズの契約更新の本数と手続の書類を教えてください。", 0, to=(ACME,)),
    from_=Address("大谷 亮", DESK),
)
SEATS_TOLD = "シェイズの契約更新の手続は注文の書類だけで、本数も変わります。お見積りします。"


@pytest.mark.parametrize(
    ("text", "together"),
    [
        pytest.param(f"大谷様 窓口より引き継ぎました。{SEATS_TOLD}", True, id="takes over"),
        pytest.param(f"大谷様 窓口より引き継ぎました。HOW: {SEATS_TOLD}", True, id="takes over a guide"),
        pytest.param(f"大谷様 春が近づきました。{SEATS_TOLD}", False, id="only sells"),
        pytest.param(f"大谷様 担当が変わりました。{SEATS_TOLD}", False, id="another salesman"),
        pytest.param(f"大谷様 サーバーが設定を引き継ぎました。{SEATS_TOLD}", False, id="a server takes over"),
        pytest.param("大谷様 窓口より引き継ぎました。シェイズのお見積りです。", False, id="takes over something else"),
    ],
)
def test_a_salesman_who_says_that_he_takes_over_goes_on_with_what_was_asked(text: str, together: bool) -> None:
    takes = mail("takes", CHI, "お手続き", text, DAY, to=(DESK,))
    assert every_order(SEATS, takes) == (apart(("asked", "takes")) if together else apart(("asked",), ("takes",)))


def test_the_user_in_copy_of_our_inquiry_is_whom_it_is_for() -> None:
    jam = user("jam", USER, "A jam", "The copier on the fifth floor jams all day.", 0)
    other = user("other", OTHER_USER, "Noise", "The copier on the third floor is loud.", 5)
    asked = mail("asked", DESK, "Please come", "Copier 203471: paper jams.", 60, to=(ACME,), cc=(USER,))
    assert every_order(jam, other, asked) == apart(("jam", "asked"), ("other",))
    alone = mail("asked", DESK, "Please come", "Copier 203471: paper jams.", 60, to=(ACME,))
    assert every_order(jam, other, alone) == apart(("jam",), ("other",), ("asked",))
    named = replace(jam, from_=Address("Mika Tachibana", USER))
    whose = mail("asked", DESK, "Please come", "For Tachibana-san, copier 203471: paper jams.", 60, to=(ACME,))
    assert every_order(named, other, whose) == apart(("jam", "asked"), ("other",))
    else_ = mail("asked", DESK, "Please come", "A door of gate nine squeaks.", 60, to=(ACME,), cc=(USER,))
    assert every_order(jam, else_) == apart(("jam",), ("asked",))


# ── the ticket that is open already ──────────────────────────────────────────────────────────────────────────────────

OPEN = mail(
    "open",
    ACME,
    "[acme #700888] Received",
    "Harbour office: no light on the line, code H77, by phone.",
    0,
    to=(DESK,),
    automatic="auto_reply",
)
DARK = user("dark", USER, "No net", "Nothing works in the harbour office, the box shows H77, and I have a call.", 7)


def told(text: str, when: float = 16) -> Mail:
    return mail("told", DESK, "Re: No net", text, when, to=(USER,), parent="dark")


def test_our_word_to_a_user_that_a_ticket_is_open_puts_his_report_to_it() -> None:
    mends = mail("mends", ACME, "[acme #700888] Report", "It is mended.", 300, to=(DESK,))
    said = told("The line is dark; we opened a case with acme. Take the small box.")
    assert every_order(OPEN, DARK, said, mends) == apart(("open", "dark", "told", "mends"))
    filing = Filing()
    filing.deliver(OPEN, DARK, said)
    assert filing.why("told").kind == "content"


@pytest.mark.parametrize("turn", [8100, 8640], ids=["midnight here", "midnight in Greenwich"])
def test_it_does_so_when_a_fortnight_turns_between(turn: int) -> None:
    begun = mail("open", ACME, OPEN.subject, OPEN.text, turn - 20, to=(DESK,), automatic="auto_reply")
    dark = user("dark", USER, "No net", DARK.text, turn - 10)
    assert every_order(begun, dark, told("We opened a case with acme.", turn + 5)) == apart(("open", "dark", "told"))


@pytest.mark.parametrize(
    ("text", "when"),
    [
        pytest.param("The line is dark, acme knows. Take the small box.", 16, id="no ticket"),
        pytest.param("The line is dark; we opened a case with umbra.", 16, id="with another vendor"),
        pytest.param("We opened a case with acme.", 2 * DAY, id="days later"),
        pytest.param("No ticket was opened with acme yet.", 16, id="denied"),
        pytest.param("Have you opened a case with acme already?", 16, id="asked"),
        pytest.param("If it goes on, we will have a ticket open with acme.", 16, id="planned"),
        pytest.param("acmeへはまだ起票していません。", 16, id="not yet"),
    ],
)
def test_another_word_to_the_user_does_not(text: str, when: float) -> None:
    assert every_order(OPEN, DARK, told(text, when)) == apart(("open",), ("dark", "told"))


def test_of_two_tickets_that_fit_alike_or_share_nothing_none_is_meant() -> None:
    said = told("We opened a case with acme.")
    like = mail(
        "like", ACME, "[acme #700999] Received", "Harbour office: H77 at a lamp.", 3, to=(DESK,), automatic="auto_reply"
    )
    assert every_order(OPEN, like, DARK, said) == apart(("open",), ("like",), ("dark", "told"))
    for subject, text, machine in (
        ("Received", "A lamp of gate nine.", "auto_reply"),
        ("Received", "A box for the harbour office.", "auto_reply"),
        ("Predicted", "Harbour office: the box will show H77.", "notification"),
        ("Invoice", "Harbour office: a box, H77.", None),
    ):
        lamp = mail("open", ACME, f"[acme #700888] {subject}", text, 0, to=(DESK,), automatic=machine)
        assert every_order(lamp, DARK, said) == apart(("open",), ("dark", "told"))


def test_a_ticket_that_was_asked_for_by_mail_or_is_over_is_not_meant() -> None:
    said = told("We opened a case with acme.")
    asked = mail("asked", DESK, "Re: [acme #700888] Received", "SOLVED, it is lit.", 3, to=(ACME,), parent="open")
    assert every_order(OPEN, asked, DARK, said) == apart(("open", "asked"), ("dark", "told"))
    mine = mail("mine", DESK, "Line of the harbour office", "No light, [acme #700888].", -9, to=(ACME,))
    assert every_order(mine, OPEN, DARK, said) == apart(("mine", "open"), ("dark", "told"))


def test_a_ticket_that_was_asked_for_meanwhile_is_not_meant() -> None:
    lamp = mail("lamp", DESK, "Gate lamp", "A bulb is dark.", 8, to=(ACME,))
    got = mail("got", ACME, "[acme #700888] Gate lamp", "Received: H77, a box.", 10, to=(DESK,), automatic="auto_reply")
    said = told("We opened a case with acme, too.")
    assert every_order(lamp, got, DARK, said) == apart(("lamp", "got"), ("dark", "told"))


def test_a_ticket_that_was_opened_for_another_user_is_not_meant() -> None:
    first = user("first", OTHER_USER, "Dark", "There is no light on the line of the harbour office.", -30)
    said = told("We opened a case with acme.")
    assert every_order(first, OPEN, DARK, said) == apart(("first", "open"), ("dark", "told"))
