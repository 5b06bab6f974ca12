"""Trains the classifiers of mails that continue a matter, and of replies that begin another one.

    python -m bench.train_matter FOLDER… [--write]

The folders hold labelled conversations as for ``bench.conversations``: a mail continues a matter if an earlier mail is
in its case; a reply whose parent is in another case begins another matter. ``bench/labelled_openings`` and
``bench/labelled_replies`` are always used. For each set, it prints how many of the labelled mails, and how many of the
others, a classifier that never saw the set takes for labelled ones. ``--write`` writes ``mailrules/reader/matter.bin``.
Needs the dependency group ``train``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from email import message_from_bytes, policy
from pathlib import Path

import cyclopts
import numpy as np

from bench.conversations import PLAYED, Conversation, labelled_context, read_all
from bench.harness import ROOT
from bench.threads import read_mail
from bench.training.matter import OPENINGS, Example, openings, read_example, text_to_read, train, without
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.matter import FILE, MatterClassifier, tells_continuation, tells_departure, written
from mailrules.reader.weights import shipped_weights
from mailrules.statement import MailText
from service.cases.facts.roles import NOTHING_LEARNED
from service.intake import AppContext

REPLIES = ROOT / "bench" / "labelled_replies"
WRITTEN = ROOT / "mailrules" / "reader" / FILE
FALSE = {
    "departure": 0.02
}  # share of the other mails that may be taken for labelled ones; without an entry: probability .5


def replies(file: Path, reader: EmbeddedReader) -> list[Example]:
    """The replies of a file of ``bench/labelled_replies``, each as a user's and as one of the team."""
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [
        read_example(reader, MailText(row["reply"], "", row["lang"], side, to, False, None, (), None), row["new"])
        for row in rows
        for side, to in (("requester", "team"), ("team", "vendor"))
    ]


def mails(
    conversations: Sequence[Conversation], ours: AppContext, reader: EmbeddedReader
) -> Iterator[tuple[str, Example]]:
    """The mails of conversations for each of the classifiers."""
    learned, begun = NOTHING_LEARNED, set[str]()
    for conversation in conversations:
        cases: dict[str, str] = {}
        for mail in conversation:
            headers = message_from_bytes(mail.content, policy=policy.default)
            extracted = read_mail(mail.content, ours, ours.roles(learned), PLAYED)
            learned = learned.with_more(one.learned for one in extracted)
            text = text_to_read(extracted[0])
            if tells_continuation(text):
                yield "continuation", read_example(reader, text, mail.case in begun)
            parent = str(headers["In-Reply-To"] or "").strip()
            if parent in cases and extracted[0].turn.is_reply and tells_departure(text):
                yield "departure", read_example(reader, text, cases[parent] != mail.case)
            cases[str(headers["Message-ID"] or "").strip()] = mail.case
            begun.add(mail.case)


def left_out(read: Mapping[Path, Sequence[Example]]) -> dict[Path, list[float]]:
    """The distances of the mails of each set by a classifier that never saw it."""
    found = {}
    for one in read:
        classifier = train(without(one, read))
        found[one] = [classifier.distance(its.rows, its.inputs) for its in read[one]]
    return found


def main(*folders: Path, write: bool = False) -> None:
    ours, reader, shipped = labelled_context(), EmbeddedReader(), shipped_weights()
    read: dict[str, dict[Path, list[Example]]] = {
        "continuation": {file: openings(file, reader) for file in sorted(OPENINGS.glob("*.jsonl"))},
        "departure": {file: replies(file, reader) for file in sorted(REPLIES.glob("*.jsonl"))},
    }
    for folder in folders:
        for name, example in mails(read_all([folder]), ours, reader):
            read[name].setdefault(folder, []).append(example)
    made: dict[str, MatterClassifier] = {}
    for name, sets in read.items():
        found, boundary = left_out(sets), 0.0
        if name in FALSE:
            others = [at for one in sets for at, its in zip(found[one], sets[one], strict=True) if not its.label]
            boundary = float(np.quantile(others, 1 - FALSE[name]))
        for one, at in found.items():
            labelled, other = (
                [a > boundary for a, its in zip(at, sets[one], strict=True) if its.label is kind]
                for kind in (True, False)
            )
            print(f"{name} {one.name}: {sum(labelled)} of {len(labelled)}, false {sum(other)} of {len(other)}")
        classifier = train(without(None, sets))
        made[name] = classifier._replace(base=classifier.base - boundary)
    if write:
        WRITTEN.write_bytes(written(made, shipped.units["ours"].table, shipped.version))


if __name__ == "__main__":
    cyclopts.run(main)
