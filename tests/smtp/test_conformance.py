"""The dialogues of ``conformance/``: what RFCs ask of a server, and what attacks tried."""

import re
import uuid
from pathlib import Path

import pytest

from tests.smtp.dialogues import Dialogue, Servers, hold, read

FILES = sorted((Path(__file__).parent / "conformance").glob("*.txt"))
DIALOGUES = [dialogue for file in FILES for dialogue in read(file)]


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=str)
def test_dialogue(dialogue: Dialogue, servers: Servers) -> None:
    hold(dialogue, servers)


def test_every_dialogue_names_what_it_is_about() -> None:
    assert len(DIALOGUES) >= 250
    assert len({(dialogue.about, dialogue.name) for dialogue in DIALOGUES}) == len(DIALOGUES)
    for dialogue in DIALOGUES:
        assert re.fullmatch(r"RFC [0-9]{4} §[0-9A-F](\.[0-9]{1,2})*|CVE-[0-9]{4}-[0-9]{4,}", dialogue.about), dialogue


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
        (b"", b""),
        (b"one\ntwo\n\r\n", b"one\r\ntwo\r\n\r\n"),
        (b"one\rtwo\r\n", b"one\r\ntwo\r\n"),
        (b"one\r\r\ntwo\r\n", b"one\r\n\r\ntwo\r\n"),
        (b"..dot\n.lone\n\r\n", b".dot\r\n.lone\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("step", [1, 2, 5, 10_000])
def test_a_content_is_kept_without_added_dots_and_with_crlf(
    sent: bytes, kept: bytes, step: int, servers: Servers
) -> None:
    """RFC 5321 §4.5.2, however the network divides it."""
    server = servers["plain"]
    recipient = f"{uuid.uuid4().hex}@cases.example"
    with server.greeted() as sender:
        sender.begin(recipient)
        sender.say("DATA")
        whole = sent + b".\r\n"
        for at in range(0, len(whole), step):
            sender.send(whole[at : at + step])
        assert sender.reply().startswith("250 2.0.0")
    assert server.mails(recipient) == [kept]
