"""DATA: what a content is, byte for byte, and what does not pass as the end of one."""

# ruff: noqa: E501 - a dialogue is one line of a table

from __future__ import annotations

import uuid

import pytest

from tests.smtp.dialogues import Dialogue, Servers, hold, line

HIDDEN = "MAIL FROM:<ceo@example.org>\\r\\nRCPT TO:<{to}>\\r\\nDATA\\r\\nSubject: smuggled\\r\\n\\r\\nx"

FALSE_ENDS = {
    "CVE-2023-51764": [r"\n.\n", r"\n.\r\n", r"\r\n.\n", r"\r\n.\r", r"\n.\r"],
    "CVE-2023-51765": [r"\r.\r", r"\r.\r\n", r"\r.\n", r"\r\r\n.\r\r\n"],
    "CVE-2023-51766": [r"\n.\r\n\n", r"\r\n\x00.\r\n\n", r"\x00\n.\r\n"],
    "CVE-2024-27305": [r"a\n.\r\nb", r"a\r\n.\nb", r"\r\n.\r\r\n"],
    "CVE-2024-27938": [r"\r.\r\n\r", r"\n.\n\n.\r\n"],
}

DIALOGUES = [
    Dialogue("RFC 5321 §4.1.1.4", "a content and its id", "DATA\n! Subject: x\\r\\n\\r\\ny\\r\\n.\\r\\n -> 250 2.0.0 accepted as ", 1),
    Dialogue("RFC 5321 §4.1.1.4", "an empty content", "DATA\n! .\\r\\n -> 250 2.0.0", 1),
    Dialogue("RFC 5321 §4.1.1.4", "DATA has no argument", "RCPT\nDATA now -> 501 5.5.4\nDATA -> 354"),
    Dialogue("RFC 5321 §4.1.1.4", "after a mail the next begins anew", "DATA\n! x\\r\\n.\\r\\n -> 250\nDATA -> 503\nMAIL FROM:<> -> 250", 1),
    Dialogue("RFC 5321 §4.1.1.4", "a line broken off is no mail", "DATA\n! Subject: half\nHALF\n-> closed", 0),
    Dialogue("RFC 5321 §4.1.1.4", "a mail without its last dot is no mail", "DATA\n! x\\r\\n\nHALF\n-> closed", 0),
    Dialogue("RFC 5321 §4.1.1.4", "a mail with its last dot is one, though nobody waits for the answer", "DATA\n! x\\r\\n.\\r\\n\nHALF\n-> 250 | closed", 1),
    Dialogue("RFC 5321 §4.1.1.4", "commands within a content are content", "DATA\n! QUIT\\r\\nRSET\\r\\n.\\r\\n -> 250\nNOOP -> 250", 1),
    Dialogue("RFC 1870 §6.3", "a content over the limit", f"DATA\n! {'x' * 98}\\r\\n\n*1000 ! {'y' * 98}\\r\\n\n! .\\r\\n -> 552 5.3.4\nNOOP -> 250", 0),
    Dialogue("RFC 1870 §5", "a content of exactly the limit", f"DATA\n*1000 ! {'y' * 98}\\r\\n\n! .\\r\\n -> 250", 1),
    Dialogue("RFC 1870 §5", "added dots do not count", f"DATA\n*1000 ! ..{'y' * 97}\\r\\n\n! .\\r\\n -> 250", 1),
    Dialogue("RFC 5321 §4.5.3.1.6", "a longer line than 1000 is taken all the same", f"DATA\n! {'z' * 5000}\\r\\n.\\r\\n -> 250", 1),
    Dialogue("RFC 5321 §2.3.8", "LF alone", "DATA\n! one\\ntwo\\r\\n.\\r\\n -> 250 2.0.0\nNOOP -> 250", 1),
    Dialogue("RFC 5321 §2.3.8", "LF alone where it is to be refused", "DATA\n! one\\ntwo\\r\\n.\\r\\n -> 550 5.6.0\nNOOP -> 250", 0, server="strict"),
    Dialogue("RFC 5321 §2.3.8", "CR alone", "DATA\n! one\\rtwo\\r\\n.\\r\\n -> 250 2.0.0\nNOOP -> 250", 1),
    Dialogue("RFC 5321 §2.3.8", "CR alone where it is to be refused", "DATA\n! one\\rtwo\\r\\n.\\r\\n -> 550 5.6.0\nNOOP -> 250", 0, server="strict"),
    Dialogue("RFC 5321 §2.3.8", "CR at the end of a line", "DATA\n! one\\r\\r\\n.\\r\\n -> 250 2.0.0\nNOOP -> 250", 1),
    Dialogue("RFC 5321 §2.3.8", "CR at the end of a line where it is to be refused", "DATA\n! one\\r\\r\\n.\\r\\n -> 550 5.6.0\nNOOP -> 250", 0, server="strict"),
    Dialogue("RFC 5321 §2.3.8", "LF alone where it was asked to be kept", "DATA\n! one\\ntwo\\rthree\\r\\n.\\r\\n -> 250", 1, server="lenient"),
    Dialogue("RFC 5321 §4.2.5", "a database that is away means not now", "DATA\n! x\\r\\n.\\r\\n -> 451 4.3.0 temporary problem, please try again later\nNOOP -> 250", server="away"),
    *(
        Dialogue(cve, f"false end {end}", f"DATA\n! Subject: x\\r\\n\\r\\ny{end}{HIDDEN}\\r\\n.\\r\\n -> 250 2.0.0\nNOOP -> 250 2.0.0", 1)
        for cve, ends in FALSE_ENDS.items()
        for end in ends
    ),
    *(
        Dialogue(cve, f"false end {end} where bare line ends are refused", f"DATA\n! y{end}{HIDDEN}\\r\\n.\\r\\n -> 550 5.6.0\nNOOP -> 250", 0, server="strict")
        for cve, ends in FALSE_ENDS.items()
        for end in ends
    ),
    *(
        Dialogue(cve, f"false end {end} where bare line ends are kept", f"DATA\n! y{end}{HIDDEN}\\r\\n.\\r\\n -> 550 5.6.0\nNOOP -> 250", 0, server="lenient")
        for cve, end in [("CVE-2023-51764", r"\n.\n"), ("CVE-2024-27305", r"\n.\r\n"), ("CVE-2023-51765", r"\r.\r"), ("CVE-2023-51765", r"\r.\n"), ("CVE-2023-51764", r"\n.\r")]
    ),
    Dialogue("CVE-2023-51766", "NUL before the dot is no end", f"DATA\n! y\\r\\n\\x00.\\r\\n{HIDDEN}\\r\\n.\\r\\n -> 250\nNOOP -> 250", 1),
]  # fmt: skip


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=str)
def test_dialogue(dialogue: Dialogue, servers: Servers) -> None:
    hold(dialogue, servers)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"..\r\n", b".\r\n"),
        (b"...\r\n..x\r\n", b"..\r\n.x\r\n"),
        (b".x\r\n", b"x\r\n"),
        (b"a.\r\n.\xff\r\n", b"a.\r\n\xff\r\n"),
        (b"\r\n\r\n", b"\r\n\r\n"),
        (b"\0\x80\xff\x1b$B\r\n", b"\0\x80\xff\x1b$B\r\n"),
        (bytes(range(32, 256)) + b"\r\n", bytes(range(32, 256)) + b"\r\n"),
    ],
)
@pytest.mark.parametrize("step", [1, 2, 5, 10_000])
def test_dots_are_taken_off_and_all_else_is_kept(sent: bytes, kept: bytes, step: int, servers: Servers) -> None:
    """RFC 5321 §4.5.2, however the network divides it."""
    server = servers["plain"]
    recipient = f"{uuid.uuid4().hex}@cases.example"
    with line(server) as sender:
        for command in ("", "EHLO c", "MAIL FROM:<>", f"RCPT TO:<{recipient}>", "DATA"):
            if command:
                sender.send(command.encode() + b"\r\n")
            assert sender.reply()[0] in "23"
        whole = sent + b".\r\n"
        for at in range(0, len(whole), step):
            sender.send(whole[at : at + step])
        assert sender.reply().startswith("250 2.0.0")
    assert server.mails(recipient) == [kept]
