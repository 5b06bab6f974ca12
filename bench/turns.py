"""Labelled turns: does sodan say after each mail of a conversation who has to act next?

    python -m bench.turns [SET…]

A set is a file of ``bench/labelled_turns``. It labels the conversations in the folder of the same name in
``bench/labelled_mail``: who has to act in the case after each mail (``after``), and for which mails a second reader
might decide otherwise (``doubtful``). Some sets also name the vendor's case numbers and the status of each case at the
end. The mails are taken in one by one. ``bench.train_matter`` trains on all sets except those in ``held_out``.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import cyclopts
from sqlalchemy import select

from bench.conversations import Conversation, cases_of, play, read_all
from bench.harness import BENCH, empty
from service.store.tables import cases

LABELS = BENCH / "labelled_turns"
SETS = BENCH / "labelled_mail"


def labelled_turns(name: str) -> dict[str, Any]:
    """Return the labels of a set, by conversation."""
    [file] = LABELS.glob(f"**/{name}.json")
    labels: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return labels


def compare(conversation: Conversation, label: Mapping[str, Any]) -> Counter[str]:
    """Take the mails in, one by one, and count the right results."""
    count: Counter[str] = Counter()
    last: dict[str, dict[str, Any]] = {}  # letter of a case → the case after its last mail
    with empty() as database:
        for mail, number in play(database, conversation):
            [case] = cases_of(database, [number]).values()
            query = select(cases.c.document).where(cases.c.id == case)
            document = database.read(lambda conn, query=query: conn.execute(query).scalar_one())  # type: ignore[misc]
            right = document["waiting_on"] == label["after"][mail.name.rpartition("/")[2]]
            count.update({"mails": 1, "turn right": right})
            last[mail.case.rpartition("/")[2]] = document
    for case, document in last.items() if "refs" in label else ():
        refs = {one["ref"] for one in document["vendor_refs"]}
        wanted = [ref.upper() for ref in label["refs"].get(case, [])]  # as sodan writes them
        right = sum(any(one.endswith(ref) for one in wanted) for ref in refs)  # a label may hold a prefix, such as "#"
        settled = document["status"] != "open", label["status"][case] != "open"
        count.update({"cases": 1, "refs given": len(refs), "refs wanted": len(wanted), "refs right": right})
        count.update({"status right": settled[0] == settled[1]})
    return count


def main(*sets: str) -> None:
    for name in sets or sorted(file.stem for file in LABELS.glob("**/*.json")):
        labels, count = labelled_turns(name), Counter[str]()
        for conversation in read_all([SETS / name]):
            count.update(compare(conversation, labels[conversation[0].name.rpartition("/")[0]]))
        print(name, dict(count), f"turn {count['turn right'] / count['mails']:.3f}")


if __name__ == "__main__":
    cyclopts.run(main)
