"""The dialogues of ``conformance/``: what RFCs ask of a server, and what attacks tried."""

import re
import uuid
from pathlib import Path

import pytest

from tests.smtp.dialogues import GIVEN, Dialogue, Servers, hold, read

FILES = sorted((Path(__file__).parent / "conformance").glob("*.txt"))
EVERY_SIGN = "".join(map(chr, range(32, 256))) + "\r\n"
DIALOGUES = [dialogue for file in FILES for dialogue in read(file)]


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=str)
def test_dialogue(dialogue: Dialogue, servers: Servers) -> None:
    hold(dialogue, servers)


def test_every_dialogue_names_what_it_is_about() -> None:
    assert len(DIALOGUES) >= 250
    assert len({(dialogue.about, dialogue.name) for dialogue in DIALOGUES}) == len(DIALOGUES)
    for dialogue in DIALOGUES:
        assert re.fullmatch(r"RFC [0-9]{4} §[0-9A-F](\.[0-9]{1,2})*|CVE-[0-9]{4}-[0-9]{4,}", dialogue.about), dialogue


@pytest.mark.parametrize(("sent", "kept"), [*GIVEN["contents"], (EVERY_SIGN, EVERY_SIGN)])
@pytest.mark.parametrize("step", [1, 2, 5, 10_000])
def test_a_content_is_kept_without_added_dots_and_with_crlf(sent: str, kept: str, step: int, servers: Servers) -> None:
    """RFC 5321 §4.5.2, however the network divides it."""
    server = servers["plain"]
    recipient = f"{uuid.uuid4().hex}@cases.example"
    with server.greeted() as sender:
        sender.begin(recipient)
        sender.say("DATA")
        whole = sent.encode("latin-1") + b".\r\n"
        for at in range(0, len(whole), step):
            sender.send(whole[at : at + step])
        assert sender.reply().startswith("250 2.0.0")
    assert server.mails(recipient) == [kept.encode("latin-1")]
