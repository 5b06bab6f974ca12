"""Labelled conversations, played mail by mail through the real rules into one store: is each mail in the right case?

    python -m bench.conversations [FOLDER…] [--verbose]

A folder holds sub-folders of ``NN.eml`` with ``expected.json``: ``arrival`` (the order of sending), ``cases`` (which
mails belong together) and ``hard_links`` (mails that only content, people or time join); or ``*.yaml`` as in
``bench/labelled``, the default. Counted are pairs of mails in one case (precision, recall), all and without the hard
ones, and links: a mail that joins the case of earlier mails of its own, or is suggested to it. ``--verbose`` names each
mail, its case and its evidence.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from email.utils import formataddr
from functools import partial
from pathlib import Path
from typing import Any

import cyclopts
import yaml
from sqlalchemy import select

from bench.harness import context, empty, pair_figures, table, worker
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
"""Long after the mails were written: a mail of the last days with a Received line counts as relayed."""
TEAM = ("itdesk@corp.example", "m.saeki@corp.example", "r.otsuka@corp.example")


@dataclass(frozen=True, slots=True)
class Conversation:
    """Mails in order of arrival, and the case each belongs to."""

    name: str
    mails: tuple[tuple[str, bytes], ...]
    labels: Mapping[str, str]
    hard: frozenset[str] = frozenset()


@dataclass(slots=True)
class Played:
    """Where each mail landed."""

    cases: dict[str, int] = field(default_factory=dict)
    evidence: dict[str, str] = field(default_factory=dict)
    suggested: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))


def read_folder(folder: Path) -> Iterator[Conversation]:
    """Every conversation below a folder."""
    for file in sorted(folder.glob("**/expected.json")):
        wanted = json.loads(file.read_text(encoding="utf-8"))
        name = file.parent.name
        mails = tuple((f"{name}/{one}", (file.parent / one).read_bytes()) for one in wanted["arrival"])
        labels = {f"{name}/{mail}": f"{name}/{case}" for case, its in wanted["cases"].items() for mail in its}
        hard = frozenset(f"{name}/{mail}" for mail in wanted.get("hard_links", {}))
        yield Conversation(name, mails, labels, hard)


def read_yaml(file: Path) -> Iterator[Conversation]:
    """Conversations written down briefly; see the head of ``bench/labelled/one.yaml``."""
    for place, wanted in enumerate(yaml.safe_load(file.read_text(encoding="utf-8"))):
        begun = BEGUN + timedelta(days=place % 3, hours=place)
        rows = sorted(wanted["mails"], key=lambda row: row["at"])
        by_id = {row["id"]: row for row in rows}
        name = wanted["name"]
        mails = tuple((f"{name}/{row['id']}", _written(name, row, by_id, begun)) for row in rows)
        labels = {f"{name}/{row['id']}": f"{name}/{row['case']}" for row in rows}
        yield Conversation(name, mails, labels, frozenset(f"{name}/{row['id']}" for row in rows if row.get("hard")))


def _written(name: str, row: Mapping[str, Any], by_id: Mapping[str, Mapping[str, Any]], begun: datetime) -> bytes:
    message = EmailMessage()
    message["From"] = formataddr((NAMES.get(row["from"].partition("@")[0], ""), row["from"]))
    message["To"], message["Subject"] = row["to"], row["subject"]
    if row.get("cc"):
        message["Cc"] = row["cc"]
    message["Date"] = begun + timedelta(minutes=row["at"])
    message["Message-ID"] = f"<{row['id']}.{name}@mail.example>"
    text = row["text"]
    if parent := by_id.get(row.get("parent", "")):
        message["In-Reply-To"] = message["References"] = f"<{parent['id']}.{name}@mail.example>"
    if inner := by_id.get(row.get("forwards", "")):
        at = begun + timedelta(minutes=inner["at"])
        head = f"From: <{inner['from']}>\nSent: {at:%A, %B %d, %Y %I:%M %p}\nTo: {inner['to']}\n"
        head += f"Subject: {inner['subject']}"
        text += f"\n\n-----Original Message-----\n{head}\n\n{inner['text']}\n"
    if quoted := by_id.get(row.get("quotes", "")):
        at = begun + timedelta(minutes=quoted["at"])
        text += f"\n\nOn {at:%a, %d %b %Y at %H:%M}, <{quoted['from']}> wrote:\n"
        text += "".join(f"> {line}\n" for line in quoted["text"].splitlines())
    message.set_content(text)
    return message.as_bytes()


def read_all(paths: Sequence[Path]) -> list[Conversation]:
    """Every conversation of these folders and files."""
    files = [file for path in paths for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    folders = [path for path in paths if path.is_dir()]
    return [c for f in files for c in read_yaml(f)] + [c for folder in folders for c in read_folder(folder)]


def labelled_context() -> AppContext:
    """Of the people of the labelled conversations."""
    return context(intake=INTAKE, team=",".join(TEAM))


def play(
    database: Database,
    ours: AppContext,
    conversations: Sequence[Conversation],
    envelope: Envelope = ENVELOPE,
    batch: int = 1,
) -> Played:
    """Take all mails in, so many at once, in order of arrival."""
    ids: dict[str, str] = {}
    now = PLAYED
    reads = worker(database, ours, lambda: now)
    for conversation in conversations:
        for start in range(0, len(conversation.mails), batch):
            now += timedelta(seconds=1)
            arrived = conversation.mails[start : start + batch]
            numbers = intake.receive(database, [(envelope, content) for _, content in arrived], now)
            ids |= zip(numbers, (name for name, _ in arrived), strict=True)
            while reads.step():
                pass
    return database.read(partial(_landed, names=ids))


def _landed(conn: Connection, names: Mapping[str, str]) -> Played:
    found = Played()
    by_message = {}
    query = select(deliveries.c.spool_id, messages.c.id, messages.c.case_id, messages.c.placed_by).join(
        messages, messages.c.id == deliveries.c.message_id
    )
    for row in conn.execute(query.where(deliveries.c.part == "")):
        name = names[row.spool_id]
        found.cases[name], found.evidence[name] = row.case_id, row.placed_by
        by_message[row.id] = name
    rows = conn.execute(select(suggestions)).all()
    ends = aliases_of(conn, {number for row in rows for number in (row.case_id, row.other_id)})
    for row in rows:
        if row.message_id in by_message:
            found.suggested[by_message[row.message_id]].add(ends.get(row.other_id, row.other_id))
    return found


def figures(conversations: Sequence[Conversation], played: Played) -> dict[str, float]:
    """Links and pairs."""
    count: Counter[str] = Counter()
    for one in conversations:
        links(one, played, count)
    labels = {name: label for one in conversations for name, label in one.labels.items()}
    hard = {name for one in conversations for name in one.hard}
    within = {name: (one.name, played.cases[name]) for one in conversations for name in one.labels}
    found: dict[str, float] = {kind: count[kind] for kind in LINKS}
    found["glued across"] = (
        pair_figures({name: played.cases[name] for name in labels}, labels)[2] - pair_figures(within, labels)[2]
    )
    for kind, names in (("all", labels.keys()), ("easy", labels.keys() - hard)):
        precision, recall, *_ = pair_figures({name: within[name] for name in names}, labels)
        found |= {f"{kind} pairs precision": round(precision, 4), f"{kind} pairs recall": round(recall, 4)}
    return found


LINKS = ("links", "links.joined", "links.suggested", "links.easy", "links.easy.joined", "links.wrong")


def links(one: Conversation, played: Played, count: Counter[str]) -> None:
    """A mail is linked rightly where it is in the case of an earlier mail of its own."""
    before: list[str] = []
    for name, _ in one.mails:
        own = {played.cases[other] for other in before if one.labels[other] == one.labels[name]}
        others = {played.cases[other] for other in before if one.labels[other] != one.labels[name]}
        if own:
            joined = played.cases[name] in own
            count["links"] += 1
            count["links.joined"] += joined
            count["links.easy"] += name not in one.hard
            count["links.easy.joined"] += joined and name not in one.hard
            count["links.suggested"] += not joined and bool(played.suggested[name] & own)
        count["links.wrong"] += played.cases[name] in others - own
        before.append(name)


def main(*folders: Path, verbose: bool = False) -> None:
    conversations = read_all(folders or [LABELLED])
    with empty("sqlite") as database:
        played = play(database, labelled_context(), conversations)
    for name, label in [pair for one in conversations for pair in one.labels.items()] if verbose else ():
        likely = f" suggested {sorted(played.suggested[name])}" if played.suggested[name] else ""
        print(f"{name} {label.rpartition('/')[2]} case {played.cases[name]} {played.evidence[name]}{likely}")
    for what, value in figures(conversations, played).items():
        print(f"{what}: {value}")


if __name__ == "__main__":
    cyclopts.run(main)
