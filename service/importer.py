"""Imports mail from files: ``.eml``, mbox, Maildir, and folders of them.

A file that begins with a ``From `` line is an mbox (RFC 4155). A mail that was imported before is not imported again,
even from another path. A mail that is too large is skipped.
"""

import mmap
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from service import intake
from service.errors import Refused
from service.store import spool
from service.store.database import Database
from service.store.spool import Envelope

CHANNEL = "import"
GROUP_MAILS = 200
_GROUP_BYTES = 32_000_000
_NO_MAIL = re.compile(
    r".*\.(?:bmp|bz2|cfg|css|csv|db(?:-wal|-shm|-journal)?|docx?|exe|gif|gz|ico|ini|jpe?g|js|jsonl?|log|md|mp[34]|od[st]|pdf|png|pptx?|py|rst|sh"
    r"|sqlite|svg|tar|tgz|toml|tsv|xlsx?|xml|xz|ya?ml|zip)",
    re.IGNORECASE,
)
"""Matches names of files that are skipped in a folder. A file that is given by its path is always read."""
_SEPARATOR = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\r\n]*\b[0-9]{4}\b[^\r\n]*\r?\n")
"""Matches the line "From sender date" between two mails of an mbox; an empty line is above it (RFC 4155)."""
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Imported:
    """Counts of an import."""

    files: int = 0
    mails: int = 0
    received: int = 0  # new mails, now in the spool
    known: int = 0  # mails received by an earlier import, or repeated in this one
    too_large: tuple[str, ...] = ()  # sources of the mails that were skipped


def find(paths: Sequence[Path]) -> list[Path]:
    """Return the files in the given paths that may contain mail, sorted per path. Raises Refused for a missing path."""
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise Refused(f"{path} does not exist")
        files += [path] if path.is_file() else sorted(filter(_may_contain_mail, path.rglob("*")))
    return files


def mails(path: Path, max_bytes: int) -> Iterator[tuple[str, bytes | None]]:
    """Yield (source, raw mail) for each mail in a file. A source is ``path`` or ``path#number``.

    For a mail larger than ``max_bytes``, None is yielded, and the mail is not read into memory.
    """
    try:
        with path.open("rb") as file:
            if file.read(5) != b"From ":
                file.seek(0)
                content = file.read(max_bytes + 1)
                yield str(path), content if len(content) <= max_bytes else None
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mbox:
                for index, (start, end) in enumerate(_split_mbox(mbox), start=1):
                    is_small = end - start <= max_bytes
                    yield f"{path}#{index}", _QUOTED_FROM.sub(rb"\1", mbox[start:end]) if is_small else None
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from error


def import_files(
    database: Database,
    files: Iterable[Path],
    now: datetime,
    max_bytes: int,
    progress: Callable[[Imported], None] = lambda _: None,
) -> Imported:
    """Put new mails into the spool. Calls ``progress`` after each group of mails. Raises Unavailable or Refused.

    After an error, the mails received until then are kept, and another run adds the others.
    """
    counts = Imported()
    group: list[tuple[Envelope, bytes]] = []
    size = 0
    for path in files:
        for source, content in mails(path, max_bytes):
            if content is None:
                counts = replace(counts, mails=counts.mails + 1, too_large=(*counts.too_large, source))
                continue
            group.append((Envelope(channel=CHANNEL, source=source), content))
            size += len(content)
            if len(group) >= GROUP_MAILS or size >= _GROUP_BYTES:
                counts = _receive(database, group, now, counts)
                progress(counts)
                group, size = [], 0
        counts = replace(counts, files=counts.files + 1)
    if group:
        counts = _receive(database, group, now, counts)
    progress(counts)
    return counts


def _receive(database: Database, group: list[tuple[Envelope, bytes]], now: datetime, counts: Imported) -> Imported:
    by_hash = {sha256(content).hexdigest(): (envelope, content) for envelope, content in reversed(group)}
    known = database.read(lambda conn: spool.known(conn, list(by_hash), CHANNEL))
    new = [mail for digest, mail in reversed(by_hash.items()) if digest not in known]
    if new:
        intake.receive(database, new, now)
    return replace(
        counts,
        mails=counts.mails + len(group),
        received=counts.received + len(new),
        known=counts.known + len(group) - len(new),
    )


def _may_contain_mail(path: Path) -> bool:
    if path.name.startswith(".") or _NO_MAIL.fullmatch(path.name) or not path.is_file():
        return False
    # Maildir: files in tmp are incomplete; "dovecot" and "maildirfolder" are prefixes of index and marker files
    in_maildir = (path.parent / "../cur").is_dir()
    return not (in_maildir and path.parent.name == "tmp") and not path.name.startswith(("dovecot", "maildirfolder"))


def _split_mbox(mbox: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Yield the (start, end) of each mail."""
    starts = [(match.start(), match.end()) for match in _SEPARATOR.finditer(mbox)]
    if not starts:  # one mail after a first line that is not a valid separator
        starts = [(0, mbox.find(b"\n") + 1)]
    for (_, start), (end, _) in pairwise([*starts, (len(mbox), 0)]):
        if end != len(mbox):  # the empty line above the next separator does not belong to the mail
            end -= 2 if mbox[end - 2 : end] == b"\r\n" else 1
        yield start, max(start, end)
