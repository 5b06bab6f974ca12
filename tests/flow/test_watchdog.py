"""A process that lives and does not answer is killed and started again; a young one and one not to blame is not."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.settings import Listen
from service.watchdog import MISSES, Door, doors, look
from tests.served import Served


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(["sleep", "600"])
    yield started
    started.kill()
    started.wait()


class Host:
    """A door that answers or not, as the test says."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.says = b""
        self.thread = threading.Thread(target=self._answer)
        self.thread.start()

    def _answer(self) -> None:
        with contextlib.ExitStack() as silent, contextlib.suppress(OSError):
            while True:
                client, _ = self.socket.accept()
                if self.says:
                    with client:
                        client.sendall(self.says)
                else:
                    silent.enter_context(client)


@pytest.fixture
def host() -> Iterator[Host]:
    opened = Host()
    yield opened
    opened.socket.shutdown(socket.SHUT_RDWR)
    opened.thread.join()
    opened.socket.close()


def _door(host: Host, process: subprocess.Popen[bytes]) -> Door:
    listen = Listen("127.0.0.1", host.socket.getsockname()[1])
    [door] = doors(listen, Listen("127.0.0.1", 0), lambda _: process)
    return door


class Looks:
    """Looks at a door as the clock of the test goes: 0.4 s apart, or with all the patience that an answer may need."""

    def __init__(self, door: Door) -> None:
        self.door, self.now = door, 0.0

    def find(self, answers: bool, times: int = 1, *, took: float = 0.3, apart: float = 0.4) -> None:
        for _ in range(times):
            self.now += apart
            ticks = iter((self.now, self.now + took))
            look(self.door, 20 if answers else 0.4, threading.Event(), lambda ticks=ticks: next(ticks))  # type: ignore[misc]


def test_three_misses_in_a_row_after_an_answer_and_not_before(host: Host, process: subprocess.Popen[bytes]) -> None:
    looks = Looks(_door(host, process))
    looks.find(False, MISSES + 1)
    assert process.poll() is None  # it may still be starting
    for greeting in (b"421 too many connections\r\n", b"220 here\r\n"):
        host.says = greeting
        looks.find(True)
        host.says = b""
        looks.find(False, MISSES - 1)
    assert process.poll() is None
    looks.find(False)
    assert process.wait(20) == -signal.SIGKILL


def test_a_supervisor_that_was_held_up_blames_nobody(host: Host, process: subprocess.Popen[bytes]) -> None:
    looks = Looks(_door(host, process))
    host.says = b"220 here\r\n"
    looks.find(True)
    host.says = b""
    looks.find(False, MISSES + 1, took=60)
    looks.find(False, MISSES - 1)
    looks.find(False, apart=600)
    looks.find(False, MISSES - 1)
    assert process.poll() is None


@pytest.mark.slow
def test_a_hung_acceptor_and_a_hung_api_are_replaced(tmp_path: Path) -> None:
    served = Served(tmp_path, watchdog="4")
    try:
        served.send(1)
        served.wait_for(lambda: served.seen(1))
        before = served.children()
        served.wait_for(lambda: served.log.read_text().count("a door answers") >= 2)
        for part in ("smtp", "api"):
            os.kill(before[part], signal.SIGSTOP)
        for part in ("smtp", "api"):
            served.wait_for(lambda part=part: served.children().get(part, before[part]) != before[part])
        served.wait_for(lambda: served.send(2))
        served.wait_for(lambda: served.seen(2))
        assert served.log.read_text().count("a process hangs and is killed") >= 2
        assert served.children()["worker"] == before["worker"]
    finally:
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(60) == 0
