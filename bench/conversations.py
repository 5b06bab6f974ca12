"""Takes labelled conversations in, mail by mail: is each mail in the right case?

    python -m bench.conversations [FOLDER…] [--verbose]

A folder holds sub-folders of ``NN.eml`` with ``expected.json``: ``arrival`` (the order of sending), ``cases`` (which
mails belong together) and ``hard_links`` (mails that only content, people or time join); or ``*.yaml`` as in
``bench/labelled``, the default. It counts links: mails that continue a case. Of these, it counts those that sodan joins
to their case or suggests for it. ``--verbose`` prints for each mail its case and the evidence.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from email.utils import formataddr
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import cyclopts
import yaml
from sqlalchemy import select

from bench.harness import context, empty, table, worker
from service import intake
from service.intake import AppContext
from service.store.database import Connection, Database
from service.store.neighbours import aliases_of
from service.store.spool import Envelope
from service.store.tables import deliveries, messages, suggestions

INTAKE = "intake@corp.example"
ENVELOPE = Envelope("smtp", "sender@corp.example", (INTAKE,), peer="127.0.0.1")
NAMES = table("people")
LABELLED = Path(__file__).parent / "labelled"
BEGUN = datetime(2026, 11, 16, 9, 0, tzinfo=timezone(timedelta(hours=9)))
PLAYED = datetime(2027, 6, 1, tzinfo=UTC)
"""Long after the mails were written, because a mail of the last days with a Received line counts as relayed."""
TEAM = "itdesk@corp.example,m.saeki@corp.example,r.otsuka@corp.example"
FORWARD = "From: <{from}>\nSent: {date:%A, %B %d, %Y %I:%M %p}\nTo: {to}\nSubject: {subject}\n\n{text}\n"
QUOTE = "On {date:%a, %d %b %Y at %H:%M}, <{from}> wrote:\n"
LINKS = ("links", "links.joined", "links.suggested", "links.easy", "links.easy.joined", "links.wrong")


class LabelledMail(NamedTuple):
    """A mail and the case that it belongs to."""

    name: str
    content: bytes
    case: str
    hard: bool  # whether only content, people or time join it to its case


Conversation = Sequence[LabelledMail]  # mails in order of arrival


class Landed(NamedTuple):
    """The case of a mail, and the cases that sodan suggested for it."""

    case: int
    evidence: str
    suggested: set[int]


def read_folder(file: Path) -> Conversation:
    """Return the mails in the folder of an ``expected.json``."""
    wanted, name = json.loads(file.read_text(encoding="utf-8")), file.parent.name
    cases = {mail: f"{name}/{case}" for case, its in wanted["cases"].items() for mail in its}
    hard = wanted.get("hard_links", ())
    return [
        LabelledMail(f"{name}/{mail}", (file.parent / mail).read_bytes(), cases[mail], mail in hard)
        for mail in wanted["arrival"]
    ]


def read_yaml(file: Path) -> Iterator[Conversation]:
    """Yield the conversations of a YAML file; the first lines of ``bench/labelled/one.yaml`` describe the format."""
    for place, wanted in enumerate(yaml.safe_load(file.read_text(encoding="utf-8"))):
        begun, name = BEGUN + timedelta(days=place % 3, hours=place), wanted["name"]
        rows = sorted(wanted["mails"], key=lambda row: row["at"])
        by_id = {row["id"]: row | {"date": begun + timedelta(minutes=row["at"])} for row in rows}
        yield [
            LabelledMail(f"{name}/{id}", _written(name, row, by_id), f"{name}/{row['case']}", bool(row.get("hard")))
            for id, row in by_id.items()
        ]


def _written(name: str, row: Mapping[str, Any], by_id: Mapping[str, Mapping[str, Any]]) -> bytes:
    message = EmailMessage()
    message["From"] = formataddr((NAMES.get(row["from"].partition("@")[0], ""), row["from"]))
    message["To"], message["Subject"] = row["to"], row["subject"]
    if row.get("cc"):
        message["Cc"] = row["cc"]
    message["Date"] = row["date"]
    message["Message-ID"] = f"<{row['id']}.{name}@mail.example>"
    parent, inner, quoted = (by_id.get(row.get(key, "")) for key in ("parent", "forwards", "quotes"))
    text = row["text"]
    if parent:
        message["In-Reply-To"] = message["References"] = f"<{parent['id']}.{name}@mail.example>"
    if inner:
        text += f"\n\n-----Original Message-----\n{FORWARD.format_map(inner)}"
    if quoted:
        lines = "".join(f"> {line}\n" for line in quoted["text"].splitlines())
        text += f"\n\n{QUOTE.format_map(quoted)}{lines}"
    message.set_content(text)
    return message.as_bytes()


def read_all(folders: Sequence[Path]) -> list[Conversation]:
    """Return all conversations of these folders."""
    found: list[Conversation] = []
    for folder in folders:
        found += chain.from_iterable(map(read_yaml, sorted(folder.glob("*.yaml"))))
        found += map(read_folder, sorted(folder.glob("**/expected.json")))
    return found


def labelled_context() -> AppContext:
    """Return the context with the team of the labelled conversations."""
    return context(intake=INTAKE, team=TEAM)


def play(database: Database, ours: AppContext, conversations: Sequence[Conversation]) -> dict[str, Landed]:
    """Take all mails in, one by one. Return the name of each mail → its case."""
    mails = chain.from_iterable(conversations)
    ids = {number: mail.name for mail, number in take_in(database, ours, mails)}
    return database.read(partial(_landed, names=ids))


def take_in(database: Database, ours: AppContext, mails: Iterable[LabelledMail]) -> Iterator[tuple[LabelledMail, str]]:
    """Take mails in, and yield each with its number in the spool as soon as it is taken in."""
    now = PLAYED
    reads = worker(database, ours, lambda: now)
    for mail in mails:
        now += timedelta(seconds=1)
        [number] = intake.receive(database, [(ENVELOPE, mail.content)], now)
        while reads.step():
            pass
        yield mail, number


def _landed(conn: Connection, names: Mapping[str, str]) -> dict[str, Landed]:
    rows = conn.execute(select(suggestions.c.message_id, suggestions.c.other_id)).all()
    ends = aliases_of(conn, {row.other_id for row in rows})
    suggested: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        suggested[row.message_id].add(ends.get(row.other_id, row.other_id))
    query = select(deliveries.c.spool_id, messages.c.id, messages.c.case_id, messages.c.placed_by).join(
        messages, messages.c.id == deliveries.c.message_id
    )
    found = conn.execute(query.where(deliveries.c.part == ""))
    return {names[row.spool_id]: Landed(row.case_id, row.placed_by, suggested[row.id]) for row in found}


def links(conversations: Sequence[Conversation], landed: Mapping[str, Landed]) -> dict[str, int]:
    """Count the mails that continue a case of their conversation, and those that are in the case of another matter."""
    count = dict.fromkeys(LINKS, 0)
    for one in conversations:
        for place, mail in enumerate(one):
            case, _, suggested = landed[mail.name]
            own = {landed[other.name].case for other in one[:place] if other.case == mail.case}
            others = {landed[other.name].case for other in one[:place] if other.case != mail.case}
            if own:
                count["links"] += 1
                count["links.joined"] += case in own
                count["links.easy"] += not mail.hard
                count["links.easy.joined"] += case in own and not mail.hard
                count["links.suggested"] += case not in own and bool(suggested & own)
            count["links.wrong"] += case in others - own
    return count


def main(*folders: Path, verbose: bool = False) -> None:
    conversations = read_all(folders or [LABELLED])
    with empty("sqlite") as database:
        landed = play(database, labelled_context(), conversations)
    for name, _, label, _ in chain.from_iterable(conversations) if verbose else ():
        case, evidence, suggested = landed[name]
        likely = f" suggested {sorted(suggested)}" if suggested else ""
        print(f"{name} {label.rpartition('/')[2]} case {case} {evidence}{likely}")
    for what, value in links(conversations, landed).items():
        print(f"{what}: {value}")


if __name__ == "__main__":
    cyclopts.run(main)
