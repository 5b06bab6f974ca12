"""Answers by number: which of the numbered questions of a mail another mail answers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from mailrules.library import load
from mailrules.thread import RuleInput, Side
from service.cases.answering import with_replies
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.message_facts import MessageFacts
from service.cases.numbered_questions import numbered_lists
from service.cases.replies import MOST_TEXT, Asked, answers_with_place
from service.cases.turn import Course, follow

TABLES = yaml.safe_load(Path(__file__).with_name("numbered_questions.yaml").read_text(encoding="utf-8"))

AT = datetime(2031, 5, 12, tzinfo=UTC)
RULES = load()
ASKED_ONE = Asked(AT, "questions", "", ("1",), ("is it so?",))
ASKED = """Hello,

1. Which version do you run?
2. Was the antenna covered during painting?
3. Could you send the event log of the gateway in building seven, for the
   evening of the failure?
4) Is the door closed when this happens?

Best regards
Mika"""
ASKED_JA = """お世話になっております。下記ご教示ください。

①バージョンをご教示ください。
②塗装の際にアンテナは覆われていましたか。
③ゲートウェイのイベントログをご送付いただけますか。

よろしくお願いいたします。"""


def mail(number: int, side: Side, to: Side, text: str, files: Sequence[str] = ()) -> CaseMessage:
    at = AT + timedelta(hours=number)
    turn = RuleInput(
        id=str(number), side=side, author=f"{side}@x.test", text=text, subject_is_new=number == 0, is_reply=number > 0,
        date=at, towards=frozenset([to]), language="ja" if any(c > "ぁ" for c in text) else "en",
    )  # fmt: skip
    return CaseMessage(number, MessageFacts(number, at, author=turn.author, side=side), turn, at, RULES.read(turn))


INQUIRY = mail(
    0, "team", "vendor", "Hello,\nthe gateway loses its connection every evening since Monday.\nWhat can we do?"
)


def course(*lines: CaseMessage, quoted: str = "") -> Course:
    return follow(with_replies(lines, (), {2: quoted}), RULES.answers_ask)


def states(told: Course) -> dict[str, str]:
    return {ask.quote.strip("1234①②③.) ")[:9]: ask.state for ask in told.asks}


@pytest.mark.parametrize(
    ("answer", "answered", "turn"), TABLES["an_answer_with_a_number_answers_the_question_of_that_number"]
)
def test_an_answer_with_a_number_answers_the_question_of_that_number(answer: str, answered: str, turn: str) -> None:
    told = course(INQUIRY, mail(1, "vendor", "team", ASKED), mail(2, "team", "vendor", answer))
    names = dict(zip("1234", ("Which ver", "Was the a", "Could you", "Is the do"), strict=True))
    assert states(told) == {name: "answered" if n in answered else "open" for n, name in names.items()}
    assert told.waiting_on == turn


def test_a_longer_list_is_another_list_and_its_information_answers_what_says_nothing_specific() -> None:
    done = "What we did:\n1. restarted\n2. reset\n3. new cable\n4. new port\n5. new switch"
    told = course(INQUIRY, mail(1, "vendor", "team", ASKED), mail(2, "team", "vendor", done))
    assert [name for name, state in states(told).items() if state == "answered"] == ["Was the a"]


def test_answers_in_japanese_and_in_the_quoted_text_are_matched_as_well() -> None:
    asked = mail(1, "vendor", "team", ASKED_JA)
    told = course(INQUIRY, asked, mail(2, "team", "vendor", "②覆われていました。\n③添付のとおりです。"))
    assert states(told) == {
        "バージョンをご教示": "open",
        "塗装の際にアンテナ": "answered",
        "ゲートウェイのイベ": "answered",
    }
    inline = ASKED.replace("painting?", "painting?\n=> yes, it was")
    told = course(INQUIRY, mail(1, "vendor", "team", ASKED), mail(2, "team", "vendor", "See below."), quoted=inline)
    assert states(told)["Was the a"] == "answered"
    assert states(told)["Is the do"] == "open"


def test_a_question_back_answers_no_request() -> None:
    asked = mail(1, "vendor", "team", "お世話になっております。\nイベントログをご送付いただけますか。")
    told = course(INQUIRY, asked, mail(2, "team", "vendor", "ゲートウェイとはどれのことでしょうか。"))
    assert [(ask.what, ask.state) for ask in told.asks] == [("logs", "open")]


def test_only_the_beginning_of_a_long_text_is_examined() -> None:
    long = "-" * MOST_TEXT + "\n"
    assert numbered_lists(f"{long}1. is it so?\n2. or so?") == []
    assert answers_with_place(f"{long}1. yes", f"{long}1. is it so?\nyes", replace(ASKED_ONE, text=long)) == ()


def test_an_answer_by_number_fills_the_item_of_its_question() -> None:
    asked = mail(1, "vendor", "team", "1. Which version do you run?\n2. Since when does it happen?")
    lines = with_replies([INQUIRY, asked, mail(2, "team", "vendor", "1. Orchid build\n2. the flood")], (), {})
    said = {s.meaning: s.quote for s in lines[2].reading.statements if s.reader == "replies"}  # type: ignore[union-attr]
    assert said == {"item.version": "Orchid build", "item.occurred_at": "the flood"}


def test_an_item_that_the_question_does_not_name_is_not_filled() -> None:
    asked = mail(1, "vendor", "team", "1. Is the door closed when it happens?\n2. What colour is the LED?")
    lines = with_replies([INQUIRY, asked, mail(2, "team", "vendor", "1. yes\n2. green")], (), {})
    assert not [s for s in lines[2].reading.statements if s.reader == "replies"]  # type: ignore[union-attr]


def test_a_user_answers_the_numbered_questions_of_the_team() -> None:
    opening = mail(0, "requester", "team", "Hello, the scanner at the gate does not read any badge.")
    asked = mail(
        1, "team", "requester", "Hi Ken,\n1. Since when does it happen?\n2. Which version is it?\n3. Shall we wait?"
    )
    reply = mail(2, "requester", "team", "1. the flood\n2. Orchid\n3. no need")
    lines = with_replies([opening, asked, reply], (), {})
    said = {s.meaning: s.quote for s in lines[2].reading.statements if s.reader == "replies"}  # type: ignore[union-attr]
    assert said == {"item.occurred_at": "the flood", "item.version": "Orchid"}
    late = replace(reply, turn=replace(reply.turn, towards=frozenset(["requester"])))
    assert with_replies([reply, opening, asked], (), {})[0] == reply
    assert (
        with_replies([opening, asked, replace(late, turn=replace(late.turn, automatic="auto_reply"))], (), {})[
            2
        ].by_number
        == {}
    )


def test_the_lists_of_a_mail_have_their_entries_and_offsets() -> None:
    text = "Please do:\n1. open it\n2. close\nit\n\nThen tell us:\n(1) the colour\n(2) the size\n\n1. alone"
    first, second = numbered_lists(text)
    assert (first.entries, second.entries) == (("open it", "close it"), ("the colour", "the size"))
    assert [first.number_at(text.index(word)) for word in ("open", "close", "it\n\n", "Then", "colour")] == [
        1,
        2,
        2,
        None,
        None,
    ]
    numbered_lists("1. a\n2. b\n" * 100_000)


def test_the_only_open_question_stays_open_if_its_number_is_put_off() -> None:
    asked = "Hello,\n\n1. Which version do you run?\n2. Was the antenna covered during painting?\n\nMika"
    told = course(
        INQUIRY,
        mail(1, "vendor", "team", asked),
        mail(2, "team", "vendor", "1. It is version 8.2.4."),
        mail(3, "team", "vendor", "2. will follow.\nThe error message is E-77."),
    )
    assert states(told) == {"Which ver": "answered", "Was the a": "open"}
