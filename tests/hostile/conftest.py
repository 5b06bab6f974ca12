"""A running service that gets the hostile mails of all tests."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.settings import Listen
from service.store import spool_view
from service.store.database import Database
from service.store.spool_view import Ledger
from tests.hostile.bombs import plain
from tests.served import Served, wait_until
from tests.smtp.conversation import Client

_NUMBERS = count(1)
PATIENCE = 240  # seconds after which a test fails; the tests do not measure speed


class Besieged:
    """A ``sodan serve`` with clients for SMTP, the API and the database."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder}/sodan.db"
        self.served = Served(folder, database_url=url, organisation="corp.example")
        self.database = Database(url)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.served.http}", timeout=60)

    def close(self) -> None:
        self.http.close()
        self.database.close()
        self.served.kill()

    def ledger(self) -> Ledger:
        return self.database.read(spool_view.ledger)

    def send(self, content: bytes) -> str:
        """Send a mail over a socket, with dot-stuffing; return the reply to its end."""
        with Client(Listen("127.0.0.1", self.served.smtp)) as client:
            client.socket.settimeout(PATIENCE)
            doubled = content.replace(b"\r\n.", b"\r\n..")
            return client.mail(doubled, "help@corp.example", sender="aiko@corp.example")

    def take(self, id: str, content: bytes) -> dict[str, Any]:
        """Send a mail, wait until it is processed, and return the message with the Message-ID ``id``."""
        self.take_in(content)
        [found] = self.page(f"/api/messages?message_id=%3C{id}@corp.example%3E").json()["items"]
        return dict(found)

    def take_in(self, *contents: bytes) -> None:
        """Send mails, and check that each is accepted and processed."""
        before = self.ledger()
        for content in contents:
            assert self.send(content).startswith("250 2.0.0")
        wait_until(lambda: self.served.process.poll() is not None or not self.ledger().waiting, PATIENCE)
        assert self.served.process.poll() is None, self.served.log.read_text()
        after = self.ledger()
        assert after.balanced
        assert after.shunted == before.shunted
        assert after.accepted - before.accepted == after.taken_in - before.taken_in == len(contents)

    def goes_on(self) -> None:
        """Check that the service processes an ordinary mail."""
        id = f"ordinary-{next(_NUMBERS)}"
        assert self.take(id, plain(id))["text"].strip() == "The printer on floor 3 prints nothing since 9:00."

    def sizes(self, message: dict[str, Any]) -> dict[str, int]:
        """Return the sizes in bytes of the API responses and pages that contain a message."""
        key, id = message["case"], message["id"]
        paths = {
            "message": f"/api/messages/{id}", "why": f"/api/messages/{id}/why", "case": f"/api/cases/{key}",
            "timeline": f"/api/cases/{key}/messages", "brief": f"/api/cases/{key}/brief",
            "list": "/api/cases?limit=1", "page": f"/cases/{key}", "board": "/",
        }  # fmt: skip
        return {name: len(self.page(path).content) for name, path in paths.items()}

    def page(self, path: str) -> httpx.Response:
        answer = self.http.get(path, headers={"Accept-Language": "en"})
        assert answer.status_code == 200, (path, answer.text[:500])
        return answer


@pytest.fixture(scope="session")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    up = Besieged(tmp_path_factory.mktemp("besieged"))
    yield up
    up.close()
