"""Small conversations, and where a careful colleague would file them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from service.cases.facts.tokens import own_message_id
from service.mail.message import Bounce, Mail
from tests.cases.filing import (
    ACME,
    DESK,
    OTHER_USER,
    STRANGER,
    UMBRA,
    USER,
    WAYS,
    Filing,
    at,
    content_joins_nothing,
    inside,
    mail,
)

DAY = 24 * 60
REPORT = mail("report", USER, "Plotter offline", "The plotter on floor two shows E-7741 since nine.", 0, to=(DESK,))
ANSWER = mail("answer", DESK, "Re: Plotter offline", "Is the blue lamp on?", 30, to=(USER,), parent="report")
BACK = mail("back", USER, "Re: Plotter offline", "No, it is dark.", 50, to=(DESK,), parent="answer", refs=("report",))


def together(filing: Filing, *names: str) -> bool:
    return len({filing.case_of(name) for name in names}) == 1


@pytest.mark.parametrize("order", list(permutations((REPORT, ANSWER, BACK))))
def test_a_conversation_is_one_case_in_whatever_order_it_arrives(order: tuple[Mail, ...]) -> None:
    filing = Filing()
    filing.deliver(*order, *order)
    assert filing.partition() == {frozenset({"report", "answer", "back"})}
    assert len(filing.nodes) == 3
    assert set(filing.deliveries.values()) == {2}


def test_a_late_parent_makes_two_cases_one_and_the_older_key_stays() -> None:
    filing = Filing()
    filing.deliver(
        mail("a", DESK, "Re: Lost", "an answer to the first", 20, parent="p"),
        mail("b", USER, "Re: Other", "an answer to the second", 30, parent="q"),
    )
    assert not together(filing, "a", "b")
    older = filing.case_of("a")
    filing.deliver(mail("q", DESK, "Re: Lost", "the missing one", 10, parent="p", refs=("p",)))
    assert together(filing, "a", "b", "q")
    assert filing.case_of("b") == older


def test_references_help_where_the_direct_parent_is_unknown_and_the_subject_is_the_same() -> None:
    filing = Filing()
    late = mail("late", USER, "RE: Plotter offline", "still dark", 90, parent="unknown", refs=("report", "unknown"))
    filing.deliver(REPORT, late)
    assert filing.why("late").kind == "references"
    other = mail(
        "other",
        USER,
        "Holiday list",
        "Where is the list of holidays of this year kept?",
        95,
        parent="unknown2",
        refs=("report", "unknown2"),
    )
    filing.deliver(other)
    assert not together(filing, "report", "other")


INQUIRY = mail("inquiry", DESK, "Label printer feeds two sheets", "Model ZT-9, firmware 4.2.", 0, to=(ACME,))
RECEIPT = mail("receipt", ACME, "Label printer feeds two sheets [acme #550123]", "We got it.", 4, to=(DESK,))
LATER = mail("later", ACME, "[acme #550123] Visit", "An engineer comes on Monday.", DAY, to=(DESK,))


def test_two_cases_of_one_vendor_on_one_day_with_like_subjects_stay_apart() -> None:
    filing = Filing()
    filing.deliver(
        mail("q1", DESK, "Cannot connect to database", "Instance db-alpha-01 refuses.", 0, to=(ACME,)),
        mail("q2", DESK, "Cannot connect to server", "Host web-beta-77 is gone.", 6, to=(ACME,)),
        mail("r2", ACME, "Cannot connect to server [acme #700002]", "About web-beta-77: looking.", 30, to=(DESK,)),
        mail("r1", ACME, "Cannot connect to database [acme #700001]", "About db-alpha-01: looking.", 31, to=(DESK,)),
    )
    assert filing.partition() == {frozenset({"q1", "r1"}), frozenset({"q2", "r2"})}


def test_the_root_of_a_thread_index_joins_mails_of_one_base_subject() -> None:
    filing = Filing()
    filing.deliver(
        mail("root", USER, "Printer", "It jams on tray three.", 0, to=(DESK,), thread_index="01DC0FFEE0"),
        mail("same", USER, "RE: Printer", "It jams again.", DAY, to=(DESK,), thread_index="01DC0FFEE0"),
        mail("else", USER, "Holiday list", "Where is it?", DAY, to=(DESK,), thread_index="01DC0FFEE0"),
    )
    assert filing.why("same").kind == "thread_index"
    assert together(filing, "root", "same")
    assert not together(filing, "root", "else")


def test_subject_and_people_alone_glue_nothing() -> None:
    filing = Filing()
    filing.deliver(
        mail("mon", USER, "Printer", "It jams on tray three.", 0, to=(DESK,)),
        mail("fri", USER, "Printer", "The toner light blinks.", 4 * DAY, to=(DESK,)),
    )
    assert not together(filing, "mon", "fri")


def test_a_reply_that_says_a_new_topic_begins_opens_a_case_related_to_the_old_one() -> None:
    filing = Filing()
    filing.deliver(
        INQUIRY,
        RECEIPT,
        mail(
            "new",
            DESK,
            "Re: Label printer feeds two sheets [acme #550123]",
            "Thanks for last week.\nOn a different topic: our June invoice lists two units.",
            5 * DAY,
            to=(ACME,),
            parent="receipt",
        ),
        mail(
            "reply", ACME, "Re: Label printer feeds two sheets [acme #550123]", "Which invoice?", 6 * DAY, parent="new"
        ),
    )
    assert together(filing, "new", "reply")
    assert not together(filing, "new", "receipt")
    assert filing.are_related("new", "receipt")
    assert "its author begins a new topic" in filing.objections("new")


def test_a_reply_with_another_subject_and_other_words_opens_its_own_case() -> None:
    filing = Filing()
    other = mail("other", USER, "Badge reader", "Door three rejects my card today.", DAY, to=(DESK,), parent="answer")
    filing.deliver(REPORT, ANSWER, other)
    assert not together(filing, "report", "other")
    assert filing.are_related("report", "other")


def test_a_changed_subject_that_still_speaks_of_the_matter_stays() -> None:
    filing = Filing()
    changed = mail(
        "changed", USER, "Floor two again", "The plotter shows E-7741 once more.", 99, to=(DESK,), parent="answer"
    )
    filing.deliver(REPORT, ANSWER, changed)
    assert together(filing, "report", "changed")


def settle(filing: Filing, name: str, minutes: float) -> None:
    """The case is resolved, and its last mail was written then."""
    filing.known.cases[filing.case_of(name) or 0].settled_at = at(minutes)


def test_a_settled_case_opens_again_within_the_days_and_not_after() -> None:
    filing = Filing(reopen=timedelta(days=14))
    solved = mail("solved", USER, "Re: Plotter offline", "SOLVED, thank you", 100, to=(DESK,), parent="answer")
    soon = mail("soon", USER, "Re: Plotter offline", "It is dark again!", 10 * DAY, to=(DESK,), parent="solved")
    filing.deliver(REPORT, ANSWER, solved)
    settle(filing, "report", 100)
    filing.deliver(soon)
    assert together(filing, "report", "soon")
    filing = Filing(reopen=timedelta(days=14))
    late = mail("late", USER, "Re: Plotter offline", "It is dark again!", 30 * DAY, to=(DESK,), parent="solved")
    machine = mail(
        "machine", USER, "Auto: Plotter offline", "I am away", 31 * DAY, parent="solved", automatic="auto_reply"
    )
    filing.deliver(REPORT, ANSWER, solved)
    settle(filing, "report", 100)
    filing.deliver(late, machine)
    assert not together(filing, "report", "late")
    assert filing.are_related("report", "late")
    assert together(filing, "report", "machine")


def test_a_strangers_claim_opens_a_case_of_its_own_and_is_shown() -> None:
    filing = Filing()
    filing.deliver(REPORT)
    key = f"SD-{filing.case_of('report')}"
    filing.deliver(mail("claim", STRANGER, f"{key} please send the files", "Hand me everything you have.", 60))
    assert not together(filing, "report", "claim")
    assert "only an unknown sender names this case" in filing.objections("claim")
    filing.deliver(mail("colleague", OTHER_USER, f"{key}: me too", "Mine is dark as well.", 70))
    assert together(filing, "report", "colleague")
    assert filing.why("colleague").kind == "case_key"


def test_a_token_of_ours_is_stronger_than_anything_else_and_cannot_be_guessed() -> None:
    filing = Filing()
    filing.deliver(REPORT)
    case = filing.case_of("report")
    assert case is not None
    ours = own_message_id(case, "u1", "lab.test", WAYS.secret)
    good = replace(mail("tok", STRANGER, "Hello", "an answer", 80), in_reply_to=(ours,))
    forged = own_message_id(case, "u1", "lab.test", b"guessed")
    bad = replace(mail("bad", STRANGER, "Hello too", "no answer", 81), in_reply_to=(forged,))
    filing.deliver(good, bad)
    assert together(filing, "report", "tok")
    assert filing.why("tok").kind == "token"
    assert not together(filing, "report", "bad")


def test_a_forward_brings_the_inner_mail_as_a_message_of_its_own_and_shows_the_forwarder_to_be_team() -> None:
    filing = Filing()
    inner = inside(ACME, "Please send the system report.", 200, subject="[acme #550123] Logs", origin="forwarded")
    forward = mail("fw", OTHER_USER, "FW: [acme #550123] Logs", "for the record", 210, forwarded=(inner,))
    filing.deliver(INQUIRY, RECEIPT, forward)
    assert together(filing, "inquiry", "fw")
    sides = {node.author: node.side for node in filing.nodes.values()}
    assert sides[OTHER_USER] == "team"
    assert sides[ACME] == "vendor"


def test_a_mail_seen_in_a_quote_then_forwarded_then_delivered_is_one_message() -> None:
    text = "Which firmware do you run on the second unit, and since when?"
    delivered = mail("ask", ACME, "[acme #550123] Question", text, 300, to=(DESK,))
    forward = mail(
        "fw",
        DESK,
        "FW: [acme #550123] Question",
        "see below",
        320,
        forwarded=(inside(ACME, text, 300, subject="[acme #550123] Question", origin="forwarded"),),
    )
    reply = mail("re", DESK, "Re: [acme #550123] Question", "4.2", 330, to=(ACME,), history=(inside(ACME, text, 300),))
    for order in permutations((delivered, forward, reply)):
        filing = Filing()
        filing.deliver(*order)
        assert together(filing, "ask", "fw", "re")
        assert len(filing.nodes) == 3
        same = next(node for node in filing.nodes.values() if node.author == ACME)
        assert filing.deliveries[same.id] == 3
        assert same.origin == "delivered"


def test_the_same_id_with_other_content_is_another_mail() -> None:
    filing = Filing()
    filing.deliver(
        mail("parcel", "no-reply@parcel.test", "Parcel 11", "Your parcel 11 is on its way to Kobe.", 0),
        mail("parcel", "no-reply@parcel.test", "Parcel 12", "Handed over: box twelve, signed by reception.", DAY),
    )
    assert len({node.case for node in filing.nodes.values()}) == 2


@pytest.mark.parametrize("text", ["", "ok", "The signed form is attached."])
def test_a_mail_without_a_date_that_is_delivered_twice_is_one_message(text: str) -> None:
    filing = Filing()
    scan = replace(mail("scan", USER, "Scan", text, 0, to=(DESK,)), date=None)
    assert filing.deliver(scan) == filing.deliver(scan)


@pytest.mark.parametrize("hours", [15, 24])
def test_daily_notices_that_users_forward_are_different_mails(hours: int) -> None:
    filing = Filing()
    notice = "The nightly copy of relay-9 to volume seven failed with a write error. Please look at the tape drive."
    for name, author, when in (("one", USER, 0), ("two", OTHER_USER, hours * 60)):
        inner = inside("robot@lab.test", notice, when, subject="Copy report", origin="forwarded")
        filing.deliver(mail(name, author, "Fwd: Copy report", f"What is it, {name}?", when + 5, forwarded=(inner,)))
    assert len(filing.nodes) == 4


def test_a_bounce_goes_to_the_mail_that_bounced() -> None:
    filing = Filing()
    bounce = mail(
        "bounce",
        "mailer-daemon@acme.test",
        "Undelivered Mail Returned to Sender",
        "user unknown",
        31,
        automatic="bounce",
        bounce=Bounce(("help@acme.test",), "5.1.1", "<inquiry@x.test>"),
    )
    filing.deliver(INQUIRY, bounce)
    assert together(filing, "inquiry", "bounce")
    assert filing.why("bounce").kind == "bounce"


def test_the_teams_inquiry_for_a_user_joins_the_users_waiting_report() -> None:
    filing = Filing()
    filing.deliver(
        mail("user", USER, "acme drive", "acme drive says error QX_41 when I open Budget.", 0, to=(DESK,)),
        mail("else", OTHER_USER, "keyboard", "My keyboard misses the letter k.", 5, to=(DESK,)),
        mail("ask", DESK, "Access denied for one person", "QX_41 on acme drive for one of ours.", DAY, to=(ACME,)),
    )
    assert together(filing, "user", "ask")
    assert filing.why("ask").kind == "content"
    assert not together(filing, "else", "ask")


def test_a_number_we_noted_before_the_vendor_stated_it_joins_the_note() -> None:
    filing = Filing()
    filing.deliver(
        mail("note", DESK, "Relay host", "Raised with acme as ticket 8812345678, host relay-9.", 0),
        mail("vendor", ACME, "Relay host down [acme #8812345678]", "We are looking into it.", 40, to=(DESK,)),
    )
    assert together(filing, "note", "vendor")
    assert filing.why("vendor").kind == "mention"


@pytest.mark.parametrize(
    "text",
    [
        "Another unit, not the one of the previous case. acme knows it as ticket 550123.",
        "The counter of the second unit runs backwards. This has nothing to do with 550123.",
    ],
)
def test_a_number_of_another_case_that_is_only_mentioned_does_not_pull_a_mail_into_it(text: str) -> None:
    filing = Filing()
    filing.deliver(INQUIRY, RECEIPT, mail("again", DESK, "Tray sensor", text, 40 * DAY, to=(ACME,)))
    assert not together(filing, "inquiry", "again")


def test_a_number_that_a_label_names_joins_mails_of_any_of_our_people() -> None:
    filing = Filing()
    filing.deliver(
        mail("phoned", USER, "Till three", "They gave me ticket 88120417 on the phone.", 0, to=(DESK,)),
        mail("vendor", ACME, "Visit on Friday", "We come at ten. Our reference: 88120417", DAY, to=(DESK,)),
    )
    assert together(filing, "phoned", "vendor")
    assert filing.why("vendor").kind == "mention"


def test_a_list_of_the_numbers_of_several_cases_merges_none() -> None:
    filing = Filing()
    filing.deliver(
        mail("one", DESK, "Cold store", "Frostline knows it as job no. 7714-E.", 0, to=("intake@lab.test",)),
        mail("two", DESK, "Badge gate", "Portal Ltd opened ticket 88120417.", 60, to=("intake@lab.test",)),
        mail(
            "list", DESK, "Open jobs", "Still open: job no. 7714-E and ticket 88120417.", DAY, to=("intake@lab.test",)
        ),
    )
    assert not together(filing, "one", "two")


@pytest.mark.parametrize("text", ["job no. 771234 and job no. 885678", "ticket 771234 and ticket 885678 of acme"])
def test_a_list_of_numbers_merges_nothing_in_any_order(text: str) -> None:
    mails = [
        mail("one", USER, "Leak", "The pump leaks, job no. 771234.", 0),
        mail("two", OTHER_USER, "Jam", "The printer jams, ticket 885678.", 5),
        mail("list", DESK, "Open jobs", f"Please look at {text}.", 60, to=("boss@lab.test",)),
        mail("again", USER, "Pump", "Water again, job no. 771234.", 120),
        mail("more", OTHER_USER, "Printer", "Paper again, ticket 885678.", 130),
    ]
    for order in permutations(mails):
        filing = Filing()
        with content_joins_nothing():
            filing.deliver(*order)
        assert {*filing.partition()} == {frozenset({"one", "again"}), frozenset({"two", "more"}), frozenset({"list"})}


@pytest.mark.parametrize("later", list(permutations(("again", "more", "late"))))
def test_what_comes_after_a_list_of_one_vendors_numbers_does_not_merge_its_cases(later: tuple[str, ...]) -> None:
    pump, printer = "[acme #771234]", "[acme #885678]"
    filing = Filing()
    filing.deliver(
        mail("one", ACME, f"{pump} Pump", "The pump leaks.", 0),
        mail("two", ACME, f"{printer} Printer", "The printer jams.", 5),
        mail("list", DESK, f"Open: {pump} {printer}", "How far are these?", 60, to=(ACME,)),
    )
    subjects = {"again": f"{pump} Leak", "more": f"{printer} Jam", "late": f"{pump} Seal"}
    with content_joins_nothing():
        filing.deliver(*(mail(name, ACME, subjects[name], "We look into it.", 90) for name in later))
    assert together(filing, "one", "again", "late")
    assert together(filing, "two", "more")
    assert len({filing.case_of(name) for name in ("one", "two", "list")}) == 3


def test_a_number_of_the_matter_joins_mails_to_a_company_that_no_pack_knows() -> None:
    filing = Filing()
    filing.deliver(
        mail(
            "phoned",
            DESK,
            "Cold store",
            "Frostline comes on Friday, their job no. is 7714-E.",
            60,
            to=("intake@lab.test",),
        ),
        mail("else", DESK, "Cold store doors", "Frostline sent a price list for doors.", 90, to=("intake@lab.test",)),
        mail("close", DESK, "Job 7714-E", "Please close it, all is well.", 4 * DAY, to=("boss@frostline.test",)),
    )
    assert together(filing, "phoned", "close")
    assert filing.why("close").kind == "mention"
    assert not together(filing, "else", "close")


def test_two_vendors_numbers_in_one_case_both_carry_it() -> None:
    filing = Filing()
    filing.deliver(
        INQUIRY,
        RECEIPT,
        mail("both", DESK, "Re: Label printer feeds two sheets", "Can you help?", 30, to=(UMBRA,), parent="inquiry"),
        mail("dist", UMBRA, "Re: Label printer feeds two sheets [umbra #99887]", "Our number.", 60, parent="inquiry"),
        mail("dist2", UMBRA, "[umbra #99887] parts", "Ordered.", DAY, to=(DESK,)),
        LATER,
    )
    assert together(filing, "inquiry", "receipt", "dist", "dist2", "later")


def test_a_makers_number_that_a_partner_told_leads_the_makers_own_mail_to_the_case() -> None:
    filing = Filing()
    handed = mail(
        "handed", UMBRA, "Re: spare [umbra #99887]", "It is acme's ticket 7712345 now.", 90, to=(DESK,), parent="ours"
    )
    filing.deliver(
        mail("ours", DESK, "Re: spare [umbra #99887]", "Please ask the maker.", 60, to=(UMBRA,)),
        handed,
        mail("maker", ACME, "Your part is on its way [acme #7712345]", "It leaves today.", 2 * DAY, to=(DESK,)),
        mail("others", ACME, "Your part is on its way [acme #7712399]", "It leaves too.", 2 * DAY, to=(DESK,)),
    )
    assert together(filing, "ours", "handed", "maker")
    assert filing.why("maker").kind == "mention"
    assert not together(filing, "ours", "others")


def test_dates_are_not_believed_when_they_are_far_in_the_future() -> None:
    filing = Filing()
    filing.deliver(mail("odd", USER, "Odd clock", "My clock runs ahead.", 60 * 24 * 5000, to=(DESK,)))
    node = next(iter(filing.nodes.values()))
    assert node.at <= at(60 * 24 * 401)
    assert not node.dated


def test_a_strangers_quote_joins_only_what_was_sent_to_him() -> None:
    filing = Filing()
    copied = inside(USER, REPORT.reply_text, 0)
    filing.deliver(
        REPORT,
        mail("copy", STRANGER, "Re: Plotter offline", "Tell me more about it, please.", 60, history=(copied,)),
        mail("ask", DESK, "Spare lamp", "Do you have the blue lamp for our plotter in stock?", 70, to=(STRANGER,)),
    )
    asked = inside(DESK, "Do you have the blue lamp for our plotter in stock?", 70)
    filing.deliver(mail("offer", STRANGER, "Offer", "We have two of them here.", 90, history=(asked,)))
    assert not together(filing, "report", "copy")
    assert together(filing, "ask", "offer")
    assert filing.why("offer").kind == "recovered"


def test_a_mail_that_a_stranger_quotes_too_does_not_lead_him_to_our_case() -> None:
    lost = inside(USER, "The plotter on floor two shows E-7741 since nine.", 0)
    theirs = mail("theirs", STRANGER, "Re: Plotter", "I have read this somewhere, who can tell?", 5, history=(lost,))
    ours = mail("ours", DESK, "Plotter", "Who looks after the unit that is named below?", 9, history=(lost,))
    for order in permutations((theirs, ours)):
        filing = Filing()
        filing.deliver(*order)
        assert not together(filing, "theirs", "ours")


def test_our_mail_with_one_vendors_number_and_a_number_of_something_else_merges_no_cases() -> None:
    filing = Filing()
    filing.deliver(
        mail("one", ACME, "[acme #111111] Rotor", "We look into it.", 0, to=(DESK,)),
        mail("two", UMBRA, "[umbra #222222] Stator", "We look into it.", 5, to=(DESK,)),
        mail("ours", DESK, "[acme #111111] Rotor", "It stands beside 222222 in the hall.", 60, to=(ACME,)),
    )
    assert together(filing, "one", "ours")
    assert not together(filing, "one", "two")


def test_a_users_new_report_is_no_reply_to_what_the_team_wrote_about_an_earlier_one() -> None:
    filing = Filing()
    filing.deliver(
        mail("first", USER, "rotor stops", "rotor on PUMP-0411 shows QX_41 in the night shift.", 0, to=(DESK,)),
        mail("asked", DESK, "Re: rotor stops", "Is the lamp of PUMP-0411 on?", 60, to=(USER,), parent="first"),
        mail("second", USER, "shades crash", "shades on TAB-7702 shows ZK_19 in the night shift.", DAY, to=(DESK,)),
        mail("back", USER, "PUMP-0411", "The lamp of rotor PUMP-0411 is dark.", DAY + 5, to=(DESK,)),
    )
    assert together(filing, "first", "back")
    assert not together(filing, "first", "second")


def test_a_reply_to_an_unknown_mail_of_another_subject_is_at_most_suggested() -> None:
    text = "The answer about PUMP-0411 and QX_41"
    asked = mail("a", DESK, "Re: Lost", f"{text}: turn the valve.", 20, parent="p", to=(USER,))
    filing, other = Filing(), Filing()
    filing.deliver(asked, mail("b", USER, "Re: Other", f"{text}.", 30, parent="q", to=(DESK,)))
    assert not together(filing, "a", "b")
    other.deliver(asked, mail("c", USER, "Other", f"{text}: I did turn the valve.", 30, to=(DESK,)))
    assert together(other, "a", "c")


def test_two_forms_with_the_same_words_from_different_users_stay_apart() -> None:
    filing = Filing()
    form = "Badge form. Building, floor, entrance, badge colour, parking, canteen, locker and start of work as agreed."
    filing.deliver(
        mail("one", USER, "Badge form", form, 0, to=(DESK,)),
        mail("two", OTHER_USER, "Badge form", form, 30, to=(DESK,)),
    )
    assert not together(filing, "one", "two")
    assert filing.suggested("two") == {filing.case_of("one")}


@pytest.mark.parametrize("author", [USER, OTHER_USER])
@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("{}", "The {} of hall four is broken."),
        ("{} in hall four", "The {} in hall four does not work since this morning."),
        ("Access to {}", "Please give me access to the {} server."),
        ("New {}", "Please order a new {} for my desk in hall four."),
    ],
)
def test_the_first_two_short_mails_with_one_different_word_stay_apart(subject: str, text: str, author: str) -> None:
    filing = Filing()
    for name, sender, when in (("lamp", USER, 0), ("pump", author, 60)):
        filing.deliver(mail(name, sender, subject.format(name), text.format(name), when, to=(DESK,)))
    assert not together(filing, "lamp", "pump")
    assert filing.suggested("pump") == {filing.case_of("lamp")}


def test_two_users_who_report_the_same_fault_in_other_words_are_one_case() -> None:
    filing = Filing()
    filing.deliver(
        mail("one", USER, "Plotter jams", "The plotter in hall five jams at each third drawing.", 0),
        mail(
            "two", OTHER_USER, "Hall five", "Our plotter in hall five jams too, E-7741 again after lunch, tray two.", 9
        ),
    )
    assert together(filing, "one", "two")
