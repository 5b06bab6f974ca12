"""MAIL and RCPT: addresses, parameters, who is taken in."""

# ruff: noqa: E501 - a dialogue is one line of a table

from __future__ import annotations

import pytest

from tests.smtp.dialogues import Dialogue, Servers, hold


def _mail(about: str, name: str, arguments: str, reply: str) -> Dialogue:
    return Dialogue(about, name, f"HELLO\nMAIL {arguments} -> {reply}")


def _rcpt(about: str, name: str, arguments: str, reply: str) -> Dialogue:
    return Dialogue(about, name, f"MAIL\nRCPT {arguments} -> {reply}")


LONG_LOCAL = "bounces+" + "0123456789abcdef" * 6
DIALOGUES = [
    # ── paths ──
    _mail("RFC 5321 §4.1.1.2", "a mailbox in brackets", "FROM:<user@example.org>", "250 2.1.0"),
    _mail("RFC 5321 §4.5.5", "the null path of a bounce", "FROM:<>", "250 2.1.0"),
    _mail("RFC 5321 §3.3", "a space behind the colon is tolerated", "FROM: <user@example.org>", "250 2.1.0"),
    _mail("RFC 5321 §4.1.1.2", "no colon, no path", "FROM <user@example.org>", "501 5.5.4"),
    _mail("RFC 5321 §4.1.1.2", "nothing at all", "", "501 5.5.4"),
    _mail("RFC 5321 §4.1.1.2", "no path behind the colon", "FROM:", "501 5.5.4"),
    _mail("RFC 5321 §4.1.1.2", "TO in place of FROM", "TO:<user@example.org>", "501 5.5.4"),
    _mail("RFC 5321 §4.1.2", "no brackets", "FROM:user@example.org", "501 5.5.4"),
    _mail("RFC 5321 §4.1.2", "one bracket", "FROM:<user@example.org", "553 5.1.7"),
    _mail("RFC 5321 §4.1.2", "words behind the path without a space", "FROM:<user@example.org>SIZE=1", "553 5.1.7"),
    _mail("RFC 5321 §4.1.2", "a name before the path", "FROM:User <user@example.org>", "501 5.5.4"),
    _mail("RFC 5321 §4.1.2", "a sender without domain", "FROM:<root>", "553 5.1.7"),
    _mail("RFC 5321 §4.1.2", "an empty local part", "FROM:<@example.org>", "553 5.1.7"),
    _mail("RFC 5321 §4.1.2", "an empty domain", "FROM:<user@>", "553 5.1.7"),
    _mail("RFC 5321 §4.1.2", "two dots in a row", "FROM:<us..er@example.org>", "553 5.1.7"),
    _mail("RFC 5321 §4.1.2", "a dot at the end", "FROM:<user.@example.org>", "553 5.1.7"),
    _mail("RFC 5321 §4.1.2", "two at-signs", "FROM:<a@b@example.org>", "553 5.1.7"),
    _mail("RFC 5321 §4.1.2", "a space inside", "FROM:<us er@example.org>", "553 5.1.7"),
    _mail("RFC 5321 §4.1.2", "a comment, which RFC 5322 would allow", "FROM:<user(x)@example.org>", "553 5.1.7"),
    _mail("RFC 5321 §4.1.2", "a domain label that begins with a hyphen", "FROM:<user@-example.org>", "553 5.1.7"),
    _mail("RFC 5321 §4.1.2", "a domain that ends in a dot", "FROM:<user@example.org.>", "553 5.1.7"),
    _mail("RFC 5321 §4.1.2", "a quoted local part", 'FROM:<"us er"@example.org>', "250 2.1.0"),
    _mail("RFC 5321 §4.1.2", "a quoted at-sign", 'FROM:<"a@b"@example.org>', "250 2.1.0"),
    _mail("RFC 5321 §4.1.2", "a quoted pair", 'FROM:<"a\\\\"b"@example.org>', "250 2.1.0"),
    _mail("RFC 5321 §4.1.2", "a quote left open", 'FROM:<"user@example.org>', "553 5.1.7"),
    _mail("RFC 5321 §4.1.3", "an IPv4 literal", "FROM:<user@[192.0.2.1]>", "250 2.1.0"),
    _mail("RFC 5321 §4.1.3", "an IPv6 literal", "FROM:<user@[IPv6:2001:db8::1]>", "250 2.1.0"),
    _mail("RFC 5321 §4.1.3", "no such IPv4 literal", "FROM:<user@[192.0.2.256]>", "553 5.1.7"),
    _mail("RFC 5321 §4.1.3", "no such IPv6 literal", "FROM:<user@[IPv6:2001:db8:::1]>", "553 5.1.7"),
    _mail("RFC 5321 §C", "a source route is ignored", "FROM:<@relay.example,@b.example:user@example.org>", "250 2.1.0"),
    _mail("RFC 5321 §4.5.3.1.1", "signed bounce addresses are longer than 64", f"FROM:<{LONG_LOCAL}@example.org>", "250"),
    _mail("RFC 5321 §4.5.3.1.3", "a path of 256 bytes", f"FROM:<{'x' * 242}@example.org>", "250 2.1.0"),
    _mail("RFC 5321 §4.5.3.1.3", "a path of 257 bytes", f"FROM:<{'x' * 243}@example.org>", "553 5.1.7"),
    # ── parameters ──
    _mail("RFC 1870 §6.1", "SIZE within the limit", "FROM:<a@example.org> SIZE=100000", "250 2.1.0"),
    _mail("RFC 1870 §6.1", "SIZE over the limit", "FROM:<a@example.org> SIZE=100001", "552 5.3.4"),
    _mail("RFC 1870 §3", "SIZE of twenty digits", f"FROM:<a@example.org> SIZE={'9' * 20}", "552 5.3.4"),
    _mail("RFC 1870 §3", "SIZE of twenty-one digits", f"FROM:<a@example.org> SIZE={'9' * 21}", "501 5.5.4"),
    _mail("RFC 1870 §3", "SIZE that is no number", "FROM:<a@example.org> SIZE=-1", "501 5.5.4"),
    _mail("RFC 1870 §3", "SIZE without value", "FROM:<a@example.org> SIZE", "501 5.5.4"),
    _mail("RFC 5321 §4.1.1.11", "SIZE twice", "FROM:<a@example.org> SIZE=1 SIZE=2", "501 5.5.4"),
    _mail("RFC 5321 §4.1.1.11", "keywords have no case", "FROM:<a@example.org> size=1 body=8bitmime", "250 2.1.0"),
    _mail("RFC 5321 §4.1.1.11", "an unknown parameter", "FROM:<a@example.org> COLOUR=RED", "555 5.5.4"),
    _mail("RFC 5321 §4.1.1.11", "a malformed parameter", "FROM:<a@example.org> =RED", "501 5.5.4"),
    _mail("RFC 5321 §4.1.1.11", "an empty value", "FROM:<a@example.org> BODY=", "501 5.5.4"),
    _mail("RFC 6152 §2", "BODY=7BIT", "FROM:<a@example.org> BODY=7BIT", "250 2.1.0"),
    _mail("RFC 6152 §2", "BODY=8BITMIME", "FROM:<a@example.org> BODY=8BITMIME", "250 2.1.0"),
    _mail("RFC 3030 §3", "BINARYMIME was not offered", "FROM:<a@example.org> BODY=BINARYMIME", "501 5.5.4"),
    _mail("RFC 3461 §4", "DSN was not offered", "FROM:<a@example.org> RET=HDRS ENVID=x", "555 5.5.4"),
    _mail("RFC 4954 §5", "AUTH= was not offered", "FROM:<a@example.org> AUTH=<>", "555 5.5.4"),
    _mail("RFC 6531 §3.4", "an address in UTF-8", "FROM:<\\xe7\\x94\\xa8@example.org> SMTPUTF8", "250 2.1.0"),
    _mail("RFC 6531 §3.3", "a domain in UTF-8", "FROM:<a@\\xe4\\xbe\\x8b.example> SMTPUTF8", "250 2.1.0"),
    _mail("RFC 6531 §3.5", "an address in UTF-8 unannounced", "FROM:<\\xe7\\x94\\xa8@example.org>", "553 5.6.7"),
    _mail("RFC 6531 §3.3", "an address in Latin-1", "FROM:<\\xfc@example.org> SMTPUTF8", "501 5.5.2"),
    _mail("RFC 6531 §3.4", "SMTPUTF8 with a value", "FROM:<a@example.org> SMTPUTF8=1", "501 5.5.4"),
    Dialogue("RFC 5321 §4.1.1.1", "HELO brings no parameters", "HELO c -> 250\nMAIL FROM:<a@example.org> SIZE=1 -> 501 5.5.4"),
    # ── recipients ──
    _rcpt("RFC 5321 §4.1.1.3", "an intake address", "TO:<help@intake.example>", "250 2.1.5"),
    _rcpt("RFC 5321 §2.4", "domains have no case", "TO:<help@INTAKE.example>", "250 2.1.5"),
    _rcpt("RFC 5233 §1", "a detail behind a plus", "TO:<help+sd-12@intake.example>", "250 2.1.5"),
    _rcpt("RFC 5321 §3.6", "we relay for nobody", "TO:<user@elsewhere.example>", "550 5.1.1"),
    _rcpt("RFC 5321 §3.6", "not by a percent sign", "TO:<user%elsewhere.example@intake.example>", "550 5.1.1"),
    _rcpt("RFC 5321 §3.6", "not by a bang path", "TO:<elsewhere.example!user@intake.example>", "550 5.1.1"),
    _rcpt("RFC 5321 §C", "not by a source route", "TO:<@intake.example:user@elsewhere.example>", "550 5.1.1"),
    _rcpt("RFC 5321 §3.6", "not by a quoted at-sign", 'TO:<"user@elsewhere.example"@intake.example>', "550 5.1.1"),
    _rcpt("RFC 5321 §4.1.1.3", "no null recipient", "TO:<>", "553 5.1.3"),
    _rcpt("RFC 5321 §4.1.2", "no brackets around a recipient", "TO:help@intake.example", "501 5.5.4"),
    _rcpt("RFC 5321 §4.5.1", "postmaster needs no domain", "TO:<postmaster>", "250 2.1.5"),
    _rcpt("RFC 5321 §4.1.1.3", "a recipient without domain is none of ours", "TO:<user>", "550 5.1.1"),
    _rcpt("RFC 3461 §4.1", "NOTIFY was not offered", "TO:<help@intake.example> NOTIFY=NEVER", "555 5.5.4"),
    _rcpt("RFC 6531 §3.5", "a recipient in UTF-8 unannounced", "TO:<\\xe7\\x94\\xa8@cases.example>", "553 5.6.7"),
    Dialogue(
        "RFC 6531 §3.4",
        "a recipient in UTF-8",
        "HELLO\nMAIL FROM:<a@example.org> SMTPUTF8 -> 250\nRCPT TO:<\\xe7\\x94\\xa8@cases.example> -> 250 2.1.5",
    ),
    Dialogue(
        "RFC 5321 §4.5.3.1.10",
        "recipients beyond the limit may come in another mail, the rest is delivered",
        "RCPT\n*4 RCPT TO:<x@cases.example> -> 250\n*30 RCPT TO:<x@cases.example> -> 452 4.5.3\nDATA -> 354\n"
        "! x\\r\\n.\\r\\n -> 250 2.0.0",
        1,
    ),
    Dialogue(
        "RFC 5321 §3.3",
        "one refused recipient does not spoil the others",
        "RCPT\nRCPT TO:<no@elsewhere.example> -> 550\nDATA -> 354\n! x\\r\\n.\\r\\n -> 250 2.0.0",
        1,
    ),
]  # fmt: skip


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=str)
def test_dialogue(dialogue: Dialogue, servers: Servers) -> None:
    hold(dialogue, servers)
