"""Acknowledgements: one per case, in the language of the report, with questions. Templates of the installation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.app import run_api
from service.cases.facts import tokens
from service.errors import Refused
from service.outbound.setup import after_judging, outbound_of
from service.store.database import Database
from tests.outbound.desk import KEY, Desk, Smarthost, desk_with, report
from tests.tables import table_beside

WRONG_TEMPLATES = table_beside(__file__, "wrong_templates.yaml")


def test_an_acknowledgement_has_case_key_questions_and_headers(desk: Desk) -> None:
    desk.deliver(report())
    assert desk.send() == 1
    [got] = desk.host.received
    assert got.rcpt_to == ["aiko@corp.example"]
    assert got.mail["To"] == "aiko@corp.example"
    assert got.mail["Subject"] == "Re: Outlook [SD-1]"
    assert (got.mail["In-Reply-To"], got.mail["References"]) == ("<r1@corp.example>", "<r1@corp.example>")
    assert got.mail["Auto-Submitted"] == "auto-replied"
    assert got.mail["X-Auto-Response-Suppress"] == "All"
    assert got.mail["X-Sodan-Loop"] == "sodan.corp.example"
    assert tokens.case_of_message_id(got.mail["Message-ID"], KEY) == 1
    assert tokens.case_of_address(got.reply_to, KEY) == 1
    assert tokens.case_of_address(got.mail_from, KEY) == 1
    text = got.text
    assert "SD-1" in text
    assert "Hello Aiko Tanaka" in text
    [entry] = desk.entries("sent")
    assert 1 <= len(entry["items"]) <= 5
    assert "1. " in text
    assert f"{len(entry['items']) + 1}. " not in text
    html = got.mail.get_body(("html",))
    assert html is not None
    assert 'lang="en"' in html.get_content()


def test_long_message_ids_are_not_encoded(desk: Desk) -> None:
    first = f"<{'0' * 120}@{'a' * 60}.example>"
    outlook = "<TY0PR01MB6789A1B2C3D4E5F60718293A4B5C6D7E8F9@TY0PR01MB6789.apcprd01.prod.exchangelabs.com>"
    mail = report(headers=f"References: {first} <ü@corp.example>\n").replace("<r1@corp.example>", outlook)
    got = desk.acknowledged(mail)
    assert got.raw_header("In-Reply-To").split() == [outlook]
    assert got.raw_header("References").split() == [first, outlook]


def test_a_japanese_report_gets_a_japanese_acknowledgement(desk: Desk) -> None:
    desk.deliver(report(subject="プリンタ", body="3階のプリンタから紙が出てきません。昨日の夕方からです。"))
    desk.send()
    assert "お問い合わせを受け付けました" in desk.host.received[0].text
    assert desk.entries()[0]["language"] == "ja"


def test_a_case_gets_one_acknowledgement(desk: Desk) -> None:
    desk.deliver(report())
    desk.deliver(report(2, subject="Re: Outlook", headers="In-Reply-To: <r1@corp.example>\n", body="Any news?"))
    desk.deliver(report())
    desk.send()
    assert len(desk.host.received) == 1


@pytest.mark.parametrize("given", [{"acknowledge": "off"}, {"acknowledge": "draft"}])
def test_nothing_is_sent_unless_acknowledge_is_on(desk: Desk, given: dict[str, Any]) -> None:
    desk.configure(**given)
    desk.deliver(report())
    assert desk.send() == 0
    assert desk.host.received == []
    assert [one["state"] for one in desk.entries()] == (["draft"] if given["acknowledge"] == "draft" else [])


@pytest.mark.parametrize(("name", "content"), WRONG_TEMPLATES)
def test_the_error_for_a_wrong_template_at_the_start_names_the_file(
    sqlite: Database, host: Smarthost, tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    desk = desk_with(sqlite, host, templates=str(tmp_path), http_listen="0.0.0.0:0")
    starts: tuple[Callable[[], object], ...] = (
        lambda: after_judging(desk.settings, desk.context),
        lambda: run_api(desk.settings, sqlite, lambda: desk.now),
    )
    for start in starts:
        with pytest.raises(Refused, match=f"^SODAN_TEMPLATES: {name}: [^\n]+$"):
            start()


def test_acknowledge_on_needs_a_smart_host(desk: Desk) -> None:
    desk.configure(smarthost="")
    with pytest.raises(Refused, match="SODAN_ACKNOWLEDGE=on also needs SODAN_SMARTHOST and SODAN_FROM"):
        outbound_of(desk.settings, KEY)


def test_the_subject_of_a_report_cannot_add_a_header(desk: Desk) -> None:
    got = desk.acknowledged(report(subject="=?utf-8?q?Outlook=0D=0ABcc:_victim@corp.example?="))
    assert got.mail["Bcc"] is None
    assert got.rcpt_to == ["aiko@corp.example"]
