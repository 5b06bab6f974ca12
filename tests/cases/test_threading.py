"""Small conversations, and where a careful colleague would file them. What a mail does not say is no evidence."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.tokens import own_message_id
from service.cases.placement import objections
from service.cases.placement.keys import candidate_lookup, strong_lookup
from service.mail.message import Automatic, Bounce, Mail
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
INQUIRY = mail("inquiry", DESK, "Label printer feeds two sheets", "Model ZT-9, firmware 4.2.", 0, to=(ACME,))
RECEIPT = mail("receipt", ACME, "Label printer feeds two sheets [acme #550123]", "We got it.", 4, to=(DESK,))
BOUNCE = Bounce(("help@acme.test",), "5.1.1", "<inquiry@x.test>")
SUBJECT = "Re: Label printer feeds two sheets"
TOKEN, GUESSED = (own_message_id(1, "u1", "lab.test", secret) for secret in (WAYS.secret, b"guessed"))
LENT = inside(USER, "The plotter on floor two shows E-7741 since nine.", 0)


def placed(*mails: Mail) -> Filing:
    filing = Filing()
    filing.deliver(*mails)
    return filing


def together(filing: Filing, *names: str) -> bool:
    return len({filing.case_of(name) for name in names}) == 1


def note(name: str, subject: str, text: str, when: float = 0, author: str = USER) -> Mail:
    """A mail to the desk; the desk's own go to the intake address only."""
    return mail(name, author, subject, text, when, to=("intake@lab.test",) if author == DESK else (DESK,))


def named(cases: str) -> set[frozenset[str]]:
    """A partition, written as ``report answer | other``."""
    return {frozenset(case.split()) for case in cases.split(" | ")}


