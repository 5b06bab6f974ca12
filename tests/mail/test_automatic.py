"""Machines told from people: words of a machine and a header or report together, never a header alone."""

from __future__ import annotations

import pytest

from service.mail.parse import parse

CASES: dict[str, tuple[str, str, str | None]] = {
    "a person": ("From: Ken <ken@a.example>\nSubject: printer", "The printer is broken.", None),
    "a person who forwards a bounce": (
        "From: Ken <ken@a.example>\nSubject: Fw: Undelivered Mail Returned to Sender",
        "What does this mean?\n\n-----Original Message-----\nFrom: MAILER-DAEMON@b.example\nSent: Monday\n"
        "To: ken@a.example\nSubject: Undelivered Mail Returned to Sender\n\nuser unknown",
        None,
    ),
    "a person who forwards an acknowledgement without a word": (
        "From: Ken <ken@a.example>\nSubject: Fw: 【自動返信】受付",
        "-----Original Message-----\nFrom: support@v.example\nSent: Monday, November 9, 2026 10:00\n"
        "To: ken@a.example\nSubject: 【自動返信】受付\n\nお問い合わせを受け付けました。\n※このメールは自動送信です。",
        None,
    ),
    "a person who answers a maintenance notice": (
        "From: Ken <ken@a.example>\nSubject: Re: Scheduled maintenance\nIn-Reply-To: <1@b.example>",
        "Which servers are affected?\n\n> This is an automated message.",
        None,
    ),
    "a person on a mailing list": (
        "From: Ken <ken@a.example>\nSubject: [list] upgrade\nPrecedence: list\nList-Id: <l.example>\n"
        "List-Post: <mailto:l@a.example>\nList-Unsubscribe: <mailto:u@a.example>",
        "Has anyone upgraded yet?",
        None,
    ),
    "a person's comment sent on by a ticket system": (
        "From: Maria (Support) <noreply@v.example>\nSubject: Re: [#12] disk\nIn-Reply-To: <1@a.example>\n"
        "Auto-Submitted: auto-generated",
        "Hi Ken, please run the diagnostic and send me the output.",
        None,
    ),
    "a person on holiday next week": (
        "From: Ken <ken@a.example>\nSubject: handover",
        "I am out of the office next week, Mari takes over.",
        None,
    ),
    "an absence note without any header": (
        "From: Ken <ken@a.example>\nSubject: Out of office: disk",
        "Back on Monday.",
        "auto_reply",
    ),
    "an absence note in Japanese": (
        "From: 伊藤 <ito@a.example>\nSubject: 不在連絡\nAuto-Submitted: auto-replied",
        "本日は休暇をいただいております。",
        "auto_reply",
    ),
    "an acknowledgement in English": (
        "From: Support <noreply@v.example>\nSubject: Case 12 created\nAuto-Submitted: auto-generated",
        "Thank you for contacting us. Your case 12 has been created.",
        "auto_reply",
    ),
    "an acknowledgement in Japanese": (
        "From: サポート <support@v.example>\nSubject: 【受付完了】お問い合わせ",
        "お問い合わせを受け付けました。\n※このメールは自動送信です。",
        "auto_reply",
    ),
    "a failure notice of a cloud": (
        "From: status@v.example\nSubject: 【障害発生】ストレージ\nPrecedence: bulk",
        "ストレージで障害が発生しています。",
        "notification",
    ),
    "a newsletter": (
        "From: News <news@v.example>\nSubject: November newsletter\nPrecedence: bulk\n"
        "List-Unsubscribe: <https://v.example/u>",
        "What is new this month.",
        "notification",
    ),
    "a planned read-only hour": (
        "From: Trust <noreply@v.example>\nSubject: [Planned] Directory on 6 December\nAuto-Submitted: auto-generated",
        "Your directory will be in read-only mode from 02:00. You do not have to do anything.",
        "notification",
    ),
    "a comment that a desk hands on": (
        "From: Support <support@v.example>\nSubject: CS881 - Comments added\nAuto-Submitted: auto-generated",
        "Comments added by Lindiwe on 2026-11-25:\n\nThe developers of the notification engine have it now.",
        None,
    ),
    "an answer that lies in a portal": (
        "From: Portal <noreply@v.example>\nSubject: 【ご連絡】お問い合わせ 12\nAuto-Submitted: auto-generated",
        "回答が掲載されました。\n内容はサポートサイトにログインしてご確認ください。",
        "notification",
    ),
    "a reply that lies in a portal": (
        "From: Support <noreply@v.example>\nSubject: REQ-12 sync stops\nAuto-Submitted: auto-generated",
        "REQ-12 has a new response.\nView the response in your support portal.",
        "notification",
    ),
    "a person's comment with a way to the portal": (
        "From: Support <noreply@v.example>\nSubject: REQ-12 sync stops\nAuto-Submitted: auto-generated",
        "Hi Ken, please send me the output.\n\nView the request in the portal.",
        None,
    ),
    "a person who asks about a read-only mode": (
        "From: Ken <ken@a.example>\nSubject: read-only mode",
        "The directory is in read-only mode, why?",
        None,
    ),
    "a bounce by its words": (
        "Return-Path: <>\nFrom: MAILER-DAEMON@b.example\nSubject: failure notice",
        "I wasn't able to deliver your message.\n<x@c.example>:\n550 5.1.1 user unknown",
        "bounce",
    ),
    "a delay": (
        "Return-Path: <>\nFrom: Mail Delivery System <mailer-daemon@b.example>\nSubject: Warning: message delayed",
        "Your message has not yet been delivered to x@c.example. We will keep trying.",
        "bounce",
    ),
}


@pytest.mark.parametrize(("head", "body", "kind"), CASES.values(), ids=CASES.keys())
def test_kind_of_machine(head: str, body: str, kind: str | None) -> None:
    mail = parse(f"{head}\nContent-Type: text/plain; charset=utf-8\n\n{body}\n".encode())
    assert mail.automatic == kind
    assert (mail.bounce is not None) == (kind == "bounce")


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
