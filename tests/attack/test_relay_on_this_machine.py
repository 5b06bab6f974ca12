"""A relay on this machine hands all mail over loopback: page and doctor say that nothing vouches for senders."""

from __future__ import annotations

from email.utils import format_datetime

import pytest

from service.terminal import doctor
from tests.running import Running, now

RECEIVED = "Received: from mx.outside.example by relay.corp.example; {date}\n"
MAIL = """{head}From: Mei <mei@corp.example>
To: intake@corp.example
Subject: The label printer
Message-ID: <relayed-{number}@corp.example>
Date: Fri, 27 Nov 2026 10:00:00 +0900

It feeds two sheets at once.
"""
WORDS = "SODAN_AUTHSERV_ID"


def relayed(number: int) -> str:
    return MAIL.format(head=RECEIVED.format(date=format_datetime(now())), number=number)


def shown(service: Running) -> bool:
    page = service.client.get("/", headers={"Accept-Language": "en"})
    assert page.status_code == 200
    return WORDS in page.text


def test_mail_of_programs_on_this_machine_needs_no_hint(embedded: Running) -> None:
    embedded.deliver(MAIL.format(head="", number=1))
    assert not shown(embedded)
    assert [fine for fine, _ in doctor._verdicts(embedded.settings, embedded.database)] == [True]


def test_relayed_mail_of_our_own_people_is_told_on_the_page_and_by_the_doctor(embedded: Running) -> None:
    embedded.deliver(relayed(2))
    assert shown(embedded)
    [(fine, words)] = doctor._verdicts(embedded.settings, embedded.database)
    assert not fine
    assert WORDS in words


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_hint_names_what_to_set(embedded: Running, language: str) -> None:
    embedded.deliver(relayed(3))
    assert WORDS in embedded.client.get("/", headers={"Accept-Language": language}).text
