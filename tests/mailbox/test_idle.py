"""What a server says together with its word that it idles is heard, though imaplib has read it ahead."""

import socket
import threading
from collections.abc import Iterator

import pytest

from service.mailbox.file import After, Imap, Secret
from service.mailbox.imap import ImapSource

SAYS = {
    b"CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE\r\n",
    b"SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n",
    b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n",
    b"UID": b"* SEARCH\r\n",
}


def serve(listening: socket.socket, heard: list[bytes]) -> None:
    """A server that says what ``SAYS`` has, and that a mail came right as it begins to idle."""
    connection, _ = listening.accept()
    with connection, connection.makefile("rb") as reading:
        connection.sendall(b"* OK ready\r\n")
        tag = b""
        for line in reading:
            heard.append(line)
            if line == b"DONE\r\n":
                connection.sendall(tag + b" OK done\r\n")
                continue
            tag, command = line.split()[:2]
            if command.upper() == b"IDLE":
                connection.sendall(b"+ idling\r\n* 2 EXISTS\r\n")
            else:
                connection.sendall(SAYS.get(command.upper(), b"") + tag + b" OK done\r\n")


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[ImapSource]:
    monkeypatch.setenv("IMAP_SECRET", "secret")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening, []), daemon=True).start()
        port = listening.getsockname()[1]
        password = Secret(env="IMAP_SECRET")
        given = Imap(host="127.0.0.1", port=port, tls="none", user="a", password=password, timeout=20)
        made = ImapSource(given, After(), None)
        yield made
        made.close()


def test_news_that_came_with_the_word_that_the_server_idles_is_heard(source: ImapSource) -> None:
    source.open()
    assert list(source.pages("INBOX", None, None)) == []
    stop = threading.Event()
    waiting = threading.Thread(target=source.wait, args=(["INBOX"], 3600, stop), daemon=True)
    waiting.start()
    waiting.join(20)
    told = not waiting.is_alive()
    stop.set()
    waiting.join(20)
    assert told
