"""Labelled turns: does sodan say after each mail of a conversation who has to act next?

    python -m bench.turns [SET…]

A set is a file of ``bench/labelled_turns``. It labels the conversations in the folder of the same name in
``bench/labelled_mail``: who has to act in the case after each mail (``after``), and for which mails a second reader
might decide otherwise (``doubtful``). Some sets also name the vendor's case numbers and the status of each case at the
end. The mails are taken in one by one. ``bench.train_matter`` trains on all sets except those in ``held_out``.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import cyclopts
from sqlalchemy import ColumnElement, Connection, select

from bench.conversations import Conversation, labelled_context, read_all, take_in
from bench.harness import ROOT, empty
from service.intake import AppContext
from service.store.tables import cases, deliveries, messages

LABELS = ROOT / "bench" / "labelled_turns"
SETS = ROOT / "bench" / "labelled_mail"


def labelled_turns(name: str) -> dict[str, Any]:
    """Return the labels of a set, by conversation."""
    [file] = LABELS.glob(f"**/{name}.json")
    labels: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return labels


def documents(conversation: Conversation, ours: AppContext) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Take the mails in. Yield for each mail: its id, the letter of its case, and the case after this mail."""
    with empty("sqlite") as database:
        for mail, number in take_in(database, ours, conversation):
            mine = select(messages.c.case_id).join(deliveries, deliveries.c.message_id == messages.c.id)
            mine = mine.where(deliveries.c.spool_id == number, deliveries.c.part == "")
            document = database.read(partial(_document, cases.c.id == mine.scalar_subquery()))
            yield mail.name.rpartition("/")[2], mail.case.rpartition("/")[2], document


def _document(which: ColumnElement[bool], conn: Connection) -> dict[str, Any]:
    return dict(conn.execute(select(cases.c.document).where(which)).scalar_one())


def compare(conversation: Conversation, label: Mapping[str, Any], ours: AppContext) -> Counter[str]:
    """Count the right results."""
    count: Counter[str] = Counter()
    last: dict[str, dict[str, Any]] = {}
    for mail, case, document in documents(conversation, ours):
        count["mails"] += 1
        count["turn right"] += document["waiting_on"] == label["after"][mail]
        last[case] = document
    for case, document in last.items() if "refs" in label else ():
        refs = {one["ref"] for one in document["vendor_refs"]}
        wanted = [ref.upper() for ref in label["refs"].get(case, [])]  # as sodan writes them
        right = sum(any(one.endswith(ref) for one in wanted) for ref in refs)  # a label may hold a prefix, such as "#"
        settled = document["status"] != "open", label["status"][case] != "open"
        count.update({"cases": 1, "refs given": len(refs), "refs wanted": len(wanted), "refs right": right})
        count.update({"status right": settled[0] == settled[1]})
    return count


def main(*sets: str) -> None:
    ours = labelled_context()
    for name in sets or sorted(file.stem for file in LABELS.glob("**/*.json")):
        labels, count = labelled_turns(name), Counter[str]()
        for conversation in read_all([SETS / name]):
            count += compare(conversation, labels[conversation[0].name.rpartition("/")[0]], ours)
        print(name, dict(count), f"turn {count['turn right'] / count['mails']:.3f}")


if __name__ == "__main__":
    cyclopts.run(main)
