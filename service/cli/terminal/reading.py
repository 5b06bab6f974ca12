"""`sodan parse`, `judge` and `explain`: analyse mails in files."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.cli.terminal.many import Many
from service.errors import NotFound, Refused
from service.mail.message import Mail
from service.mail.parse import parse
from service.mail.report import report, threads

if TYPE_CHECKING:
    from mailrules.engine.judge import Rules
    from service.cases.facts.extraction import IngestConfig
    from service.settings import Settings


@dataclass(frozen=True, slots=True)
class _Read:
    """Result of one file: its JSON line without the thread, and the ids that determine the thread."""

    line: str
    ids: Mail


def parse_files(files: Sequence[Path], root: Path | None) -> int:
    """Print JSON Lines, one object per mail, in the order given."""
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
        return _line(Mail(error="parsing this mail crashed the process"), name_of(file, self.root))


def name_of(file: Path, root: Path | None) -> str:
    """Return the name of a file in the output: relative to ``root`` if it is below it."""
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
    """Return one line of JSON that can be encoded as UTF-8; lone surrogates are replaced."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return written.encode("utf-8", "replace").decode()


# ── judge ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def judge_files(
    files: Sequence[Path],
    *,
    team: tuple[str, ...],
    organisation: tuple[str, ...],
    packs: tuple[Path, ...],
    site: Path | None,
    root: Path | None,
    settings: Settings,
    guess: bool = False,
) -> int:
    """Judge each mail alone and print JSON Lines in the order given.

    Raises PackError for an invalid pack.
    """
    rules_of(packs, site)  # reports an invalid pack once, before the first mail
    intake = (*settings.intake, *(f"intake@{domain.lstrip('@')}" for domain in organisation))
    work = _Judge(team, organisation, packs, site, root, intake, settings.zone, guess)
    for line in Many(work, _JudgeFallen(root)).over(files):
        sys.stdout.write(line + "\n")
    return 0


@dataclass(frozen=True, slots=True)
class _Judge:
    team: tuple[str, ...]
    organisation: tuple[str, ...]
    packs: tuple[Path, ...]
    site: Path | None
    root: Path | None
    intake: tuple[str, ...]
    zone: tzinfo
    guess: bool

    def __call__(self, file: Path) -> str:
        from service.cases.facts.extraction import IngestConfig

        name, rules = name_of(file, self.root), rules_of(self.packs, self.site)
        ingest = IngestConfig(zone=self.zone, intake=self.intake, organisation=self.organisation)
        try:
            return dump(_judged(file, name, rules, self.team, ingest, rules if self.guess else None))
        except Exception as error:  # one malformed mail must not end the run
            return dump({"file": name, "error": f"{type(error).__name__}: {error}"})


def judge_guessed(file: Path, rules: Rules, guess: Rules, settings: Settings) -> dict[str, Any]:
    """Judge one mail alone with the reader of ``rules``; its sides are guessed with the reader of ``guess``."""
    from service.cases.facts.extraction import IngestConfig

    return _judged(file, str(file), rules, (), IngestConfig(zone=settings.zone, intake=settings.intake), guess)


def _judged(
    file: Path, name: str, rules: Rules, team: Sequence[str], ingest: IngestConfig, guess: Rules | None
) -> dict[str, Any]:
    from service.cases.facts.roles import Roles
    from service.cases.guess_roles import guess_intake_addresses, guess_roles
    from service.cases.judge_alone import judge_alone

    roles = Roles(
        organisation=ingest.organisation, team=(*team, *rules.colleagues), known=rules.people, vendor_of=rules.vendor_of
    )
    mail = _mail(file)
    if guess is not None and mail.error is None:
        ingest = guess_intake_addresses(mail, ingest)
        roles = guess_roles(mail, guess, roles, ingest)
    return judge_alone(mail, rules, roles, name, ingest)


@dataclass(frozen=True, slots=True)
class _JudgeFallen:
    root: Path | None

    def __call__(self, file: Path) -> str:
        return dump({"file": name_of(file, self.root), "error": "judging this mail crashed the process"})


@cache
def rules_of(packs: tuple[Path, ...], site: Path | None = None) -> Rules:
    """Return the rules, loaded once per process."""
    from mailrules.library import load

    return load(packs, site)


# ── explain ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def explain_mail(
    what: str,
    settings: Settings,
    *,
    team: tuple[str, ...],
    organisation: tuple[str, ...],
    packs: tuple[Path, ...],
    rule: str | None = None,
) -> int:
    """Print statements, rules that fired and unmet conditions of the others, for each message in a mail."""
    from mailrules.engine.explain import explain, knows
    from service.cases.facts.extraction import IngestConfig, extract_messages
    from service.cases.facts.roles import Roles

    rules = rules_of(packs, settings.site_file)
    if rule is not None and not knows(rules, rule):
        raise NotFound(f"there is no rule or meaning {rule!r}; see `sodan rules list` and docs/meanings.md")
    roles = Roles(
        organisation=organisation, team=(*team, *rules.colleagues), known=rules.people, vendor_of=rules.vendor_of
    )
    mail = parse(_content(what, settings))
    ingest = IngestConfig(
        zone=settings.zone, prefix=settings.case_prefix, intake=settings.intake, organisation=organisation
    )
    for one in extract_messages(mail, roles, ingest, received_at=mail.date or datetime.now(UTC)):
        head = f"── {one.way}: {one.turn.author or 'unknown author'} ({one.turn.side}): {one.turn.subject}"
        for line in (head, *explain(rules, one.turn, rule)):
            print(line.translate(_VISIBLE))
    return 0


def _content(what: str, settings: Settings) -> bytes:
    """Return a raw mail from a file, or the one with this Message-ID. Raises NotFound, Refused."""
    file = Path(what)
    if not what.startswith("<") and file.is_file():
        try:
            return file.read_bytes()
        except OSError as error:
            raise Refused(f"{what} cannot be read: {error.strerror}") from None
    from service.store import contents, timeline
    from service.store.blob_store import outside
    from service.store.database import Database

    database = Database(settings.database_url)
    found = database.read(lambda conn: timeline.by_message_id(conn, what, settings.case_prefix))
    for message in found:
        try:
            source = database.read(partial(timeline.source, number=int(message["id"])))
            return contents.content(database, outside(settings), source.spool_id)
        except NotFound:
            continue
    raise NotFound(f"{what} is neither a file nor the Message-ID of a processed mail")


_VISIBLE = dict.fromkeys((*range(32), 127, *range(128, 160), *range(55296, 57344)), "�")
"""Control characters, replaced so that text of a mail cannot control the terminal."""
