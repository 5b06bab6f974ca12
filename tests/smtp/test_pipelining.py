"""Any dialogue has the same result if it is sent line by line or all at once, in any pieces (RFC 2920)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import uvloop
from hypothesis import given
from hypothesis import strategies as st

from service.settings import load
from service.smtp.content import Content
from service.smtp.listener import Listener
from service.smtp.protocol import Protocol
from tests.smtp.conversation import GIVEN
from tests.smtp.dialogues import expanded

LIMIT = 3000
SETTINGS = load(_env_file=None, hostname="mx", max_message_bytes=LIMIT)
END = b"\r\n.\r\n"
COMMANDS = [expanded(written) for written in GIVEN["commands"]]
PIECES = [expanded(written).encode("latin-1") for written in GIVEN["pieces"]]
MAIL = ["EHLO c", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"]

lines = st.builds(
    lambda command, end: command.encode() + end,
    st.sampled_from(COMMANDS) | st.just("DATA"),
    st.sampled_from([b"\r\n"] * 30 + [b"\n", b"\r\r\n"]),
)
# text after the first end would be commands
contents = st.lists(st.sampled_from(PIECES), max_size=12).map(
    lambda pieces: (b"\r\n" + b"".join(pieces) + END).split(END)[0][2:] + END
)
dialogues = st.builds(
    lambda opening, steps: [(f"{command}\r\n".encode(), b"x" + END) for command in opening] + steps,
    st.sampled_from([[], MAIL[:1], MAIL[:3], MAIL, [*MAIL, *MAIL[1:]]]),
    st.lists(st.tuples(lines, contents), max_size=12),
)


@dataclass
class Recorder:
    """A handler that keeps the mails."""

    mails: list[tuple[Any, ...]] = field(default_factory=list)

    def refuse_sender(self, *_: object) -> None:
        pass

    refuse_recipient = refuse_sender

    async def store(self, content: Content, sender: str, recipients: list[str], _host: str, helo: str) -> str:
        self.mails.append((helo, sender, tuple(recipients), content.read()))
        return "250 2.0.0 OK"


class Client:
    """A server with one client."""

    async def __aenter__(self) -> Client:
        self.handler = Recorder()
        listener = Listener(self.handler, Protocol, SETTINGS)
        self.server = await listener.listen("127.0.0.1", 0)
        self.reader, self.writer = await asyncio.open_connection(*self.server.sockets[0].getsockname())
        assert await self.reply() == "220"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        self.server.close()

    async def send(self, *pieces: bytes) -> None:
        for piece in filter(None, pieces):
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def reply(self) -> str:
        """Return the code of the next reply; empty if the connection ended."""
        while True:
            try:
                line = await asyncio.wait_for(self.reader.readline(), 20)
            except ConnectionError:
                return ""
            if line[3:4] != b"-":
                return line[:3].decode()


async def one_by_one(dialogue: list[tuple[bytes, bytes]]) -> tuple[bytes, list[str], list[tuple[Any, ...]]]:
    """Return what was sent, the replies, and the mails."""
    sent, replies = [], []
    async with Client() as client:
        for line, content in [*dialogue, (b"QUIT\r\n", END)]:
            for data in (line, content):
                await client.send(data)
                sent.append(data)
                replies.append(await client.reply())
                if replies[-1] != "354":
                    break
            if replies[-1] in ("", "421"):
                break
        return b"".join(sent), [code for code in replies if code], client.handler.mails


async def at_once(stream: bytes, cuts: list[int]) -> tuple[list[str], list[tuple[Any, ...]]]:
    replies = []
    async with Client() as client:
        try:
            await client.send(*(stream[at:until] for at, until in zip([0, *cuts], [*cuts, len(stream)], strict=True)))
        except ConnectionError:
            pass  # the server closed the connection before it had read everything
        while code := await client.reply():
            replies.append(code)
        return replies, client.handler.mails


@given(dialogue=dialogues, cuts=st.lists(st.integers(0, 4000), max_size=5).map(sorted))
def test_pipelining_changes_no_result(dialogue: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    stream, replies, mails = uvloop.run(one_by_one(dialogue))
    assert uvloop.run(at_once(stream, cuts)) == (replies, mails)
    assert "451" not in replies
