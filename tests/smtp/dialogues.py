"""Dialogues of ``tests/smtp/conformance``, performed with a running server.

The title of a dialogue names its subject: an RFC with its section, or a CVE. Each line below it is one exchange::

    MAIL FROM:<a@example.org> -> 250 2.1.0      send a line with CR LF; the reply must begin with this text
    EHLO x -> 250 ~ SIZE 100000                 a line of the reply must also end with this text
    ! body\\r\\n.\\r\\n -> 250 | 221               send these bytes, with escapes; two replies in this order
    *3 NOOP -> 250                              three times
    -> 421 | closed                             send nothing; the server replies and closes the connection
    TLS                                         do a TLS handshake
    WAIT 0.2 / HALF                             wait; close the sending direction
    HELLO / MAIL / RCPT / DATA / SECURE         usual beginnings
    SERVER tls                                  first line only: use a server with other settings
    MAILS 1                                     so many mails must have arrived for ``{to}``

``{to}`` is a recipient that no other dialogue uses. ``{x*98}`` is 98 times x. ``{smuggled}`` are commands for a mail.
"""

import re
import socket
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from tests.smtp.conversation import GIVEN, Line, Servers


@dataclass(frozen=True)
class Dialogue:
    about: str
    name: str
    script: str

    def __str__(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def read(file: Path) -> list[Dialogue]:
    """Return the dialogues of a file. A title has the form ``# RFC 5321 §3.1: the greeting``."""
    found = []
    for one in file.read_text(encoding="utf-8").split("\n\n# ")[1:]:
        title, _, script = one.partition("\n")
        about, _, name = title.partition(": ")
        found.append(Dialogue(about, name, script))
    return found


def hold(dialogue: Dialogue, servers: Servers) -> None:
    """Perform a dialogue, and check every reply."""
    lines = dialogue.script.strip().replace("{smuggled}", GIVEN["smuggled"]).splitlines()
    name = lines.pop(0)[7:] if lines[0].startswith("SERVER ") else "plain"
    server = servers["plain" if name == "lmtp" else name]
    address = server.running.lmtp if name == "lmtp" else server.running.smtp
    assert address is not None
    recipient = f"help+{uuid.uuid4().hex}@intake.example"
    with Line(address.port) as connection:
        if not lines[0].startswith("->"):
            _expect(connection.reply(), "220", "greeting")
        for written in lines:
            if written.startswith("MAILS "):
                assert len(server.mails(recipient)) == int(written[6:])
            else:
                _perform(connection, expanded(written).replace("{to}", recipient), recipient)


def expanded(written: str) -> str:
    """Replace ``{x*98}`` by 98 times x."""
    return re.sub(r"\{([^{}*]+)\*(\d+)\}", lambda found: found[1] * int(found[2]), written)


def _perform(connection: Line, exchange: str, recipient: str) -> None:
    if exchange in GIVEN["usual"]:
        for usual in GIVEN["usual"][exchange].splitlines():
            _perform(connection, usual.replace("{to}", recipient), recipient)
    elif exchange == "TLS":
        connection.begin_tls()
    elif exchange == "HALF":
        connection.socket.shutdown(socket.SHUT_WR)
    elif exchange.startswith("WAIT "):
        time.sleep(float(exchange[5:]))
    else:
        _exchange(connection, exchange)


def _exchange(connection: Line, exchange: str) -> None:
    sent, arrow, expected = exchange.rpartition("->")
    if not arrow:
        sent, expected = exchange, "nothing"
    times = 1
    repeated = re.match(r"\*([0-9]+) ", sent)
    if repeated:
        times, sent = int(repeated[1]), sent[repeated.end() :]
    for _ in range(times):
        if sent.startswith("! "):
            connection.send(_unescape(sent[2:].rstrip(" ")))
        elif sent:
            connection.send(_unescape(sent.removesuffix(" ")) + b"\r\n")
        for reply in expected.split(" | "):
            if reply.strip() != "nothing":
                _expect(connection.reply(), reply.strip(), exchange)


def _unescape(written: str) -> bytes:
    return written.encode().decode("unicode_escape").encode("latin-1")


def _expect(reply: str, expected: str, exchange: str) -> None:
    if expected == "closed":
        assert reply == "", f"{exchange}: still open, {reply!r}"
        return
    begins, _, ends = expected.partition(" ~ ")
    assert reply.startswith(begins), f"{exchange}: {reply!r}"
    assert not ends or any(one.endswith(ends) for one in reply.split("\n")), f"{exchange}: {reply!r}"
    # RFC 2034 §4: all replies have an enhanced status code, except 3xx and the replies to a greeting, HELO and EHLO
    code = re.match(r"([245])[0-9]{2} ", reply)
    if code and not re.match(r"250 (HELP|mx\.intake\.example)|220 mx|554 mx", reply.split("\n")[-1]):
        assert re.match(rf"{code[1]}[0-9]{{2}} {code[1]}\.[0-9]{{1,3}}\.[0-9]{{1,3}} ", reply), f"{exchange}: {reply!r}"
