"""Any dialogue has the same result if it is sent line by line or all at once, in any pieces (RFC 2920)."""

import contextlib
import sqlite3
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.smtp.conversation import GIVEN, Client, Server, Servers
from tests.smtp.dialogues import expanded

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


def code(client: Client) -> str:
    """Return the code of the next reply; empty if the connection ended."""
    return client.reply().rpartition("\n")[2][:3]


def mails(server: Server) -> list[tuple[Any, ...]]:
    """Return and delete the stored mails."""
    with contextlib.closing(sqlite3.connect(server.folder / "sodan.db")) as raw, raw:
        query = "SELECT helo, mail_from, rcpt_tos, bytes FROM spool JOIN contents USING (id) ORDER BY spool.id"
        found = raw.execute(query).fetchall()
        raw.execute("DELETE FROM contents")
        raw.execute("DELETE FROM spool")
        return found


def one_by_one(server: Server, dialogue: list[tuple[bytes, bytes]]) -> tuple[bytes, list[str], list[tuple[Any, ...]]]:
    """Return what was sent, the codes of the replies, and the mails."""
    sent, codes = b"", []
    with server.greeted() as client:
        for line, content in [*dialogue, (b"QUIT\r\n", END)]:
            for data in (line, content):
                client.send(data)
                sent += data
                codes.append(code(client))
                if codes[-1] != "354":
                    break
            if codes[-1] in ("", "421"):
                break
    return sent, [code for code in codes if code], mails(server)


def at_once(server: Server, sent: bytes, cuts: list[int]) -> tuple[list[str], list[tuple[Any, ...]]]:
    codes = []
    with server.greeted() as client:
        for start, end in pairwise([0, *cuts, len(sent)]):
            client.send(sent[start:end])
        while reply := code(client):
            codes.append(reply)
    return codes, mails(server)


@given(dialogue=dialogues, cuts=st.lists(st.integers(0, 4000), max_size=5).map(sorted))
def test_pipelining_changes_no_result(servers: Servers, dialogue: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    sent, codes, stored = one_by_one(servers["short"], dialogue)
    assert at_once(servers["short"], sent, cuts) == (codes, stored)
    assert "451" not in codes
