"""Mails that report something: alarms, recoveries, newsletters, news of vendors (`reports.py`)."""

from typing import Any

import pytest

from mailrules.judgement import UNREAD
from mailrules.library import load
from mailrules.statement import ReaderResult
from mailrules.thread import RuleInput, Side
from tests.mailrules.mails import READER, language_of, mail, next_side
from tests.tables import table_beside

MAILS: list[dict[str, Any]] = table_beside(__file__, "reports.yaml")
THREATS: list[dict[str, Any]] = table_beside(__file__, "threats.yaml")
AUTHOR = "jo@works.example"

FOOTER = "You are receiving this newsletter because you signed up. Unsubscribe"


def read(given: dict[str, Any]) -> ReaderResult:
    return READER.read(mail(given["text"], given.get("side", "requester"), subject=given["subject"]))


@pytest.mark.parametrize("given", MAILS, ids=[f"{one['way']}: {one['subject']}" for one in MAILS])
def test_what_a_mail_reports(given: dict[str, Any]) -> None:
    assert (read(given).report or "none") == given.get("missed", given["way"])


def judged(subject: str, text: str, author: str, side: Side = "requester", above: str = "") -> tuple[str, str, bool]:
    """Judge a mail. ``above``: what a colleague who forwards it writes above it."""
    language = language_of(text)
    turns = [RuleInput("1", side, author, text, subject, language=language)]
    if above:
        turns += [RuleInput("2", "team", AUTHOR, above, f"Fwd: {subject}", False, wrapper=True, language=language)]
    judgement = load().judge(tuple(turns), [UNREAD] * len(turns))
    return judgement.kind, judgement.priority.level, judgement.priority.needs_triage


ADVERT = "Imagine all your tills are dead and nobody can pay. Book a demo today."


@pytest.mark.parametrize(
    ("subject", "text", "author", "side", "expected"),
    [
        ("Kiln 2", "Status: Failed\nPhase: firing curve", "kiln-alert@works.example", "requester",
         ("incident", "P3", True)),
        ("【検知】C2通信", "端末：UKE-PC-02\n処置：通過", "ids@works.example", "requester", ("security", "P1", False)),
        ("【復旧】窯2", "状態：正常", "kanshi@works.example", "requester", ("notice", "P4", False)),
        ("Ready?", ADVERT, "joe@restora.example", "unknown", ("notice", "P4", False)),
    ],
    ids=["alarm", "attack that goes on", "recovery", "advert about an imagined outage"],
)  # fmt: skip
def test_kind_priority_and_triage_of_a_report(
    subject: str, text: str, author: str, side: Side, expected: tuple[str, str, bool]
) -> None:
    assert judged(subject, text, author, side) == expected


def test_a_report_says_who_has_to_act_next() -> None:
    expected = {"alarm": "team", "outage": "vendor", "over": "nobody", "broadcast": "nobody"}
    assert {one["way"]: next_side(read(one)) for one in MAILS if one["way"] in expected} == expected


def test_the_reading_names_the_report() -> None:
    turn = RuleInput("1", "requester", "kiln-alert@works.example", "Status: Failed", "Kiln 2", language="en")
    assert load().read(turn).report == "alarm"


@pytest.mark.parametrize("mail", THREATS, ids=[one["subject"] for one in THREATS])
@pytest.mark.parametrize("above", ["FYI", "共有です。", "Please see below."])
def test_a_forwarded_threat_is_urgent_or_to_be_triaged(mail: dict[str, Any], above: str) -> None:
    kind, level, triage = judged(mail["subject"], mail["text"], mail["author"], mail["side"], above)
    assert kind == "security"
    assert level in ("P1", "P2") or triage


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Order system down", "The order system is down since 9. Nobody can work."),
        ("Phones dead", "All phones in the clinic are dead since this morning. Nobody can call us."),
        ("電話がつながらない", "病院の電話がすべてつながりません。"),
        (
            "Ransomware on the file server",
            f"All files on the file server are encrypted. There is a ransom note.\n{FOOTER}",
        ),
        ("Password", f"I entered my password on a strange page.\n{FOOTER}"),
    ],
)
def test_trouble_of_a_stranger_is_urgent_also_above_a_footer(subject: str, text: str) -> None:
    kind, level, _ = judged(subject, text, "c.weber@customer.example", "unknown")
    assert kind in ("incident", "security")
    assert level in ("P1", "P2")


@pytest.mark.parametrize(
    "text",
    [
        "I am out of the office. An attacker is in our file servers right now and files are being encrypted.",
        "不在にしております。現在、社内のサーバーが攻撃を受けており、ファイルが暗号化されています。",
    ],
)
@pytest.mark.parametrize(("automatic", "report"), [(None, "attack"), ("auto_reply", "")])
def test_an_automatic_reply_reports_nothing(text: str, automatic: str | None, report: str) -> None:
    assert READER.read(mail(text, automatic=automatic)).report == report
