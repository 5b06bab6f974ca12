"""`sodan parse`, `judge` and `explain`: mails from files, understood without a database."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.mail.message import Mail
from service.mail.parse import parse
from service.mail.report import report, threads
from service.terminal.many import Many


@dataclass(frozen=True, slots=True)
class _Read:
    """One file, read: its line of JSON but for the thread, and the ids that make the thread."""

    line: str
    ids: Mail


def parse_files(files: Sequence[Path], root: Path | None) -> int:
    """JSON Lines, one object a mail, in the order given."""
    found = list(Many(_Parse(root), _Fallen(root)).over(files))
    for read, thread in zip(found, threads([read.ids for read in found]), strict=True):
        sys.stdout.write(f'{read.line[:-1]},"thread":{json.dumps(thread)}}}\n')
    return 0


@dataclass(frozen=True, slots=True)
class _Parse:
    root: Path | None

    def __call__(self, file: Path) -> _Read:
        return _line(_mail(file), name_of(file, self.root))


@dataclass(frozen=True, slots=True)
class _Fallen:
    root: Path | None

    def __call__(self, file: Path) -> _Read:
        return _line(Mail(error="reading it ended the process"), name_of(file, self.root))


def name_of(file: Path, root: Path | None) -> str:
    """How a file is called in the output: relative to ``root`` where it is below it."""
    if root is None:
        return str(file)
    try:
        return file.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return str(file)


def _mail(file: Path) -> Mail:
    try:
        return parse(file.read_bytes())
    except OSError as error:
        return Mail(error=f"cannot read the file: {error.strerror}")


def _line(mail: Mail, name: str) -> _Read:
    said = report(mail, name)
    said.pop("thread", None)
    return _Read(dump(said), Mail(mail.message_id, mail.in_reply_to, mail.references))


def dump(value: Any) -> str:
    """One line of JSON that any terminal or pipe can take (undecodable bytes become U+FFFD)."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return written.encode("utf-8", "replace").decode()
