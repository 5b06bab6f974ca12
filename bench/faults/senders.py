"""Senders that do what a mail server does: a mail without its 250 is sent again, and every 250 is written down."""

from __future__ import annotations

import contextlib
import itertools
import random
import smtplib
import threading
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

RETRY_SECONDS = 0.2


class Senders:
    """Distinct mails at a constant pace over some connections, until ``stop``; each again until it has its 250."""

    def __init__(self, port: int, journal: Path, *, name: str, rate: float, connections: int = 3) -> None:
        self.sent: dict[str, str] = {}
        """Message-ID → SHA-256 of what was sent, at least tried."""
        self.promised: dict[str, str] = {}
        """Id of a 250 → Message-ID."""
        self.replies: Counter[str] = Counter()
        self._port, self._name, self._pause = port, name, connections / rate
        self._journal = journal.open("a", encoding="ascii")
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._given_up = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(connections)]
        for thread in self._threads:
            thread.start()

    @property
    def acknowledged(self) -> int:
        return len(self.promised)

    def stop(self, seconds: float) -> None:
        """Begin no mail any more; wait until each has its 250, so long at most."""
        self._stopping.set()
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.1, end - time.monotonic()))
        self._given_up.set()
        for thread in self._threads:
            thread.join(30)
        self._journal.close()

    def _run(self, seed: int) -> None:
        choice = random.Random(seed)
        client: smtplib.SMTP | None = None
        due = time.monotonic()
        while not self._stopping.is_set():
            due = max(due + self._pause, time.monotonic() - 5 * self._pause)
            time.sleep(max(0.0, due - time.monotonic()))
            number = next(self._numbers)
            message_id, content = self._mail(number, choice)
            self.sent[message_id] = sha256(content).hexdigest()
            while not self._given_up.is_set():
                client, done = self._try(client, number, message_id, content)
                if done:
                    break
                time.sleep(RETRY_SECONDS)
        if client is not None:
            client.close()

    def _try(
        self, client: smtplib.SMTP | None, number: int, message_id: str, content: bytes
    ) -> tuple[smtplib.SMTP | None, bool]:
        """One attempt, as far as it goes."""
        try:
            if client is None:
                client = smtplib.SMTP("127.0.0.1", self._port, timeout=30)
                client.ehlo("sender.example")
            for code, _ in (client.mail(f"user{number}@sender.example"), client.rcpt("help@intake.example")):
                if code != 250:
                    self._count(str(code))
                    client.close()
                    return None, False
            code, text = client.data(content)
            self._count(str(code))
            if code != 250:
                return client, False
            id = text.decode().rpartition(" ")[2]
            with self._lock:
                self.promised[id] = message_id
                self._journal.write(f"{id} {message_id}\n")
                self._journal.flush()
            return client, True
        except smtplib.SMTPResponseException as error:
            self._count(str(error.smtp_code))
        except (OSError, smtplib.SMTPException) as error:
            self._count(type(error).__name__)
        if client is not None:
            with contextlib.suppress(OSError):
                client.close()
        return None, False

    def _count(self, what: str) -> None:
        with self._lock:
            self.replies[what] += 1

    def _mail(self, number: int, choice: random.Random) -> tuple[str, bytes]:
        message_id = f"<{number}@{self._name}.sender.example>"
        parent = ""
        if number > 20 and choice.random() < 0.3:  # a reply to one that came before
            parent = f"In-Reply-To: <{number - choice.randint(5, 20)}@{self._name}.sender.example>\r\n"
        more = "The log says nothing of use.\r\n" * choice.choice((1, 1, 1, 1, 1, 1, 10, 10, 10, 500))
        return message_id, (
            f"From: User {number} <user{number}@sender.example>\r\nTo: help@intake.example\r\n"
            f"Subject: Trouble {number}\r\nMessage-ID: {message_id}\r\n{parent}"
            f"Date: Mon, 02 Mar 2026 09:00:00 +0900\r\n\r\nPrinter {number} is on fire.\r\n{more}"
        ).encode("ascii")
