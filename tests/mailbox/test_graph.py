"""Fetching by Microsoft Graph, from a stand-in that was written from the public documentation."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.mailbox.fetcher import Fetcher
from service.mailbox.run import source_of
from service.mailbox.settings import Mailbox
from service.mailbox.source import MailboxError, Source
from service.settings import Settings
from service.store import contents
from service.store.database import Database
from tests.mailbox.conftest import kept, mail, states, status
from tests.mailbox.dovecot import CERTIFICATE, KEY
from tests.mailbox.graph_standin import TENANT, StandIn, a_standin


@pytest.fixture
def graph() -> Iterator[StandIn]:
    with a_standin() as site:
        yield site


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("right\n")
    return file


class Desk:
    """A mailbox and its fetchers, which run step by step. Waits are recorded and skipped."""

    def __init__(self, site: StandIn, settings: Settings, database: Database, secret: Path) -> None:
        self.site, self.settings, self.database, self.secret = site, settings, database, secret
        self.waits: list[float] = []
        self.stop = threading.Event()
        self.sources: list[Source] = []

    def mailbox(self, **given: Any) -> Mailbox:
        graph = {
            "tenant": TENANT, "client_id": "app", "client_secret": {"file": str(self.secret)}, "timeout": 30,
            "url": f"{self.site.url}/v1.0", "authority": self.site.url, "ca_file": str(CERTIFICATE),
        }  # fmt: skip
        return Mailbox.model_validate(
            {"name": "support", "address": "support@corp.example", "since": "all", "graph": graph, "poll": 1, **given}
        )

    def fetcher(self, by: str = "a", **given: Any) -> Fetcher:
        mailbox = self.mailbox(**given)
        source = source_of(mailbox, self.settings, self.database, self.waits.append)
        fetcher = Fetcher(mailbox, source, self.database, self.settings, by)
        self.sources.append(fetcher.source)
        fetcher.source.wait = lambda folders, seconds, stop: None  # type: ignore[method-assign]
        return fetcher

    def round(self, fetcher: Fetcher | None = None, *, mails: int) -> None:
        """Run a successful round; then so many mails are stored."""
        assert (fetcher or self.fetcher()).step(self.stop) == 0
        assert len(kept(self.database)) == mails

    def fails(self, fetcher: Fetcher, cause: str, next_step: str = "", pause: float = 0.01) -> None:
        """Run a round that fails with this cause; the next round begins after at least ``pause`` seconds."""
        assert fetcher.step(self.stop) >= pause
        assert cause in str(status(self.database).cause)
        assert next_step in str(status(self.database).next_step)


@pytest.fixture
def desk(graph: StandIn, own_settings: Settings, sqlite: Database, secret: Path) -> Iterator[Desk]:
    made = Desk(graph, own_settings, sqlite, secret)
    yield made
    for source in made.sources:
        source.close()


def test_each_mail_is_fetched_once_despite_pages_throttling_and_a_resync(desk: Desk, graph: StandIn) -> None:
    ids = graph.deliver(*(mail(n) for n in range(180)))
    graph.throttle_every = 97
    graph.throttle_contents = set(ids[::50])
    fetcher = desk.fetcher()
    desk.round(fetcher, mails=180)
    graph.deliver(*(mail(n) for n in range(180, 240)))
    graph.generation += 1  # the service no longer knows the delta token
    desk.round(fetcher, mails=240)
    graph.deliver(*(mail(n) for n in range(240, 300)))
    desk.round(mails=300)  # a new process continues at the stored link
    rows = kept(desk.database)
    assert {contents.content(desk.database, None, row["id"]) for row in rows} == {mail(n) for n in range(300)}
    assert set(graph.fetched.values()) == {1}, "no mail was fetched twice"
    assert set(desk.waits) == {2, 7}, "Retry-After of 503 and 429"


def test_a_long_throttling_ends_the_round(desk: Desk, graph: StandIn) -> None:
    graph.deliver(mail(1))
    fetcher = desk.fetcher()
    graph.throttle_every = 1
    desk.fails(fetcher, "limits the requests (429)", pause=7)
    graph.throttle_every = 0
    desk.round(fetcher, mails=1)


@pytest.mark.parametrize(
    ("after", "seen"),
    [
        ({"flag": "seen"}, lambda m: m.is_read),
        ({"flag": "flagged"}, lambda m: m.flagged),
        ({"flag": "sodan"}, lambda m: m.categories == ["VIP", "sodan"]),
        ({"move": "Done"}, lambda m: m.folder == "done-id"),
        ("leave", lambda m: not m.is_read and m.folder == "inbox-id"),
    ],
)
def test_fetched_mail_is_flagged_or_moved(after: Any, seen: Callable[[Any], bool], desk: Desk, graph: StandIn) -> None:
    graph.deliver(mail(1), mail(2), categories=["VIP"])
    fetcher = desk.fetcher(after=after)
    for _ in range(3):
        desk.round(fetcher, mails=2)
    assert all(seen(m) for m in graph.messages.values())
    assert states(desk.database) == ["done", "done"]


def test_a_stored_token_is_used_after_a_restart_and_renewed_after_a_refusal(desk: Desk, graph: StandIn) -> None:
    for _ in range(3):
        desk.round(mails=0)
    assert graph.tokens_given == 1
    graph.valid.clear()
    graph.deliver(mail(1))
    desk.round(mails=1)
    assert graph.tokens_given == 2


def test_an_expired_secret_is_reported_and_a_new_one_needs_no_restart(desk: Desk, graph: StandIn) -> None:
    graph.secret = "newer"
    graph.deliver(mail(1))
    fetcher = desk.fetcher()
    desk.fails(fetcher, "the token endpoint localhost gives no token: invalid_client, AADSTS7000215", "a new secret")
    desk.secret.write_text("newer")
    desk.round(fetcher, mails=1)


def test_missing_permissions_and_a_wrong_tenant_are_reported(desk: Desk, graph: StandIn) -> None:
    graph.forbidden = True
    desk.fails(desk.fetcher(), "no access to this mailbox (403 ErrorAccessDenied)", "RBAC for Applications")
    right = desk.mailbox().graph
    assert right is not None
    elsewhere = desk.fetcher(graph=right.model_copy(update={"tenant": "elsewhere"}))
    desk.fails(elsewhere, "gives no token: invalid_request, AADSTS90002", "check client_id and tenant")


@pytest.mark.parametrize(
    ("read", "found"), [("both", True), ("reversed", True), ("certificate", False), ("broken", False)]
)
def test_sign_in_by_a_certificate(desk: Desk, graph: StandIn, read: str, found: bool) -> None:
    graph.deliver(mail(1))
    certificate, key = CERTIFICATE.read_text(), KEY.read_text()
    files = {"both": key + certificate, "reversed": certificate + key, "certificate": certificate, "broken": "none"}
    desk.secret.write_text(files[read])
    mailbox = desk.mailbox().model_dump()
    mailbox["graph"] |= {"client_secret": None, "certificate": {"file": str(desk.secret)}}
    fetcher = desk.fetcher(graph=mailbox["graph"])
    if found:
        desk.round(fetcher, mails=1)
    else:
        desk.fails(fetcher, "the certificate cannot be used")


def test_drafts_old_mails_and_large_mails_are_not_fetched(desk: Desk, graph: StandIn) -> None:
    graph.deliver(mail(1), is_draft=True)
    graph.deliver(mail(2), received=datetime(2026, 10, 1, tzinfo=UTC))
    graph.deliver(mail(3) + b"x" * 100_000)
    graph.deliver(mail(4))
    desk.settings = desk.settings.model_copy(update={"max_message_bytes": 50_000})
    desk.round(desk.fetcher(since="2026-11-01"), mails=1)
    assert sorted(states(desk.database)) == ["done", "too_big"]


def test_a_mail_that_left_before_it_was_fetched_delays_no_other(desk: Desk, graph: StandIn) -> None:
    gone, _ = graph.deliver(mail(1), mail(2))
    fetcher = desk.fetcher()
    fetch = fetcher.source.fetch

    def late(folder: str, mails: Any) -> Any:
        graph.messages.pop(gone, None)
        return fetch(folder, mails)

    fetcher.source.fetch = late  # type: ignore[method-assign]
    desk.round(fetcher, mails=1)
    assert sorted(states(desk.database)) == ["done", "gone"]


def test_folders_are_found_by_their_display_names(desk: Desk, graph: StandIn) -> None:
    graph.folders["Vendors"] = "vendors-id"
    graph.deliver(mail(1), folder="vendors-id")
    desk.round(desk.fetcher(folders=["Inbox/Vendors"]), mails=1)
    desk.fails(desk.fetcher(folders=["Inbox/Nowhere"]), "there is no folder Inbox/Nowhere")


def test_requests_to_another_host_are_refused(desk: Desk, graph: StandIn) -> None:
    fetcher = desk.fetcher()
    desk.round(fetcher, mails=0)
    with pytest.raises(MailboxError, match="another host"):
        fetcher.source._json("GET", "https://elsewhere.example/v1.0/users")  # type: ignore[attr-defined]


def test_an_app_that_may_read_every_mailbox_of_the_tenant_is_reported(desk: Desk, graph: StandIn) -> None:
    graph.roles = ["Mail.ReadWrite", "User.Read.All"]
    [note] = desk.fetcher().source.examine("INBOX").notes
    assert note.startswith("the app has Mail.ReadWrite for every mailbox of the tenant")
