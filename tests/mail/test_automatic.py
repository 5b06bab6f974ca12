"""A mail is automatic if its wording or a report shows it, and never because of a header alone."""

import pytest

from service.mail.message import Bounce
from service.mail.parse import parse
from tests.tables import table_beside

MAILS = table_beside(__file__, "automatic.yaml")


@pytest.mark.parametrize(
    ("kind", "mail"), [pytest.param(kind, mail, id=name) for kind, its in MAILS.items() for name, mail in its.items()]
)
def test_the_kind_of_an_automatic_mail(kind: str, mail: str) -> None:
    read = parse(f"Content-Type: text/plain; charset=utf-8\n{mail}".encode())
    assert (read.automatic or "a person") == kind
    assert (read.bounce is not None) == (kind == "bounce")


def test_a_bounce_states_recipient_status_and_message_id_and_has_no_history() -> None:
    mail = parse(
        b"Return-Path: <>\nFrom: MAILER-DAEMON@b.example\nTo: ken@a.example\nSubject: Undelivered Mail\n\n"
        b"<x@c.example>: host mx.c.example[192.0.2.7] said:\n    550 5.1.1 <x@c.example>: user unknown\n"
        b"    (in reply to RCPT TO command)\n\n--- Below this line is a copy\n"
        b"Message-ID: <q@a.example>\nFrom: ken@a.example\n"
    )
    assert mail.bounce == Bounce(("x@c.example",), "5.1.1", "<q@a.example>")
    assert mail.history == ()


@pytest.mark.parametrize(
    ("actions", "status"),
    [
        ([("delayed", "Status: 4.4.1")], "4.4.1"),
        ([("delayed", "Status: 5.0.0")], "4.0.0"),
        ([("delayed", "Status: 4.4.1"), ("failed", "Status: 5.1.1")], "5.1.1"),
        ([("delivered", "Status: 2.0.0"), ("failed", "Status: 5.2.2")], "5.2.2"),
        ([("failed", "Diagnostic-Code: smtp; 550 5.7.1 no")], None),
    ],
)
def test_a_delayed_mail_is_not_reported_as_failed(actions: list[tuple[str, str]], status: str | None) -> None:
    blocks = "\n\n".join(
        f"Final-Recipient: rfc822; p{n}@c.example\nAction: {action}\n{more}" for n, (action, more) in enumerate(actions)
    )
    mail = parse(
        b"From: MAILER-DAEMON@b.example\nTo: ken@a.example\nSubject: Delivery report\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n\nSee below.\n--b\n'
        b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; b.example\n\n" + blocks.encode() + b"\n--b--\n"
    )
    assert mail.bounce is not None
    assert mail.bounce.status == status


def test_the_original_message_id_of_the_first_recipient_counts() -> None:
    mail = parse(
        b"From: MAILER-DAEMON@b.example\nTo: ken@a.example\nSubject: Delivery report\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n\nSee below.\n--b\n'
        b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; b.example\n"
        b"\nFinal-Recipient: rfc822; x@c.example\nAction: failed\nX-Original-Message-ID: first@a.example\n"
        b"\nFinal-Recipient: rfc822; y@c.example\nAction: failed\nX-Original-Message-ID: <second@a.example>\n--b--\n"
    )
    assert mail.bounce == Bounce(("x@c.example", "y@c.example"), None, "<first@a.example>")


def test_a_comment_of_a_person_may_be_auto_submitted() -> None:
    mail = parse(b"From: m@v.example\nAuto-Submitted: auto-generated\nSubject: Re: disk\n\nCould you send the log?\n")
    assert mail.auto_submitted
    assert mail.automatic is None
