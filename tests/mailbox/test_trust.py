"""The verdict of a provider about a sender is trusted only for mail of its mailbox."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from sqlalchemy import select

from service.cases.facts.sender import Verdicts
from service.intake import AppContext, receive
from service.mailbox.fetcher import envelope
from service.mailbox.settings import Mailbox
from service.mailbox.source import now
from service.store.database import Database
from service.store.tables import messages
from tests.running import take_in

MAIL = (
    b"Return-Path: <aiko@corp.example>\r\n%sReceived: from a by b; Fri, 27 Nov 2026 10:00:00 +0900\r\n"
    b"From: Aiko <aiko@corp.example>\r\nTo: support@corp.example\r\nSubject: VPN\r\n"
    b"Message-ID: <1@corp.example>\r\n\r\nIt does not connect since this morning.\r\n"
)
PASS = b"Authentication-Results: %s; dmarc=pass header.from=corp.example\r\n"
GRAPH = {"tenant": "t", "client_id": "c", "client_secret": {"env": "X"}}
IMAP = {"host": "imap.example", "user": "u", "password": {"env": "X"}}


def a_mailbox(**given: object) -> Mailbox:
    return Mailbox.model_validate({"name": "support", "address": "support@corp.example", "since": "all", **given})


def unverified(database: Database, context: AppContext, mailbox: Mailbox, content: bytes) -> bool:
    receive(database, [(envelope(mailbox, content), content)], now())
    take_in(database, context)
    defects = database.read(lambda conn: conn.execute(select(messages.c.defects)).scalar_one())
    return "sender-unverified" in defects


@pytest.fixture
def behind_a_gateway(context: AppContext) -> AppContext:
    """An installation that trusts verdicts of its own server for mail by SMTP."""
    verdicts = Verdicts("mx.corp.example", (ip_network("192.0.2.0/24"),))
    return replace(context, ingest=replace(context.ingest, verdicts=verdicts))


@pytest.mark.parametrize(
    ("mailbox", "header", "verified"),
    [
        (a_mailbox(imap=IMAP, authserv="mx.google.com"), PASS % b"mx.google.com", True),
        (a_mailbox(imap=IMAP, authserv="mx.google.com"), PASS % b"mx.corp.example", False),
        (a_mailbox(imap=IMAP, authserv="mx.google.com"), b"", False),
        (a_mailbox(imap=IMAP), PASS % b"mx.google.com", False),
        (a_mailbox(imap=IMAP), PASS % b"mx.corp.example", False),
        (a_mailbox(graph=GRAPH), b"Authentication-Results: spf=pass; dmarc=pass header.from=corp.example\r\n", True),
        (a_mailbox(graph=GRAPH), PASS % b"mx.corp.example", False),
    ],
)
def test_only_the_verdict_of_the_configured_server_is_trusted(
    mailbox: Mailbox, header: bytes, verified: bool, behind_a_gateway: AppContext, sqlite: Database, tmp_path: Path
) -> None:
    assert unverified(sqlite, behind_a_gateway, mailbox, MAIL % header) is not verified
