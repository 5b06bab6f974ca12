"""Imports mail from files: ``.eml``, mbox, Maildir, and folders of them. Repeating an import changes nothing.

The content decides the format: an mbox begins with a ``From `` line (RFC 4155), a Maildir is a folder with ``cur`` and
``new``. A mail that was imported before is not received again, even from another path.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from service import intake
from service.errors import Refused
from service.store import spool
from service.store.database import Database
from service.store.spool import Envelope

CHANNEL = "import"
GROUP = 200
_GROUP_BYTES = 32_000_000
_NO_MAIL = re.compile(
    r".*\.(?:bmp|bz2|cfg|css|csv|db(?:-wal|-shm|-journal)?|docx?|exe|gif|gz|ico|ini|jpe?g|js|jsonl?|log|md|mp[34]|od[st]|pdf|png|pptx?|py|rst|sh"
    r"|sqlite|svg|tar|tgz|toml|tsv|xlsx?|xml|xz|ya?ml|zip)",
    re.IGNORECASE,
)
"""Files skipped within folders. A file that is named explicitly is always read."""
_SEPARATOR = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\r\n]*\b[0-9]{4}\b[^\r\n]*\r?\n")
"""RFC 4155: a line "From sender date" after an empty line, not any line that begins with "From"."""
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Imported:
    """Counts of an import so far."""

    files: int = 0
    mails: int = 0
    received: int = 0  # new mails, now in the spool
    known: int = 0  # mails received by an earlier import, or repeated in this one


def find(paths: Sequence[Path]) -> list[Path]:
    """Return the files to read, in a stable order. Raises Refused if a path does not exist."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise Refused(f"{path} does not exist")
        found += [path] if path.is_file() else sorted(filter(_may_hold_mail, path.rglob("*")))
    return found


def mails(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (source, raw mail) of one file. Raises Refused if it cannot be read."""
    try:
        with path.open("rb") as file:
            if file.read(5) != b"From ":
                file.seek(0)
                yield str(path), file.read()
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
                for number, content in enumerate(_divided(whole), start=1):
                    yield f"{path}#{number}", content
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from error


def import_files(
    database: Database, files: Iterable[Path], now: datetime, progress: Callable[[Imported], None] = lambda _: None
) -> Imported:
    """Receive the mails in ``files`` that are not known yet; ``progress`` is called after every group.

    May raise Unavailable or Refused in between: mail received so far is kept, and the next run continues from there.
    """
    state = Imported()
    group: list[tuple[Envelope, bytes]] = []
    size = 0
    for path in files:
        for source, content in mails(path):
            group.append((Envelope(channel=CHANNEL, source=source), content))
            size += len(content)
            if len(group) >= GROUP or size >= _GROUP_BYTES:
                state = _receive(database, group, now, state)
                progress(state)
                group, size = [], 0
        state = replace(state, files=state.files + 1)
    if group:
        state = _receive(database, group, now, state)
    progress(state)
    return state


def _receive(database: Database, group: list[tuple[Envelope, bytes]], now: datetime, state: Imported) -> Imported:
    by_hash = {sha256(content).hexdigest(): (envelope, content) for envelope, content in reversed(group)}
    known = database.read(lambda conn: spool.known(conn, list(by_hash), CHANNEL))
    new = [mail for digest, mail in reversed(by_hash.items()) if digest not in known]
    if new:
        intake.receive(database, new, now)
    return replace(
        state,
        mails=state.mails + len(group),
        received=state.received + len(new),
        known=state.known + len(group) - len(new),
    )


def _may_hold_mail(path: Path) -> bool:
    if path.name.startswith(".") or _NO_MAIL.fullmatch(path.name) or not path.is_file():
        return False
    # Maildir: files in tmp are incomplete; "dovecot" and "maildirfolder" are prefixes of index and marker files
    in_maildir = (path.parent / "../cur").is_dir()
    return not (in_maildir and path.parent.name == "tmp") and not path.name.startswith(("dovecot", "maildirfolder"))


def _divided(whole: mmap.mmap) -> Iterator[bytes]:
    starts = [(found.start(), found.end()) for found in _SEPARATOR.finditer(whole)]
    if not starts:  # one mail after a first line that is no valid separator
        starts = [(0, whole.find(b"\n") + 1)]
    ends = [start for start, _ in starts[1:]] + [len(whole)]
    for (_, start), end in zip(starts, ends, strict=True):
        content = whole[start:end]
        if end != len(whole):  # the empty line before the next separator is not part of the mail
            content = content[:-2] if content.endswith(b"\r\n") else content[:-1]
        yield _QUOTED_FROM.sub(rb"\1", content)
