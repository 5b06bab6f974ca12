"""Machines told from people: words of a machine and a header or report together, never a header alone."""

from pathlib import Path

import pytest
import yaml

from service.mail.parse import parse

MAILS = yaml.safe_load(Path(__file__).with_name("automatic.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("kind", "mail"), [pytest.param(kind, mail, id=name) for kind, its in MAILS.items() for name, mail in its.items()]
)
def test_kind_of_machine(kind: str, mail: str) -> None:
    read = parse(f"Content-Type: text/plain; charset=utf-8\n{mail}".encode())
    assert (read.automatic or "a person") == kind
    assert (read.bounce is not None) == (kind == "bounce")


def test_a_bounce_names_recipient_status_and_mail() -> None:
    mail = parse(
        b"Return-Path: <>\nFrom: MAILER-DAEMON@b.example\nTo: ken@a.example\nSubject: failure notice\n\n"
        b"could not be delivered:\n<x@c.example>: 550 5.1.1 user unknown\n\n--- Below this line is a copy\n"
        b"Message-ID: <q@a.example>\nFrom: ken@a.example\n"
    )
    assert mail.bounce is not None
    assert mail.bounce.recipients == ("x@c.example",)
    assert mail.bounce.status == "5.1.1"
    assert mail.bounce.message_id == "<q@a.example>"


def test_what_headers_say_is_kept_apart_from_what_it_is() -> None:
    mail = parse(b"From: m@v.example\nAuto-Submitted: auto-generated\nSubject: Re: disk\n\nCould you send the log?\n")
    assert mail.auto_submitted
    assert mail.automatic is None


def test_words_of_a_server_in_a_bounce_are_no_earlier_mail() -> None:
    mail = parse(
        b"Return-Path: <>\nFrom: MAILER-DAEMON@b.example\nTo: ken@a.example\nSubject: Undelivered Mail\n\n"
        b"<x@c.example>: host mx.c.example[192.0.2.7] said:\n    550 5.1.1 <x@c.example>: user unknown\n"
        b"    (in reply to RCPT TO command)\n"
    )
    assert mail.bounce is not None
    assert mail.history == ()
