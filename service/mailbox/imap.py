"""A mailbox on an IMAP server (RFC 9051, RFC 3501): one connection per folder."""

import contextlib
import select
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from imapclient import IMAPClient

from service.mailbox.imap_connection import ImapServer
from service.mailbox.oauth import Tokens
from service.mailbox.settings import After, Imap
from service.mailbox.source import (
    FolderMissing,
    FolderState,
    ListedMail,
    MailboxError,
    MailUnreadable,
    Page,
    decode_position,
    encode_position,
)

PAGE = 200  # number of mails that are listed at a time
POLL_SECONDS = 0.5  # seconds after which ``wait`` checks ``stop``
_FLAGS = {"seen": b"\\Seen", "flagged": b"\\Flagged"}


class ImapSource:
    """One mailbox on an IMAP server."""

    batch = 50

    def __init__(self, config: Imap, after: After, tokens: Tokens | None) -> None:
        self._server = ImapServer(config, tokens)
        self._after = after
        self._clients: dict[str, IMAPClient] = {}
        """Folder → the connection that has selected it; an empty name: a connection that has selected none."""
        self._valid: dict[str, int] = {}

    # ── connection ───────────────────────────────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        if not self._clients:
            self._clients[""] = self._server.connect()

    def close(self) -> None:
        clients, self._clients = self._clients, {}
        for client in clients.values():
            with contextlib.suppress(Exception):
                client.shutdown()

    def _folder(self, folder: str) -> IMAPClient:
        """Return a connection that has selected this folder. Raises FolderMissing."""
        if folder not in self._clients:
            client = self._clients[""] = self._clients.get("") or self._server.connect()
            next_step = "list an existing folder under folders, or give the user access"
            refused = (f"the folder {folder} cannot be opened", next_step)
            with self._server.mailbox_errors(f"{folder} cannot be opened", refused):
                answer = client.select_folder(folder, readonly=self._after == After())
                self._valid[folder] = int(answer[b"UIDVALIDITY"])
            self._clients[folder] = self._clients.pop("")
        return self._clients[folder]

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def pages(self, folder: str, position: str | None, since: datetime | None) -> Iterator[Page]:
        client = self._folder(folder)
        valid = self._valid[folder]
        reached = decode_position(position, since)
        last = int(reached["uid"]) if reached.get("uidvalidity") == valid else 0
        criteria: list[Any] = ["UNDELETED", "UNDRAFT", "UID", f"{last + 1}:*"]
        if since is not None:  # SINCE takes a date in the zone of the server: search a day more, then filter by time
            criteria += ["SINCE", (since - timedelta(days=1)).date()]
        with self._server.mailbox_errors(f"{folder} cannot be searched"):
            uids = sorted(uid for uid in client.search(criteria) if uid > last)  # "n:*" always includes the last mail
        for start in range(0, len(uids), PAGE):
            chunk = uids[start : start + PAGE]
            with self._server.mailbox_errors(f"{folder} cannot be listed"):
                listed = client.fetch(chunk, ["INTERNALDATE", "RFC822.SIZE"])
            mails = [_listed_mail(folder, valid, uid, listed[uid]) for uid in chunk if uid in listed]
            wanted = [mail for mail in mails if since is None or mail.arrived_at >= since]
            yield Page(wanted, encode_position(since, uidvalidity=valid, uid=chunk[-1]))

    def fetch(self, folder: str, mails: Sequence[ListedMail]) -> dict[str, bytes | None]:
        client = self._folder(folder)
        places = {_uid(mail.place): mail.place for mail in mails if self._is_valid(folder, mail.place)}
        contents: dict[str, bytes | None] = {mail.place: None for mail in mails}
        if not places:
            return contents
        try:
            with self._server.mailbox_errors(f"mail in {folder} cannot be fetched"):
                answer = client.fetch(sorted(places), ["BODY.PEEK[]"])
        except MailboxError as error:
            raise MailUnreadable(error.cause, error.next_step) from None
        for uid, place in places.items():
            if uid in answer:
                content = answer[uid].get(b"BODY[]")
                if not isinstance(content, bytes):
                    cause = f"the server does not return mail {uid} in {folder}"
                    raise MailUnreadable(cause, "open it in a mail program")
                contents[place] = content
        return contents

    def find(self, folder: str, place: str) -> ListedMail | None:
        client = self._folder(folder)
        if not self._is_valid(folder, place):
            return None
        with self._server.mailbox_errors(f"{folder} cannot be listed"):
            uid = _uid(place)
            listed = client.fetch([uid], ["INTERNALDATE", "RFC822.SIZE"])
        return _listed_mail(folder, self._valid[folder], uid, listed[uid]) if uid in listed else None

    def mark(self, folder: str, places: Sequence[str]) -> None:
        client = self._folder(folder)
        uids = sorted(_uid(place) for place in places if self._is_valid(folder, place))
        if not uids or self._after == After():
            return
        refused = (
            f"{self._server.host} refuses to flag or move fetched mail",
            "check the name of the folder, the permissions of the user, and the quota",
        )
        with self._server.mailbox_errors("mail cannot be flagged or moved", refused):
            if self._after.flag is not None:
                client.add_flags(uids, [_flag(self._after.flag)], silent=True)
            elif client.has_capability("MOVE"):
                client.move(uids, self._after.move)
            else:
                raise FolderMissing(*_NO_MOVE)

    def wait(self, folders: Sequence[str], seconds: float, stop: threading.Event) -> None:
        idle = [self._clients[folder] for folder in folders if folder in self._clients]
        if not idle or not idle[0].has_capability("IDLE"):
            stop.wait(seconds)
            return
        with self._server.mailbox_errors("waiting for mail"):
            for client in idle:
                client.idle()
            poller = select.poll()
            for client in idle:
                poller.register(client.socket(), select.POLLIN)
            waited, is_readable = 0.0, False
            while waited < seconds and not stop.is_set():
                lines = [line for client in idle for line in client.idle_check(0)]
                is_closed = is_readable and not lines  # readable, although no line was received
                if is_closed or any(map(_reports_change, lines)):
                    break
                is_readable = bool(poller.poll(POLL_SECONDS * 1000))
                waited += POLL_SECONDS
            for client in idle:
                client.idle_done()

    def examine(self, folder: str) -> FolderState:
        client = self._folder(folder)
        problems: list[tuple[str, str]] = []
        with self._server.mailbox_errors(f"{folder} cannot be examined"):
            answer = client.select_folder(folder, readonly=self._after == After())
            if self._after.flag is not None:
                flag, allowed = _flag(self._after.flag), answer.get(b"PERMANENTFLAGS", ())
                if flag not in allowed and not (b"\\*" in allowed and not flag.startswith(b"\\")):
                    cause = f"{folder} does not store the flag {self._after.flag}"
                    problems.append((cause, "use another flag, or give more rights"))
            if self._after.move is not None:
                if not client.has_capability("MOVE"):
                    problems.append(_NO_MOVE)
                if not client.folder_exists(self._after.move):
                    cause = f"the folder {self._after.move} to move to does not exist"
                    problems.append((cause, "create it in a mail program, because sodan creates no folders"))
        return FolderState(int(answer[b"EXISTS"]), problems)

    def _is_valid(self, folder: str, place: str) -> bool:
        return place.startswith(f"{self._valid[folder]};")


_NO_MOVE = (
    "the server has no MOVE (RFC 6851), and sodan deletes nothing",
    "choose after: leave or {flag: seen} for this mailbox",
)


def _listed_mail(folder: str, valid: int, uid: int, listed: dict[bytes, Any]) -> ListedMail:
    when = listed.get(b"INTERNALDATE")
    arrived = when.astimezone(UTC) if isinstance(when, datetime) else datetime.now(UTC)
    return ListedMail(f"{valid};{uid};{folder}", arrived, listed.get(b"RFC822.SIZE"))


def _uid(place: str) -> int:
    return int(place.split(";", 2)[1])


def _flag(chosen: str) -> bytes:
    return _FLAGS.get(chosen) or chosen.encode("ascii", "replace")


def _reports_change(line: Sequence[Any]) -> bool:
    """Return whether a response reports a change of the folder, or the end of the connection."""
    return (len(line) > 1 and line[1] in (b"EXISTS", b"EXPUNGE", b"RECENT")) or line[:1] == (b"BYE",)