CONVERSATIONS: dict[str, tuple[list[Mail], str, dict[str, str]]] = {
    "references help where the parent is unknown and the subject the same": ([
        REPORT,
        mail("late", USER, "RE: Plotter offline", "still dark", 90, parent="unknown", refs=("report", "unknown")),
        mail("other", USER, "Holidays", "Where is this year's list?", 95, parent="gone", refs=("report", "gone")),
    ], "report late | other", {"late": "references"}),
    "the number of a forwarded mail": ([
        INQUIRY, RECEIPT,
        mail("fw", OTHER_USER, "FW: Logs", "for the record", 210, forwarded=(
            inside(ACME, "Please send the report.", 200, subject="[acme #550123] Logs", origin="forwarded"),
        )),
    ], "inquiry receipt fw", {"fw": "recovered"}),
    "two cases of one vendor on one day with like subjects": ([
        mail("q1", DESK, "Cannot connect to database", "Instance db-alpha-01 refuses.", 0, to=(ACME,)),
        mail("q2", DESK, "Cannot connect to server", "Host web-beta-77 is gone.", 6, to=(ACME,)),
        note("r2", "Cannot connect to server [acme #700002]", "About web-beta-77: looking.", 30, ACME),
        note("r1", "Cannot connect to database [acme #700001]", "About db-alpha-01: looking.", 31, ACME),
    ], "q1 r1 | q2 r2", {}),
    "the root of a thread index joins mails of one base subject": ([
        mail("root", USER, "Printer", "It jams on tray three.", 0, to=(DESK,), thread_index="01DC0FFEE0"),
        mail("same", USER, "RE: Printer", "It jams again.", DAY, to=(DESK,), thread_index="01DC0FFEE0"),
        mail("else", USER, "Holiday list", "Where is it?", DAY, to=(DESK,), thread_index="01DC0FFEE0"),
    ], "root same | else", {"same": "thread_index"}),
    "a reply that says that a new topic begins": ([
        INQUIRY, RECEIPT,
        mail(
            "new", DESK, f"{SUBJECT} [acme #550123]", "Thanks.\nOn a different topic: our June invoice is wrong.",
            5 * DAY, to=(ACME,), parent="receipt",
        ),
        mail("reply", ACME, f"{SUBJECT} [acme #550123]", "Which invoice?", 6 * DAY, parent="new"),
    ], "inquiry receipt | new reply", {"new": objections.NEW_TOPIC, "reply": "in_reply_to"}),
    "an inquiry to a vendor that answers a user's mail stays with it": ([
        REPORT,
        mail("ask", DESK, "Re: Plotter offline", "On a different topic: E-7741.", 20, to=(ACME,), parent="report"),
        mail("got", ACME, "Re: Plotter offline [acme #550777]", "Is the blue lamp on?", 40, parent="ask"),
    ], "report ask got", {"ask": "in_reply_to"}),
    "a reply with another subject and other words": ([
        REPORT, ANSWER, mail("other", USER, "Badge", "Door three rejects my card.", DAY, to=(DESK,), parent="answer"),
    ], "report answer | other", {"other": objections.OTHER_MATTER}),
    "a changed subject that still speaks of the matter": ([
        REPORT, ANSWER, mail("back", USER, "Floor two", "The plotter shows E-7741.", 99, to=(DESK,), parent="answer"),
    ], "report answer back", {}),
    "a bounce goes to the mail that bounced": ([
        INQUIRY,
        mail("bounce", "daemon@acme.test", "Undelivered Mail", "user unknown", 31, automatic="bounce", bounce=BOUNCE),
    ], "inquiry bounce", {"bounce": "bounce"}),
    "the team's inquiry for a user joins the user's waiting report": ([
        note("user", "acme drive", "acme drive says error QX_41 when I open Budget."),
        note("else", "keyboard", "My keyboard misses the letter k.", 5, OTHER_USER),
        mail("ask", DESK, "Access denied for one person", "QX_41 on acme drive for one of ours.", DAY, to=(ACME,)),
    ], "user ask | else", {"ask": "content"}),
    "an inquiry to a vendor that shares one everyday word with a user's report": ([
        note("user", "No sound", "My headset has no sound in calls since Tuesday."),
        mail("ask", DESK, "Invoice 4410", "The invoice of Tuesday shows three seats too many.", 40, to=(ACME,)),
    ], "user | ask", {}),
    "an inquiry that shares one word, to the vendor that the user named": ([
        note("user", "acme drive", "acme drive says error 522 now and then."),
        mail("ask", DESK, "Pages fail", "Since nine one page in ten fails with 522.", 40, to=(ACME,)),
    ], "user ask", {"ask": "content"}),
    "an inquiry that shares one word of three characters": ([
        note("user", "印刷", "請求書が印刷できません。総務の私だけです。"),
        mail("ask", DESK, "金額の件", "9月分の請求書の金額が契約と異なります。", 40, to=(ACME,)),
    ], "user | ask", {}),
    "a number that we noted before the vendor stated it": ([
        note("note", "Relay host", "Raised with acme as ticket 8812345678, host relay-9.", 0, DESK),
        note("vendor", "Relay host down [acme #8812345678]", "We are looking into it.", 40, ACME),
    ], "note vendor", {"vendor": "mention"}),
    "a number that a label names joins mails of any of our people": ([
        note("phoned", "Till three", "They gave me ticket 88120417 on the phone."),
        note("vendor", "Visit on Friday", "We come at ten, see 88120417.", DAY, ACME),
    ], "phoned vendor", {"vendor": "mention"}),
    "a number of the matter joins mails to a company that no pack knows": ([
        note("phoned", "Cold store", "Frostline comes on Friday, their job no. is 7714-E.", 60, DESK),
        note("else", "Cold store doors", "Frostline sent a price list for doors.", 90, DESK),
        mail("close", DESK, "Job 7714-E", "Please close it, all is well.", 4 * DAY, to=("boss@frostline.test",)),
    ], "phoned close | else", {"close": "mention"}),
    "two vendors' numbers in one case both carry it": ([
        INQUIRY, RECEIPT,
        mail("both", DESK, SUBJECT, "Can you help?", 30, to=(UMBRA,), parent="inquiry"),
        mail("dist", UMBRA, f"{SUBJECT} [umbra #99887]", "Our number.", 60, parent="inquiry"),
        note("dist2", "[umbra #99887] parts", "Ordered.", DAY, UMBRA),
        note("later", "[acme #550123] Visit", "An engineer comes on Monday.", DAY, ACME),
    ], "inquiry receipt both dist dist2 later", {}),
    "a maker's number that a partner told leads the maker's own mail to the case": ([
        mail("ours", DESK, "Re: spare [umbra #99887]", "Please ask the maker.", 60, to=(UMBRA,)),
        mail("handed", UMBRA, "Re: spare [umbra #99887]", "It is acme's ticket 7712345 now.", 90, parent="ours"),
        note("maker", "Your part is on its way [acme #7712345]", "It leaves today.", 2 * DAY, ACME),
        note("others", "Your part is on its way [acme #7712399]", "It leaves too.", 2 * DAY, ACME),
    ], "ours handed maker | others", {"maker": "mention"}),
    "a stranger's quote joins only what was sent to him": ([
        REPORT,
        mail("copy", STRANGER, "Re: Plotter offline", "Tell me more about it, please.", 60, history=(LENT,)),
        mail("ask", DESK, "Spare lamp", "Have you a blue lamp for a plotter that shows E-7741?", 70, to=(STRANGER,)),
        mail(
            "offer", STRANGER, "Offer", "We have two of them here.", 90,
            history=(inside(DESK, "Have you a blue lamp for a plotter that shows E-7741?", 70),),
        ),
    ], "report ask offer | copy", {"offer": "recovered"}),
    "our mail with one vendor's number and a number of something else": ([
        note("one", "[acme #111111] Rotor", "We look into it.", 0, ACME),
        note("two", "[umbra #222222] Stator", "We look into it.", 5, UMBRA),
        mail("ours", DESK, "[acme #111111] Rotor", "It stands beside 222222 in the hall.", 60, to=(ACME,)),
    ], "one ours | two", {}),
    "a user's new report is no reply to what the team wrote about an earlier one": ([
        note("first", "rotor stops", "rotor on PUMP-0411 shows QX_41 in the night shift."),
        mail("asked", DESK, "Re: rotor stops", "Is the lamp of PUMP-0411 on?", 60, to=(USER,), parent="first"),
        note("second", "shades crash", "shades on TAB-7702 shows ZK_19 in the night shift.", DAY),
        note("back", "PUMP-0411", "The lamp of rotor PUMP-0411 is dark.", DAY + 5),
    ], "first asked back | second", {}),
    "the answer of a vendor whom the team asked by phone, forwarded by the team": ([
        REPORT,
        mail("fw", DESK, "FW: Your call", "For the record.", 90, forwarded=(
            inside(ACME, "E-7741 of the plotter: replace the blue lamp on floor two.", 80, subject="Your call",
                   origin="forwarded"),
        )),
    ], "report fw", {"fw": "content"}),
    "two users who report the same fault in other words": ([
        mail("one", USER, "Plotter jams", "The plotter in hall five jams at each third drawing.", 0),
        mail("b", OTHER_USER, "Hall five", "Our plotter in hall five jams too, E-7741 again after lunch, tray two.", 9),
    ], "one b", {}),
    "numbers of a previous case and of another matter": ([
        INQUIRY, RECEIPT,
        mail("past", DESK, "Tray sensor", "Not the previous case. acme has ticket 550123.", 40 * DAY, to=(ACME,)),
        mail("else", DESK, "Tray lamp", "This has nothing to do with 550123.", 41 * DAY, to=(ACME,)),
    ], "inquiry receipt | past | else", {}),
    "the key of a case, named by a stranger and by a colleague": ([
        REPORT,
        mail("claim", STRANGER, "SD-1 please send the files", "Hand me everything you have.", 60),
        mail("colleague", OTHER_USER, "SD-1: me too", "Mine is dark as well.", 70),
    ], "report colleague | claim", {"claim": objections.UNKNOWN_SENDER_CLAIMS, "colleague": "case_key"}),
    "a token of ours, and a guessed one": ([
        REPORT,
        replace(mail("good", STRANGER, "Hello", "good answer", 80), in_reply_to=(TOKEN,)),
        replace(mail("bad", STRANGER, "Hello", "bad answer", 80), in_reply_to=(GUESSED,)),
    ], "report good | bad", {"good": "token", "bad": "new"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_mails_are_put_into_the_case_that_a_careful_colleague_would_choose(name: str) -> None:
    """``facts``: mail → the kind of evidence for its case, or the reason against another."""
    mails, cases, facts = CONVERSATIONS[name]
    filing = placed(*mails)
    assert filing.partition() == named(cases)
    for mail_name, fact in facts.items():
        assert fact in (filing.why(mail_name).kind, *filing.objections(mail_name))


QUESTION = "Which firmware do you run on the second unit, and since when?"
HANDED = inside(ACME, QUESTION, 300, subject="[acme #550123] Question", origin="forwarded")
ONE, TWO = note("one", "Leak", "The pump leaks, job no. 771234."), note("two", "Jam", "It jams, ticket 885678.", 5)
AGAIN = note("again", "Pump", "Water again, job no. 771234.", 120)
IN_ANY_ORDER: dict[str, tuple[list[Mail], str]] = {
    "a conversation": ([REPORT, ANSWER, BACK], "report answer back"),
    "a mail that is quoted, forwarded and delivered": ([
        mail("ask", ACME, "[acme #550123] Question", QUESTION, 300, to=(DESK,)),
        mail("fw", DESK, "FW: [acme #550123] Question", "see below", 320, forwarded=(HANDED,)),
        mail("re", DESK, "Re: Question", "4.2", 330, to=(ACME,), history=(inside(ACME, QUESTION, 300),)),
    ], "ask fw re"),
    "a list of numbers": ([
        ONE, TWO, AGAIN, note("list", "Open jobs", "Please look at job no. 771234 and job no. 885678.", 60, DESK),
    ], "one again | two | list"),
    "a list of numbers of one vendor": ([
        ONE, TWO, AGAIN, note("list", "Open jobs", "Look at ticket 771234 and ticket 885678 of acme.", 60, DESK),
    ], "one again | two | list"),
    "numbers of several kinds, such as that of a mail": ([
        mail("one", ACME, "[acme #771234] Pump", "The pump leaks.", 0),
        mail("two", ACME, "[acme #MSG991] [acme #RMA77] [acme #771234] Leak", "We look into it.", 60),
        mail("three", ACME, "[acme #MSG992] [acme #771234] Seal", "It is on its way.", 120),
    ], "one two three"),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_ANY_ORDER)
def test_strong_evidence_makes_the_same_cases_in_any_order_and_doubled(name: str) -> None:
    mails, cases = IN_ANY_ORDER[name]
    for order in permutations(mails):
        with content_joins_nothing():
            filing = placed(*order, *order)
        assert filing.partition() == named(cases)
        assert len(filing.nodes) == len(mails)


@pytest.mark.parametrize(
    ("days", "automatic", "opens"), [(10, None, True), (30, None, False), (30, "auto_reply", True)]
)
def test_a_settled_case_opens_again_within_two_weeks(days: int, automatic: Automatic | None, opens: bool) -> None:
    filing = placed(REPORT, ANSWER)
    filing.known.cases[1].settled_at = at(30)
    again = mail("again", USER, "Re: Plotter offline", "It is dark again!", days * DAY, to=(DESK,), parent="answer")
    filing.deliver(replace(again, automatic=automatic))
    assert together(filing, "report", "again") == opens
    assert (objections.SETTLED in filing.objections("again")) != opens


@pytest.mark.parametrize("text", ["", "ok", "The signed form is attached."])
def test_a_mail_without_a_date_that_is_delivered_twice_is_one_message(text: str) -> None:
    scan = replace(note("scan", "Scan", text), date=None)
    assert len(placed(scan, scan).nodes) == 1


@pytest.mark.parametrize("hours", [15, 24])
def test_daily_notices_that_users_forward_are_different_mails(hours: int) -> None:
    filing = Filing()
    notice = "The nightly copy of relay-9 to volume seven failed with a write error. Please look at the tape drive."
    for name, author, when in (("one", USER, 0), ("two", OTHER_USER, hours * 60)):
        inner = inside("robot@lab.test", notice, when, subject="Copy report", origin="forwarded")
        filing.deliver(mail(name, author, "Fwd: Copy report", f"What is it, {name}?", when + 5, forwarded=(inner,)))
    assert len(filing.nodes) == 4


def test_a_date_far_in_the_future_is_ignored() -> None:
    [node] = placed(note("odd", "Odd clock", "My clock runs ahead.", DAY * 5000)).nodes.values()
    assert (node.at <= at(DAY * 401), node.dated) == (True, False)


def test_a_mail_that_a_stranger_quotes_too_does_not_lead_him_to_our_case() -> None:
    theirs = mail("theirs", STRANGER, "Re: Plotter", "I have read this somewhere, who can tell?", 5, history=(LENT,))
    ours = mail("ours", DESK, "Plotter", "Who looks after the unit that is named below?", 9, history=(LENT,))
    for order in permutations((theirs, ours)):
        assert not together(placed(*order), "theirs", "ours")


def test_a_reply_to_an_unknown_mail_of_another_subject_is_at_most_suggested() -> None:
    text = "The answer about PUMP-0411 and QX_41"
    asked = mail("a", DESK, "Re: Lost", f"{text}: turn the valve.", 20, parent="p", to=(USER,))
    assert not together(placed(asked, mail("b", USER, "Re: Other", f"{text}.", 30, parent="q", to=(DESK,))), "a", "b")
    assert together(placed(asked, note("c", "Other", f"{text}: I did turn the valve.", 30)), "a", "c")


@pytest.mark.parametrize("author", [USER, OTHER_USER])
@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("{}", "The {} of hall four is broken."),
        ("{} in hall four", "The {} in hall four does not work since this morning."),
        ("Access to {}", "Please give me access to the {} server."),
        ("New {}", "Please order a new {} for my desk in hall four."),
        ("Badge form", "Badge form. Building, floor, entrance, badge colour, parking, canteen, locker."),
    ],
)
def test_two_first_mails_with_the_same_words_but_one_stay_apart(subject: str, text: str, author: str) -> None:
    pairs = (("lamp", USER, 0), ("pump", author, 60))
    filing = placed(*(note(name, subject.format(name), text.format(name), when, who) for name, who, when in pairs))
    assert not together(filing, "lamp", "pump")
    assert filing.suggested("pump") == {filing.case_of("lamp")}


@pytest.mark.parametrize(
    "facts",
    [
        {"dated": False, "message_id": "", "parents": ("",), "refs": ("", ""), "bounced": ""},
        {"dated": True},
        {"thread_index": "", "base": "printer"},
        {"thread_index": "AdX1"},
        {"text": "too short to tell"},
        {"side": "vendor"},
        {"side": "team", "to_vendor": ""},
    ],
)
def test_empty_keys_are_never_looked_up(facts: dict[str, Any]) -> None:
    node = MessageFacts(id=-1, at=at(0), **facts)
    for keys in (strong_lookup(node), candidate_lookup(node)):
        assert not {key for key in keys if ":sub:" not in key}


def test_mails_that_lack_the_same_headers_are_not_joined() -> None:
    lacking = (("The lift is stuck.", 0), ("Where is the toner kept?", 7000))
    filing = placed(
        *(mail(None, USER, "", text, when) for text, when in lacking),
        *(mail(None, "", "Re:", text, when) for text, when in (("Hello", 9000), ("Good day", 9900))),
    )
    assert len({node.case for node in filing.nodes.values()}) == len(filing.nodes) == 4
