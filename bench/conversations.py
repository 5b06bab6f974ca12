"""Takes labelled conversations in, mail by mail: is each mail in the right case?

    python -m bench.conversations [FOLDER…]

A folder holds sub-folders of ``NN.eml`` with ``expected.json``: ``arrival`` (the order of sending), ``cases`` (which
mails belong together) and ``hard_links`` (mails that only content, people or time join); or ``*.yaml`` as in
``bench/labelled``, the default. It counts links: mails that continue a case. Of these, it counts those that sodan joins
to their case or suggests for it. A link is easy if it is not hard.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from email.utils import formataddr
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import cyclopts
import yaml
from sqlalchemy import select

from bench.harness import context, empty, receive, table, take_in
from service.intake import AppContext
from service.store.database import Connection, Database
from service.store.neighbours import aliases_of
from service.store.tables import deliveries, messages, suggestions

INTAKE = "intake@corp.example"
NAMES = table("people")
LABELLED = Path(__file__).parent / "labelled"
BEGUN = datetime(2026, 11, 16, 9, 0, tzinfo=timezone(timedelta(hours=9)))
PLAYED = datetime(2027, 6, 1, tzinfo=UTC)
"""Long after the mails were written, because a mail of the last days with a Received line counts as relayed."""
TEAM = "itdesk@corp.example,m.saeki@corp.example,r.otsuka@corp.example"
FORWARD = "From: <{from}>\nSent: {date:%A, %B %d, %Y %I:%M %p}\nTo: {to}\nSubject: {subject}\n\n{text}\n"
QUOTE = "On {date:%a, %d %b %Y at %H:%M}, <{from}> wrote:\n"


class LabelledMail(NamedTuple):
    """A mail and the case that it belongs to."""

    name: str
    content: bytes
    case: str
    hard: bool  # whether only content, people or time join it to its case


Conversation = Sequence[LabelledMail]  # mails in order of arrival


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


@cache
def labelled_context() -> AppContext:
    """Return the context with the team of the labelled conversations."""
    return context(intake=INTAKE, team=TEAM)


def play(database: Database, mails: Iterable[LabelledMail]) -> Iterator[tuple[LabelledMail, str]]:
    """Take mails in, one by one. Yield each with its number in the spool as soon as it is taken in."""
    for second, mail in enumerate(mails):
        now = PLAYED + timedelta(seconds=second)
        [number] = receive(database, [mail.content], now, INTAKE)
        take_in(database, labelled_context(), now)
        yield mail, number


def cases_of(database: Database, numbers: Iterable[str]) -> dict[str, int]:
    """Return number in the spool → case."""
    query = select(deliveries.c.spool_id, messages.c.case_id).where(deliveries.c.part == "")
    query = query.join(messages, messages.c.id == deliveries.c.message_id).where(deliveries.c.spool_id.in_(numbers))
    return {row.spool_id: row.case_id for row in database.read(lambda conn: conn.execute(query).all())}


def suggested_cases(conn: Connection) -> dict[str, set[int]]:
    """Return number in the spool → the cases that sodan suggested for this mail."""
    query = select(deliveries.c.spool_id, suggestions.c.other_id).where(deliveries.c.part == "")
    rows = conn.execute(query.join(suggestions, suggestions.c.message_id == deliveries.c.message_id)).all()
    merged = aliases_of(conn, {row.other_id for row in rows})
    found: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        found[row.spool_id].add(merged.get(row.other_id, row.other_id))
    return found


def links(conversation: Sequence[tuple[LabelledMail, int, set[int]]]) -> Counter[str]:
    """Count the mails that continue a case of their conversation, and those that are in the case of another matter.

    ``conversation``: each mail with its case and the suggested cases.
    """
    count: Counter[str] = Counter()
    for place, (mail, case, suggested) in enumerate(conversation):
        own = {its for other, its, _ in conversation[:place] if other.case == mail.case}
        others = {its for other, its, _ in conversation[:place] if other.case != mail.case}
        if own:
            joined, easy = case in own, not mail.hard
            count.update({"links": 1, "links.joined": joined, "links.suggested": not joined and bool(suggested & own)})
            count.update({"links.easy": easy, "links.easy.joined": joined and easy})
        count["links.wrong"] += case in others - own
    return count


def main(*folders: Path) -> None:
    conversations, count = read_all(folders or [LABELLED]), Counter[str]()
    with empty() as database:
        numbers = {mail.name: number for mail, number in play(database, chain.from_iterable(conversations))}
        cases, suggested = cases_of(database, numbers.values()), database.read(suggested_cases)
    for one in conversations:
        at = [(mail, numbers[mail.name]) for mail in one]
        count.update(links([(mail, cases[number], suggested.get(number, set())) for mail, number in at]))
    for what, value in count.items():
        print(f"{what}: {value}")


if __name__ == "__main__":
    cyclopts.run(main)
