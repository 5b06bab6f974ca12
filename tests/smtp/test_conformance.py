"""The dialogues of ``conformance/``: requirements of RFCs, and known attacks."""

import re
import uuid
from pathlib import Path

import pytest

from tests.smtp.conversation import GIVEN, Servers
from tests.smtp.dialogues import Dialogue, hold, read

FILES = sorted((Path(__file__).parent / "conformance").glob("*.txt"))
EVERY_BYTE = "".join(map(chr, range(32, 256))) + "\r\n"
DIALOGUES = [dialogue for file in FILES for dialogue in read(file)]


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=str)
def test_dialogue(dialogue: Dialogue, servers: Servers) -> None:
    hold(dialogue, servers)


def test_every_dialogue_names_an_rfc_section_or_a_cve() -> None:
    assert len(DIALOGUES) >= 250
    assert len({(dialogue.about, dialogue.name) for dialogue in DIALOGUES}) == len(DIALOGUES)
    for dialogue in DIALOGUES:
        assert re.fullmatch(r"RFC [0-9]{4} §[0-9A-F](\.[0-9]{1,2})*|CVE-[0-9]{4}-[0-9]{4,}", dialogue.about), dialogue


@pytest.mark.parametrize(("sent", "kept"), [*GIVEN["contents"], (EVERY_BYTE, EVERY_BYTE)])
@pytest.mark.parametrize("step", [1, 2, 5, 10_000])
def test_a_stored_message_has_crlf_and_no_dot_stuffing(sent: str, kept: str, step: int, servers: Servers) -> None:
    """RFC 5321 §4.5.2. The network may divide the message anywhere."""
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
