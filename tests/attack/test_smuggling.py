"""SMTP smuggling (CVE-2023-51764, -51765, -51766): whatever stands around a dot, one DATA is one mail."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.smtp.content import Content
from service.smtp.limits import BareNewlines
from service.store import contents, spool_view
from service.store.database import Database
from tests.smtp.conversation import Client, acceptor, set_up

ENDS = ("\r\n", "\n", "\r", "\r\r\n", "\n\r", "\r\n\x00", "\x00\r\n", "\r\n\r")
FALSE_ENDS = [before + "." + after for before, after in itertools.product(ENDS, ENDS) if before + after != "\r\n\r\n"]
HIDDEN = b"MAIL FROM:<ceo@example.org>\r\nRCPT TO:<help@intake.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"


def ends_early(false_end: str) -> bool:
    """Whether the true end is in it."""
    return "\r\n.\r\n" in false_end


HARMLESS = [end for end in FALSE_ENDS if not ends_early(end)]


@pytest.mark.parametrize("false_end", HARMLESS, ids=ascii)
@pytest.mark.parametrize("mode", ["normalise", "refuse", "keep"])
def test_only_the_true_end_ends_a_content(tmp_path: Path, false_end: str, mode: BareNewlines) -> None:
    sent = b"Subject: x\r\n\r\ny" + false_end.encode() + HIDDEN + b"\r\n.\r\n"
    for step in (1, 5, len(sent)):
        incoming = Content(100_000, tmp_path)
        rests = [incoming.feed(sent[at : at + step]) for at in range(0, len(sent), step)]
        assert [rest for rest in rests if rest is not None] == [b""]
        bad = incoming.has_forbidden_newline(mode)
        read = incoming.read(mode)
        incoming.discard()
        if mode == "normalise":
            assert not bad
            assert read.count(b"\r\n") == read.count(b"\r") == read.count(b"\n")
        elif mode == "refuse":
            plain = false_end.replace("\r\n", "")
            assert bad == ("\r" in plain or "\n" in plain)
        assert b"DATA" in read


@pytest.fixture(scope="module")
def sent_by_default(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[tuple[Database, list[str], list[str]]]:
    """All of them over one socket to an acceptor with its defaults: database, replies to DATA, replies to NOOP."""
    path = tmp_path_factory.mktemp("smuggling") / "sodan.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    replies, after = [], []
    with acceptor(set_up(str(database.url))) as address, Client(address) as client:
        for number, false_end in enumerate(HARMLESS):
            replies.append(client.mail(b"Subject: %d\r\n\r\ny" % number + false_end.encode() + HIDDEN))
            after.append(client.say("NOOP"))
    yield database, replies, after
    database.close()


def test_each_is_one_mail_and_the_conversation_goes_on(
    sent_by_default: tuple[Database, list[str], list[str]],
) -> None:
    database, replies, after = sent_by_default
    assert {reply[:9] for reply in replies} == {"250 2.0.0"}
    assert {reply[:9] for reply in after} == {"250 2.0.0"}
    assert database.read(spool_view.ledger).accepted == len(HARMLESS)


def test_no_hidden_envelope_was_used(sent_by_default: tuple[Database, list[str], list[str]]) -> None:
    database, _, _ = sent_by_default
    rows = database.read(lambda conn: spool_view.listing(conn, limit=1000))
    assert {row["mail_from"] for row in rows} == {"user@example.org"}


def test_what_is_kept_has_no_line_end_but_crlf(sent_by_default: tuple[Database, list[str], list[str]]) -> None:
    database, _, _ = sent_by_default
    for one in contents.each(database):
        mail = one.content(None)
        assert mail.count(b"\r\n") == mail.count(b"\r") == mail.count(b"\n")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"Subject: x\n\none\ntwo\n", b"Subject: x\r\n\r\none\r\ntwo\r\n\r\n"),
        (b"Subject: x\r\n\r\none\rtwo", b"Subject: x\r\n\r\none\r\ntwo\r\n"),
        (b"Subject: x\r\n\r\none\r\r\ntwo", b"Subject: x\r\n\r\none\r\n\r\ntwo\r\n"),
        (b"Subject: x\r\n\r\n..dot\n.lone\n", b"Subject: x\r\n\r\n.dot\r\n.lone\r\n\r\n"),
        (b"\r\n\xff\x00\r\n", b"\r\n\xff\x00\r\n\r\n"),
    ],
    ids=["lf", "cr", "crcrlf", "dots", "bytes"],
)
def test_programs_that_send_bare_line_ends_are_heard(sqlite: Database, sent: bytes, kept: bytes) -> None:
    with acceptor(set_up(str(sqlite.url))) as address, Client(address) as client:
        assert client.mail(sent).startswith("250 2.0.0")
    [one] = contents.each(sqlite)
    assert one.content(None) == kept
