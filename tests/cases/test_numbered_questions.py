"""Answers by number: which of the numbered questions of a mail another mail answers."""

from dataclasses import replace

import pytest

from service.cases.answering import with_replies
from service.cases.facts.case_message import CaseMessage
from service.cases.numbered_questions import numbered_lists
from service.cases.replies import MOST_TEXT, Asked, answers_with_place
from service.cases.turn import Course, follow
from tests.cases.exchanges import RULES, UTC0, written
from tests.tables import table_beside

TABLES = table_beside(__file__, "numbered_questions.yaml")
INQUIRY = "team: Hello,\nthe gateway loses its connection every evening since Monday.\nWhat can we do?"
ASKED = """vendor: Hello,

1. Which version do you run?
2. Was the antenna covered during painting?
3. Could you send the event log of the gateway in building seven, for the
   evening of the failure?
4) Is the door closed when this happens?

Best regards
Mika"""
ASKED_JA = """vendor: お世話になっております。下記ご教示ください。

①バージョンをご教示ください。
②塗装の際にアンテナは覆われていましたか。
③ゲートウェイのイベントログをご送付いただけますか。

よろしくお願いいたします。"""


def with_answers(*mails: str, quoted: str = "") -> list[CaseMessage]:
    return with_replies([written(number, mail) for number, mail in enumerate(mails)], (), {2: quoted})


def course(*mails: str, quoted: str = "") -> Course:
    return follow(with_answers(INQUIRY, *mails, quoted=quoted), RULES.answers_ask)


def answered(told: Course) -> list[str]:
    """Return the beginnings of the requests that are answered."""
    return [*dict.fromkeys(ask.quote.strip("1234①②③.) ")[:9] for ask in told.asks if ask.state == "answered")]


def filled(line: CaseMessage) -> dict[str, str]:
    """Return the items that a mail answers by number."""
    assert line.reading is not None
    return {said.meaning: said.quote for said in line.reading.statements if said.reader == "replies"}


@pytest.mark.parametrize(
    ("answer", "numbers", "turn"), TABLES["an_answer_with_a_number_answers_the_question_of_that_number"]
)
def test_an_answer_with_a_number_answers_the_question_of_that_number(answer: str, numbers: str, turn: str) -> None:
    told = course(ASKED, f"team: {answer}")
    names = dict(zip("1234", ("Which ver", "Was the a", "Could you", "Is the do"), strict=True))
    assert answered(told) == [names[number] for number in numbers]
    assert told.waiting_on == turn


def test_a_longer_list_is_another_list_and_its_information_answers_what_says_nothing_specific() -> None:
    done = "team: What we did:\n1. restarted\n2. reset\n3. new cable\n4. new port\n5. new switch"
    assert answered(course(ASKED, done)) == ["Was the a"]


def test_answers_in_japanese_and_in_the_quoted_text_are_matched_as_well() -> None:
    told = course(ASKED_JA, "team: ②覆われていました。\n③添付のとおりです。")
    assert answered(told) == ["塗装の際にアンテナ", "ゲートウェイのイベ"]
    inline = ASKED.replace("painting?", "painting?\n=> yes, it was")
    assert answered(course(ASKED, "team: See below.", quoted=inline)) == ["Was the a"]


def test_a_question_back_answers_no_request() -> None:
    asked = "vendor: お世話になっております。\nイベントログをご送付いただけますか。"
    told = course(asked, "team: ゲートウェイとはどれのことでしょうか。")
    assert [(ask.what, ask.state) for ask in told.asks] == [("logs", "open")]


def test_the_only_open_question_stays_open_if_its_number_is_put_off() -> None:
    asked = "vendor: Hello,\n\n1. Which version do you run?\n2. Was the antenna covered during painting?\n\nMika"
    later = "team: 2. will follow.\nThe error message is E-77."
    assert answered(course(asked, "team: 1. It is version 8.2.4.", later)) == ["Which ver"]


def test_only_the_beginning_of_a_long_text_is_examined() -> None:
    long, asked = "-" * MOST_TEXT + "\n", Asked(UTC0, "questions", "", ("1",), ("is it so?",))
    assert numbered_lists(f"{long}1. is it so?\n2. or so?") == []
    assert answers_with_place(f"{long}1. yes", f"{long}1. is it so?\nyes", replace(asked, text=long)) == {}
    numbered_lists("1. a\n2. b\n" * 100_000)


@pytest.mark.parametrize(
    ("mails", "items"),
    [
        ([INQUIRY, "vendor: 1. Which version do you run?\n2. Since when does it happen?",
          "team: 1. Orchid build\n2. the flood"], {"item.version": "Orchid build", "item.occurred_at": "the flood"}),
        ([INQUIRY, "vendor: 1. Is the door closed when it happens?\n2. What colour is the LED?",
          "team: 1. yes\n2. green"], {}),  # the questions name no item
        (["user: Hello, the scanner at the gate does not read any badge.",
          "reply: Hi Ken,\n1. Since when does it happen?\n2. Which version is it?\n3. Shall we wait?",
          "user: 1. the flood\n2. Orchid\n3. no need"], {"item.version": "Orchid", "item.occurred_at": "the flood"}),
    ],
)  # fmt: skip
def test_an_answer_by_number_fills_the_item_that_its_question_names(mails: list[str], items: dict[str, str]) -> None:
    assert filled(with_answers(*mails)[2]) == items
    assert filled(with_answers(mails[2], *mails[:2])[0]) == {}


def test_the_lists_of_a_mail_have_their_entries_and_offsets() -> None:
    text = "Please do:\n1. open it\n2. close\nit\n\nThen tell us:\n(1) the colour\n(2) the size\n\n1. alone"
    first, second = numbered_lists(text)
    assert (first.entries, second.entries) == (("open it", "close it"), ("the colour", "the size"))
    numbers = [first.number_at(text.index(word)) for word in ("open", "close", "it\n\n", "Then", "colour")]
    assert numbers == [1, 2, 2, None, None]
