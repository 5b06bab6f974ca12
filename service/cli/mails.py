"""Commands that only analyse mails: parse, judge, explain, prompt."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from service.cli import start
from service.cli.parallel import each_file
from service.errors import NotFound, Refused
from service.mail.message import Mail
from service.mail.parse import parse as parse_mail
from service.mail.report import report, threads

if TYPE_CHECKING:
    from mailrules.engine.judge import Rules
    from service.cases.facts.extracted import ExtractedMessage
    from service.cases.facts.extraction import IngestConfig
    from service.cases.facts.roles import Roles
    from service.settings import Settings


@Parameter(name="*")
@dataclass(frozen=True)
class Additions:
    """Options of several commands that add values to the settings."""

    team: Annotated[tuple[str, ...], Parameter(help="Addresses or @domains of the IT team.")] = ()
    organisation: Annotated[
        tuple[str, ...], Parameter(help="Mail domains of the organisation; people with addresses there are requesters.")
    ] = ()
    packs: start.Packs = ()

    def settings(self) -> Settings:
        settings = start.settings()
        added = {name: (*getattr(settings, name), *getattr(self, name)) for name in ("team", "organisation", "packs")}
        return settings.model_copy(update=added)


NOTHING = Additions()


# ── parse ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def parse(files: start.Mails, *, root: start.Root = None) -> None:
    """Parse mails and print JSON Lines: one object per mail, in the order given."""
    results = list(each_file(partial(_parse, root=root), files))
    for (line, _), thread in zip(results, threads([ids for _, ids in results]), strict=True):
        print(f'{line[:-1]},"thread":{json.dumps(thread)}}}')


def _parse(file: Path, root: Path | None, crashed: bool = False) -> tuple[str, Mail]:
    """Return a mail as a JSON line without its thread, and the ids that determine the thread."""
    mail = Mail(error="parsing this mail crashed the process") if crashed else _mail(file)
    fields = report(mail, _name(file, root))
    fields.pop("thread", None)
    return _dump(fields), Mail(mail.message_id, mail.in_reply_to, mail.references)


def _name(file: Path, root: Path | None) -> str:
    """Return the path of a file for the output. Inside ``root``, the path is relative to it."""
    if root is None or not file.resolve().is_relative_to(root.resolve()):
        return str(file)
    return file.resolve().relative_to(root.resolve()).as_posix()


def _mail(file: Path) -> Mail:
    """Return the parsed mail of a file. If the file is unreadable, the mail has an ``error``."""
    try:
        return parse_mail(file.read_bytes())
    except OSError as error:
        return Mail(error=f"cannot read the file: {error.strerror}")


def _dump(value: Any) -> str:
    """Return a value as one line of JSON. Lone surrogates, which UTF-8 cannot encode, are replaced."""
    line = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return line.encode("utf-8", "replace").decode()


# ── judge ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def judge(
    files: start.Mails, *, additions: Additions = NOTHING, root: start.Root = None, guess_roles: bool = False
) -> None:
    """Judge each mail alone, as if it opened a case, and print JSON Lines.

    Args:
        guess_roles: Guess the side of unknown people from the recipients of each mail. The service never does this.
    """
    settings = additions.settings()
    only = {"team": additions.team, "organisation": additions.organisation}
    for line in judge_files(files, settings.model_copy(update=only), root, guess=guess_roles):
        print(line)


def judge_files(files: Sequence[Path], settings: Settings, root: Path | None = None, *, guess: bool) -> Iterator[str]:
    """Yield a line of JSON per mail, judged as if it opened a case. ``guess``: guess sides. Raises PackError."""
    rules_of(settings.packs, settings.site_file)  # reports an invalid pack once, before the first mail
    yield from each_file(partial(_judge, root=root, settings=settings, guess=guess), files)


def _judge(file: Path, root: Path | None, settings: Settings, guess: bool, crashed: bool = False) -> str:
    name = _name(file, root)
    if crashed:
        return _dump({"file": name, "error": "judging this mail crashed the process"})
    rules = rules_of(settings.packs, settings.site_file)
    try:
        return _dump(judged(file, name, rules, settings, rules if guess else None))
    except Exception as error:  # one malformed mail must not end the run
        return _dump({"file": name, "error": f"{type(error).__name__}: {error}"})


def judged(file: Path, name: str, rules: Rules, settings: Settings, guess: Rules | None) -> dict[str, Any]:
    """Judge a mail as if it opened a case. ``guess``: rules for guessing the sides of people; None: do not guess."""
    from service.cases.judge_alone import guess_intake_addresses, guess_roles, judge_alone

    roles, ingest, mail = _roles(rules, settings), _ingest(settings), _mail(file)
    if guess is not None and mail.error is None:
        ingest = guess_intake_addresses(mail, ingest)
        roles = guess_roles(mail, guess, roles, ingest)
    return judge_alone(mail, rules, roles, name, ingest)


def _roles(rules: Rules, settings: Settings) -> Roles:
    from service.cases.facts.roles import Roles

    known, vendor_of = rules.people, rules.vendors.of_address
    return Roles(organisation=settings.organisation, team=settings.team, known=known, vendor_of=vendor_of)


def _ingest(settings: Settings) -> IngestConfig:
    """Return the settings for extraction. ``intake@`` each domain of the organisation counts as an intake address."""
    from service.cases.facts.extraction import IngestConfig

    intake = (*settings.intake, *(f"intake@{domain.lstrip('@')}" for domain in settings.organisation))
    return IngestConfig(settings.zone, settings.case_prefix, intake)


@cache
def rules_of(packs: tuple[Path, ...], site: Path | None = None) -> Rules:
    """Return the rules of these packs and this site file. They are loaded once in a process."""
    from mailrules.library import load

    return load(packs, site)


# ── explain, prompt ──────────────────────────────────────────────────────────────────────────────────────────────────


def explain(what: str, *, additions: Additions = NOTHING, rule: str | None = None) -> None:
    """Show what sodan found in a mail, which rules fired, and why the others did not.

    Args:
        what: A file, or the Message-ID of a processed mail.
        rule: Show only this rule or meaning: the text that it used, or why it did not fire or was not found.
    """
    from mailrules.engine import explain as engine
    from service.cli.printing import one_line

    settings = additions.settings()
    rules = rules_of(settings.packs, settings.site_file)
    if rule is not None and not engine.knows(rules, rule):
        raise NotFound(f"there is no rule or meaning {rule!r}; see `sodan rules list` and docs/meanings.md")
    for message in _messages(_content(what, settings), rules, settings):
        turn = message.turn
        head = f"── {message.node.origin}: {turn.author or 'unknown author'} ({turn.side}): {turn.subject}"
        for line in (head, *engine.explain(rules, turn, rule)):
            print(one_line(line))


def prompt(file: Path, *, additions: Additions = NOTHING) -> None:
    """Print the request to the language model for a mail (.eml): all data that sodan would send. Send nothing."""
    from mailrules import model_reading

    settings = additions.settings()
    rules = rules_of(settings.packs, settings.site_file)
    for message in _messages(_bytes(file), rules, settings):
        request = model_reading.request_for(rules, message.turn)
        print(f"── version {request.version}\n{request.system}\n\n{request.user}\n")


def _messages(content: bytes, rules: Rules, settings: Settings) -> Sequence[ExtractedMessage]:
    """Return the messages in a raw mail: the mail, and forwarded, attached and quoted mails."""
    from service.cases.facts.extraction import extract_messages

    mail, roles = parse_mail(content), _roles(rules, settings)
    return extract_messages(mail, roles, _ingest(settings), received_at=mail.date or datetime.now(UTC))


def _content(what: str, settings: Settings) -> bytes:
    """Return a raw mail. ``what``: a file, or the Message-ID of a processed mail. Raises NotFound, Refused."""
    if not what.startswith("<") and Path(what).is_file():
        return _bytes(Path(what))
    from service.store import contents, timeline
    from service.store.blob_store import blob_store_of
    from service.store.database import Database

    database = Database(settings.database_url)
    for message in database.read(lambda conn: timeline.by_message_id(conn, what, settings.case_prefix)):
        try:
            source = database.read(partial(timeline.source, number=int(message["id"])))
            return contents.content(database, blob_store_of(settings), source.spool_id)
        except NotFound:
            continue
    raise NotFound(f"{what} is neither a file nor the Message-ID of a processed mail")


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from None
