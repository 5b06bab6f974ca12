"""A service inside the test process: HTTP on a free port, and a worker that runs on request."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn

from service.api.app import make_app
from service.api.serving import LimitedHttpProtocol
from service.desk import Desk
from service.intake import AppContext, receive
from service.settings import Settings
from service.store import search, tokens
from service.store.database import Database
from service.store.spool import Envelope
from service.web.page_rendering import PageRenderer
from service.web.pages import ROUTERS
from service.worker import Worker


@dataclass
class Running:
    """A running service with a client for it."""

    url: str
    database: Database
    context: AppContext
    settings: Settings
    client: httpx.Client

    def deliver(self, *mails: str) -> list[str]:
        """Receive and process mails; return the case of each. The first line of a mail may be empty."""
        contents = [mail.lstrip("\n").replace("\n", "\r\n").encode() for mail in mails]
        envelope = Envelope(
            channel="smtp", mail_from="sender@corp.example", rcpt_tos=("intake@corp.example",), peer="127.0.0.1"
        )
        receive(self.database, [(envelope, content) for content in contents], now())
        self.work()
        return [self.case_of(mail) for mail in mails]

    def deliver_with(self, secret: str, *mails: str) -> list[str]:
        """As ``deliver``, for a service that requires the token ``secret``."""
        self.client.headers["Authorization"] = f"Bearer {secret}"
        try:
            return self.deliver(*mails)
        finally:
            del self.client.headers["Authorization"]

    def work(self) -> None:
        """Process and index all waiting mails."""
        take_in(self.database, self.context)

    def case_of(self, mail: str) -> str:
        name = next(line for line in mail.splitlines() if line.lower().startswith("message-id:"))
        found = self.get("/api/messages", message_id=name.partition(":")[2].strip())["items"]
        return str(found[0]["case"])

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def token(self, name: str, scope: str) -> str:
        return self.database.transact(lambda conn: tokens.create(conn, name, scope, now()))[1]


def now() -> datetime:
    return datetime.now(UTC)


def take_in(database: Database, context: AppContext, at: datetime | None = None, **given: Any) -> None:
    """Let a worker process and index all waiting mails. ``given``: further arguments of the worker."""
    usual: dict[str, Any] = {"by": "test", "batch": 50, "lease": timedelta(seconds=60)}
    worker = Worker(database, context, clock=(lambda: at) if at else now, **(usual | given))
    while worker.turn():
        pass
    while database.transact(search.index_pending):
        pass


@contextmanager
def running(database: Database, context: AppContext, settings: Settings, *, loopback: bool = True) -> Iterator[Running]:
    """Serve HTTP until the end of the block."""
    desk = Desk(settings, database, lambda: context, now)
    renderer = PageRenderer(desk)
    app = make_app(desk, ROUTERS, renderer.error_page, open_to_loopback=loopback)
    app.state.renderer = renderer
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, http=LimitedHttpProtocol, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        with httpx.Client(base_url=url, timeout=30, verify=False) as client:  # saves loading certificates
            yield Running(url, database, context, settings, client)
        server.should_exit = True
        thread.join(10)


def with_settings(settings: Settings, **changed: Any) -> Settings:
    return settings.model_copy(update=changed)
