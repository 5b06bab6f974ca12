"""The brief: worth pasting as it is. Nothing twice, nothing made up, nothing of us that the reader does not need."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mailrules.engine.problem import without_opening
from mailrules.fields import Bilingual
from mailrules.reader.courtesy import is_courtesy
from service.cases import brief as cases_brief
from service.cases.brief_input import BriefInput
from service.cases.brief_text import markdown, text
from tests.tables import table_beside

TABLES, STANDINGS = table_beside(__file__, "brief.yaml"), table_beside(__file__, "brief_standing.yaml")
LONG = "May plant 2 use the licences of plant 1?"
LEAD = "The scanner of plant 2 prints nothing."
TOKYO = ZoneInfo("Asia/Tokyo")
PEOPLE = {side: {"address": f"{side}@x.test", "name": side, "role": side} for side in ("requester", "team", "vendor")}


def line(item: str, words: str, *, message: str = "1", **more: Any) -> dict[str, Any]:
    return {"item": item, "label": item, "state": "present", "value": words, "quote": words, "message": message} | more


def case(*lines: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "key": "SD-7", "title": "Scanner", "kind": "incident", "checklist": list(lines), "missing": [], "asks": [],
        "vendor": "acme", "vendor_refs": [{"vendor": "acme", "ref": "550123"}], "problem": {"statement": LEAD},
        "tone": [], "parked": [], "status": "open", "waiting_on": "team", "priority": "P3",
    } | more  # fmt: skip


def exchange(language: str, **more: Any) -> dict[str, Any]:
    """A case in which the requester, the team and a vendor write."""
    its = {"participants": [*PEOPLE.values()], "vendor_refs": [], "problem": {}, "language": language}
    return case() | its | more


def mail(number: int, side: str, to: str, language: str, words: str, **statements: str) -> dict[str, Any]:
    said = [
        {"meaning": meaning, "quote": quote, "start": words.index(quote), "end": words.index(quote) + len(quote)}
        for meaning, quote in statements.items()
    ]
    role, automatic = ("vendor", "notification") if side == "machine" else (side, None)
    return {
        "id": str(number), "date": f"2026-11-{number + 10}T03:00:00Z", "author": {"role": role}, "attachments": [],
        "to": [PEOPLE[to]], "language": language, "automatic": automatic, "text": words, "statements": said,
    }  # fmt: skip


MAILS = [
    {"id": "1", "author": {"role": "requester"}, "attachments": []},
    {"id": "2", "author": {"role": "team"}, "attachments": []},
]
NEW_YEAR = [MAILS[0] | {"date": "2026-11-30T23:40:00Z"}]  # 1 December in Tokyo


def brief(
    document: Mapping[str, Any],
    mails: Any,
    lang: str = "en",
    for_: str = "vendor",
    now: datetime | None = None,
    **more: Any,
) -> dict[str, Any]:
    return cases_brief.brief(BriefInput(document, mails, for_, lang, **more), now)


def said(document: Mapping[str, Any], lang: str = "en", for_: str = "vendor", mails: Any = MAILS) -> str:
    return text(brief(document, mails, lang=lang, for_=for_))


def entries(made: Mapping[str, Any], name: str = "") -> list[dict[str, Any]]:
    return [entry for section in made["sections"] if name in ("", section["id"]) for entry in section["entries"]]


def test_the_whole_text_for_a_vendor() -> None:
    document = case(line("symptom", LEAD), line("version", "4.2"), line("workaround", "no other way", none=True))
    assert said(document) == (
        "Scanner\n\nYour reference: 550123\n\nThe scanner of plant 2 prints nothing.\n\n"
        "Impact\n- workaround: no other way\n\nEnvironment and identifiers\n- version: 4.2\n"
    )


def test_the_text_has_no_markup_and_the_markdown_escapes_it() -> None:
    document = case(line("version", "<b>*4.2*</b> [x](http://x.test)"), title="a_b [c]")
    assert "<b>*4.2*</b> [x](http://x.test)" in said(document)
    assert "\\<b>\\*4.2\\*\\</b> \\[x\\](http://x.test)" in markdown(brief(document, MAILS, lang="en"))


@pytest.mark.parametrize(("words", "shown"), TABLES["the_label_of_a_form_line_is_not_repeated"])
def test_the_label_of_a_form_line_is_not_repeated(words: str, shown: str) -> None:
    labels = {
        "impact_scope": Bilingual(ja="影響範囲", en="Scope of impact"),
        "occurred_at": Bilingual(ja="発生日時", en="When it started"),
        "device_id": Bilingual(ja="端末名", en="PC name"),
    }
    made = brief(case(line("impact_scope", words), problem={"statement": words}), MAILS, lang="ja", labels=labels)
    assert made["problem"]["statement"] == shown
    assert [(entry["label"], entry["text"]) for entry in entries(made)] == [("影響範囲", shown)]


def test_the_requester_reads_what_is_known_and_what_comes_next() -> None:
    promise = {"due": "2031-05-13T09:00:00Z", "kept": False, "overdue": False}
    document = case(line("symptom", LEAD), line("version", "4.2"), waiting_on="vendor", promises=[promise])
    written = said(document, for_="requester")
    assert written.startswith("Scanner\n\nCase: SD-7\nStatus: being worked on\nWho acts next: the vendor\nNext update ")
    assert LEAD in written
    assert not [hidden for hidden in ("4.2", "550123", "P3") if hidden in written]
    made = brief(document, MAILS, for_="requester", lang="ja")
    assert "次の連絡の予定: 2031-05-13 18:00 (JST)\n" in text(made, TOKYO)


def test_other_work_meanwhile_is_no_workaround() -> None:
    document = case(line("symptom", LEAD), line("workaround", "We sweep the hall.", partial=True))
    assert "We sweep the hall." not in said(document)
    assert "Impact\n- workaround: By hand." in said(case(line("symptom", LEAD), line("workaround", "By hand.")))


def test_a_label_of_several_entries_is_shown_once() -> None:
    parked = [{"topic": topic, "quote": "Report and refund?", "message": "2"} for topic in ("rca", "compensation")]
    written = said(case(line("question", "Report and refund?"), parked=parked, recovered=True))
    assert written.count("To discuss after recovery") == 1


def test_the_team_reads_what_is_still_to_be_asked() -> None:
    document = case(line("version", "", state="missing"), missing=["version"])
    assert "version" not in said(document)
    made = brief(document, MAILS, lang="en", for_="team")
    assert [gap["item"] for gap in made["gaps"]] == ["version"]
    assert "Still to be asked\n- version" in text(made)


def test_the_team_reads_requests_and_topics_with_the_dates_of_their_mails() -> None:
    ask = {"state": "open", "what": "logs", "quote": "1. Send the log tomorrow.", "message": "1"}
    topic = {"topic": "rca", "quote": "Tell the cause next week.", "message": "1"}
    written = said(case(asks=[ask], parked=[topic]), for_="team", mails=[MAILS[0] | {"date": "2026-12-01T06:00:00Z"}])
    assert "Vendor's case number: 550123\n" in written
    assert "not answered yet\n- Send the log tomorrow. (mail of 1 December)\n" in written
    assert "- Tell the cause next week. (mail of 1 December)\n" in written


ROUGH = case(line("occurred_at", "since this morning", state="missing", partial=True), missing=["occurred_at"])
OTHER = {"author": "jun@lab.test", "message": "2", "value": "plant 3 too", "quote": "plant 3 too"}
JUN = {"address": "jun@lab.test", "name": "Jun Aoki", "role": "requester"}
WHO, CALL = line("requester", "mika@lab.test"), line("contact", "Mika, extension 2245")
CAUSE = {"topic": "rca", "message": "1", "quote": "Please send a report on the cause."}
GRIPE = {"topic": "support_dissatisfaction", "message": "1", "quote": "We are not happy."}
SINCE = "Since noon plant 2 prints nothing."


@pytest.mark.parametrize(
    ("document", "lang", "for_", "words", "times"),
    [
        (ROUGH, "en", "vendor", "- occurred_at: since this morning (not exact)", 1),
        (ROUGH, "en", "vendor", "occurred", 1),
        (case(line("version", "no idea", state="unknown")), "en", "vendor", "- version: unknown (checked)", 1),
        (case(line("version", "", state="unknown")), "ja", "vendor", "・version: 不明(確認済み)", 1),
        # a second reporter follows the first, by name
        (case(line("impact_scope", "plant 2", others=[OTHER]), participants=[JUN]), "en", "vendor",
         "- impact_scope: plant 2 / Jun Aoki: plant 3 too", 1),
        # who of us is concerned is told to a vendor only where it is needed
        (case(WHO), "en", "vendor", "mika@", 0),
        (case(WHO), "en", "team", "mika@", 1),
        (case(WHO, asks=[{"what": "info:requester", "state": "open"}]), "en", "vendor", "mika@", 1),
        (case(WHO, kind="request"), "en", "vendor", "mika@", 1),
        (case(CALL), "en", "vendor", "2245", 0),
        (case(CALL | {"message": "2"}), "en", "vendor", "2245", 1),
        # a vendor's own number is no related case
        (case(line("related_case", "Re: [550123] Scanner")), "en", "vendor", "related", 0),
        (case(line("related_case", "as in 540001")), "en", "vendor", "related", 1),
        # a request for the cause waits until the case is over; a complaint is not sent
        (case(parked=[CAUSE], recovered=False), "en", "vendor", "report on the cause", 0),
        (case(parked=[CAUSE], recovered=True), "en", "vendor", "report on the cause", 1),
        (case(parked=[GRIPE], recovered=True), "en", "vendor", "happy", 0),
        # a sentence that tells several items is written once
        (case(line("impact_scope", SINCE), line("occurred_at", SINCE)), "en", "vendor", SINCE, 1),
        (case(line("symptom", LEAD), line("ongoing_state", LEAD)), "en", "vendor", LEAD, 1),
        (case(), "en", "vendor", "SD-7", 0),
    ],
)  # fmt: skip
def test_each_reader_gets_the_entries_meant_for_it(
    document: Mapping[str, Any], lang: str, for_: str, words: str, times: int
) -> None:
    assert said(document, lang, for_).count(words) == times


def test_a_sentence_with_a_tone_hint_is_not_sent_to_the_vendor() -> None:
    words = "Our customers are furious, what are you going to do?"
    hint = {"id": "pressure_passthrough", "quote": words, "message": "1", "advice": "Say what stands still."}
    document = case(line("business_impact", words), tone=[hint], problem={"statement": words}, recovered=True)
    mails = [mail(1, "team", "vendor", "en", words, recovered=words)]
    made = brief(document, mails, lang="en")
    assert [(one["item"], one["advice"]) for one in made["reword"]] == [("business_impact", "Say what stands still.")]
    assert "furious" not in str(made)
    assert "furious" in said(document, for_="team")


@pytest.mark.parametrize(
    ("kind", "item", "words", "statement"),
    [
        ("incident", "symptom", "It eats paper.", "It eats paper."),
        ("howto", "question", LONG, LONG),
        ("howto", "question", "Which is it?", "Scanner"),
        ("request", "change_target", "Edit rights on A.", "Edit rights on A."),
    ],
)  # fmt: skip
def test_the_bare_subject_is_no_problem(kind: str, item: str, words: str, statement: str) -> None:
    document = case(line(item, words), kind=kind, problem={"statement": "Re: Scanner"})
    assert brief(document, MAILS, lang="en")["problem"]["statement"] == statement


def test_mails_that_were_passed_on_are_no_attachments() -> None:
    files = [
        {"filename": "fw.eml", "size": 3, "content_type": "message/rfc822"},
        {"filename": "a.log", "size": 3, "content_type": "text/plain"},
    ]
    made = brief(case(), [{"id": "1", "author": {"role": "team"}, "attachments": files}])
    assert [file["filename"] for file in made["attached"]] == ["a.log"]


@pytest.mark.parametrize(("words", "lang", "shown"), TABLES["a_day_in_words_is_followed_by_the_date_of_the_mail"])
def test_a_day_in_words_is_followed_by_the_date_of_the_mail(words: str, lang: str, shown: str) -> None:
    others = [{"author": "b@x.example", "message": "1", "value": words, "quote": words}]
    document = case(line("symptom", "It beeps."), line("occurred_at", words, others=others))
    document["problem"] = {"statement": words, "message": "1"}
    made = brief(document, NEW_YEAR, lang=lang, zone=TOKYO)
    assert [entry["text"] for entry in entries(made)] == ["It beeps.", f"{shown} / b@x.example: {shown}"]
    assert made["problem"]["statement"] == shown


# ── where the case stands ────────────────────────────────────────────────────────────────────────────────────────────


def mails_of(rows: Sequence[Any]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        if isinstance(row, list):
            made.append(mail(len(made) + 1, *row, **(after if isinstance(after, dict) else {})))
    return made


@pytest.mark.parametrize(
    ("told", "reader"), [pytest.param(c, r, id=f"{c['id']}: {r}") for c in STANDINGS for r in c["shown"]]
)
def test_where_a_case_stands(told: dict[str, Any], reader: str) -> None:
    made = brief(exchange(**told["case"]), mails_of(told["mails"]), for_=reader, lang=told["case"]["language"])
    shown = [[entry["label"], entry["text"].rpartition("(")[0].rstrip()] for entry in entries(made, "standing")]
    assert shown == told["shown"][reader]


def test_the_text_tells_it_before_the_facts_with_the_date_of_the_mail() -> None:
    mails = [mail(1, "vendor", "team", "en", "It was a loose plug.", **{"act.answer": "It was a loose plug."})]
    document = exchange("en", checklist=[line("version", "4.2")])
    stands = "Where it stands\n- Vendor's answer: It was a loose plug. (mail of 11 November)\n\nEnv"
    assert stands in said(document, for_="team", mails=mails)


def test_a_cure_that_no_longer_helps_is_left_out() -> None:
    cured = "I swapped the cable and it printed."
    first = mail(1, "requester", "team", "en", cured, recovered=cured)
    back = mail(2, "requester", "team", "en", "Blank paper again.", **{"act.reopen": "Blank paper again."})
    document = exchange("en", checklist=[line("tried", cured), line("version", "4.2")])
    assert cured in said(document, mails=[first])
    assert cured not in (written := said(document, mails=[first, back]))
    assert "4.2" in written


@pytest.mark.parametrize("status", ["open", "closed"])
def test_the_next_update_is_a_promise_that_can_still_be_kept(status: str) -> None:
    days = {"10": False, "12": True, "20": False}
    promises = [{"due": f"2026-11-{day}T09:00:00Z", "kept": kept, "overdue": False} for day, kept in days.items()]
    made = brief(case(promises=promises, status=status), [], now=datetime(2026, 11, 11, tzinfo=UTC))
    assert made["promised"] == ("2026-11-20T09:00:00Z" if status == "open" else None)


ASKED = mail(1, "requester", "team", "ja", "レジの釣銭が合いません。")
INQUIRY = mail(2, "team", "vendor", "en", "Dear TillWorks, the change is wrong on till 3.")
ANSWER = mail(3, "vendor", "team", "en", "This is custom work.")


@pytest.mark.parametrize(
    ("statement", "asks", "reader", "shown"),
    [
        (INQUIRY, [], "vendor", "the change is wrong on till 3."),
        (INQUIRY, [], "team", "レジの釣銭が合いません。"),
        (INQUIRY, [], "requester", "レジの釣銭が合いません。"),
        (ANSWER, [], "team", "レジの釣銭が合いません。"),
        (ANSWER, ["confirm_scope"], "team", "This is custom work."),
        (ANSWER, ["confirm_scope"], "requester", "レジの釣銭が合いません。"),
    ],
)
def test_the_problem_is_stated_in_words_for_the_reader(
    statement: dict[str, Any], asks: list[str], reader: str, shown: str
) -> None:
    document = exchange("ja", excerpt=ASKED["text"]) | {
        "problem": {"statement": statement["text"], "message": statement["id"]},
        "asks": [{"what": what, "message": "3", "quote": "", "state": "answered"} for what in asks],
    }
    made = brief(document, [ASKED, INQUIRY, ANSWER], for_=reader, lang="ja")
    assert made["problem"]["statement"] == shown


def test_a_requester_reads_no_facts_from_mail_to_the_vendor_that_only_the_team_can_give() -> None:
    lines = [line("question", "Could you look into it?", message="2"), line("impact_scope", "3番レジだけです。")]
    document = exchange("ja", missing=["expected", "environment", "occurred_at"], checklist=lines)
    made = brief(document, [ASKED, INQUIRY], for_="requester", lang="ja")
    assert [gap["item"] for gap in made["gaps"]] == ["occurred_at"]
    assert [entry["item"] for entry in entries(made)] == ["impact_scope"]
    alone = case(missing=["error_message"], participants=[PEOPLE["requester"]])
    assert [gap["item"] for gap in brief(alone, [ASKED], for_="requester")["gaps"]] == ["error_message"]


@pytest.mark.parametrize(("opening", "sentence"), TABLES["the_addressee_before_a_sentence_is_left_out"])
def test_the_addressee_before_a_sentence_is_left_out(opening: str, sentence: str) -> None:
    assert without_opening(opening + sentence) == sentence


def test_courtesy_is_recognised() -> None:
    polite = ("承知いたしました。", "ご連絡ありがとうございます。", "Thank you very much.")
    assert all(map(is_courtesy, polite))
    assert not any(map(is_courtesy, ("実施いたしました。", "Thanks, the fuse was blown.", "OK?", "")))
