"""Trains the classifiers of ``mailrules/reader/matter.py``.

    python -m bench.train_matter FOLDER… [--write] [--only-reports]

The folders contain labelled conversations (see ``bench.conversations``). A mail continues a matter if an earlier mail
is in its case. A reply begins another matter if the mail that it answers is in another case. Further labels:

- ``bench/labelled_openings``: whether a mail continues a matter;
- ``bench/labelled_replies``: whether a reply begins another matter;
- ``bench/labelled_turns`` and ``bench/labelled_next``: who has to act after a mail;
- ``bench/labelled_reports``: what a mail reports.

The command prints how many mails of each set are right with a classifier that never saw the set (half an hour), and how
many of the held-out short replies and reports. ``--write`` skips most of this and writes
``mailrules/reader/matter.bin``. ``--only-reports`` trains only ``report.…``. Needs the dependency group ``train``.
"""

from collections.abc import Iterator, Mapping, Sequence
from email import message_from_bytes, policy
from pathlib import Path
from typing import NamedTuple

import cyclopts
import numpy as np
import yaml
from numpy.typing import NDArray

from bench.conversations import Conversation, labelled_context, read_all
from bench.harness import CORPUS, ROOT, corpus
from bench.training.matter import (
    OPENINGS,
    SINGLE,
    Example,
    lines_of,
    next_example,
    openings,
    read_conversations,
    read_example,
    single_mails,
    text_to_read,
    train,
    without,
)
from bench.training.reports import REPORTS, ReportExample, people, report_examples, train_reports
from bench.turns import LABELS, SETS, labelled_turns
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.mailview import is_readable
from mailrules.reader.matter import (
    FILE,
    MatterClassifier,
    file_content,
    next_classifier,
    table_side,
    tells_continuation,
    tells_departure,
)
from mailrules.reader.weights import shipped_weights
from mailrules.statement import NEXT_SIDES, MailText, NextSide
from mailrules.thread import RuleInput
from service.intake import AppContext

REPLIES = ROOT / "bench" / "labelled_replies"
WRITTEN = ROOT / "mailrules" / "reader" / FILE
FALSE = {"departure": 0.02}
"""Classifier → share of the unlabelled mails that it may take for labelled ones. Others decide at probability .5."""


def replies(file: Path, reader: EmbeddedReader) -> list[Example]:
    """Return the replies of a file of ``bench/labelled_replies``, each as written by a user and by the team."""
    return [
        read_example(reader, MailText(row["reply"], "", row["lang"], side, to, False, None, (), None), row["new"])
        for row in lines_of(file)
        for side, to in (("requester", "team"), ("team", "vendor"))
    ]


def mails(
    conversations: Sequence[Conversation], ours: AppContext, reader: EmbeddedReader
) -> Iterator[tuple[str, Example]]:
    """Yield the mails of conversations for ``continuation`` and ``departure``."""
    begun = set[str]()
    cases: dict[str, str] = {}  # Message-ID → case
    for mail, (extracted, *_) in read_conversations(conversations, ours):
        headers, text = message_from_bytes(mail.content, policy=policy.default), text_to_read(extracted)
        if tells_continuation(text):
            yield "continuation", read_example(reader, text, mail.case in begun)
        parent = str(headers["In-Reply-To"] or "").strip()
        if parent and parent in cases and extracted.turn.is_reply and tells_departure(text):
            yield "departure", read_example(reader, text, cases[parent] != mail.case)
        cases[str(headers["Message-ID"] or "").strip()] = mail.case
        begun.add(mail.case)


class LabelledTurn(NamedTuple):
    """A mail that the reader can read, with the side that has to act after it."""

    set: str
    case: str
    turn: RuleInput
    classifier: str  # which of ``next.…`` reads it
    example: Example
    next: NextSide


def turns(name: str, ours: AppContext, reader: EmbeddedReader) -> Iterator[LabelledTurn]:
    """Yield the mails of a set with labelled turns."""
    labels = labelled_turns(name)
    for mail, (extracted, *_) in read_conversations(read_all([SETS / name]), ours):
        conversation, _, id = mail.name.rpartition("/")
        label, text = labels[conversation], text_to_read(extracted)
        after, doubtful = label["after"][id], id in label.get("doubtful", ())
        if is_readable(text):
            example = next_example(reader, text, after, doubtful)
            yield LabelledTurn(name, mail.case, extracted.turn, next_classifier(text), example, after or "nobody")


def train_one(name: str, read: Sequence[Example]) -> MatterClassifier:
    return train(read, table_side(name), len(NEXT_SIDES) if name.startswith("next.") else 2)


def left_out(name: str, read: Mapping[Path, Sequence[Example]]) -> dict[Path, list[NDArray[np.float64]]]:
    """Return the scores of the mails of each set, by a classifier that never saw the set."""
    found = {}
    for one in read:
        classifier = train_one(name, without(one, read))
        found[one] = [classifier.scores(its.rows, its.inputs) for its in read[one]]
    return found


def main(*folders: Path, write: bool = False, only_reports: bool = False) -> None:
    reader, shipped = EmbeddedReader(), shipped_weights()
    made = dict(shipped.matter) if only_reports else _matter_and_turn(folders, reader, write)
    made |= _reports(reader, write)
    if write:
        WRITTEN.write_bytes(file_content(made, shipped.tables, shipped.version))
    else:
        _print_held_out(made, reader)


def _reports(reader: EmbeddedReader, write: bool) -> dict[str, MatterClassifier]:
    """Train ``report.…``. Without ``write``, print the figures of each file with a classifier that never saw it."""
    read = {file: list(report_examples(file, reader)) for file in sorted(REPORTS.glob("*.jsonl"))}
    others = people(reader)
    for one, its in read.items() if not write else ():
        _print_reports(one.name, _trained_reports([*without(one, read), *others]), its)
    return _trained_reports([*without(None, read), *others])


def _trained_reports(examples: Sequence[ReportExample]) -> dict[str, MatterClassifier]:
    return {f"report.{side}": train_reports(examples, side) for side in ("vendor", "ours")}


def _print_reports(name: str, trained: Mapping[str, MatterClassifier], read: Sequence[ReportExample]) -> None:
    best = [int(trained[f"report.{one.side}"].scores(one.rows, one.inputs).argmax()) for one in read]
    right = sum(way == one.way for way, one in zip(best, read, strict=True))
    print(f"report {name}: {right} of {len(read)}, reports {sum(way > 0 for way in best)}")


def _print_held_out(made: Mapping[str, MatterClassifier], reader: EmbeddedReader) -> None:
    """Print the figures of mails that no training uses. Only numbers leave the files."""
    for file in sorted((REPORTS / "held_out").glob("*.jsonl")):
        _print_reports(f"held out, {file.name}", made, list(report_examples(file, reader)))
    for writer in yaml.safe_load((CORPUS / "split.yaml").read_text(encoding="utf-8"))["settling_held_out"]:
        read = [*single_mails(corpus(writer), reader)]
        scores = [made[name].scores(one.rows, one.inputs) for name, one in read]
        print(f"next held out, {writer}: {_right(scores, [one for _, one in read], 0.0)}")


def _matter_and_turn(folders: Sequence[Path], reader: EmbeddedReader, write: bool) -> dict[str, MatterClassifier]:
    """Train ``continuation``, ``departure`` and ``next.…``. Without ``write``, print what is right."""
    ours = labelled_context()
    read: dict[str, dict[Path, list[Example]]] = {
        "continuation": {file: openings(file, reader) for file in sorted(OPENINGS.glob("*.jsonl"))},
        "departure": {file: replies(file, reader) for file in sorted(REPLIES.glob("*.jsonl"))},
        **{f"next.{side}": {} for side in ("vendor", "team", "ours")},
    }
    for file in sorted(SINGLE.glob("*.jsonl")):
        for name, example in single_mails(lines_of(file), reader):
            read[name].setdefault(file, []).append(example)
    for folder in folders:
        for name, example in mails(read_all([folder]), ours, reader):
            read[name].setdefault(folder, []).append(example)
    for file in sorted(LABELS.glob("*.json")):
        for one in turns(file.stem, ours, reader):
            read[one.classifier].setdefault(file, []).append(one.example)
    made: dict[str, MatterClassifier] = {}
    for name, sets in read.items():
        found, boundary = left_out(name, sets) if name in FALSE or not write else {}, 0.0
        if name in FALSE:
            others = [at[0] for one in sets for at, its in zip(found[one], sets[one], strict=True) if not its.label]
            boundary = float(np.quantile(others, 1 - FALSE[name]))
        for one, scores in found.items():
            print(f"{name} {one.name}: {_right(scores, sets[one], boundary)}")
        classifier = train_one(name, without(None, sets))
        made[name] = classifier._replace(base=classifier.base - np.float32(boundary))
    return made


def _right(scores: Sequence[NDArray[np.float64]], read: Sequence[Example], boundary: float) -> str:
    if len(scores[0]) > 1:
        right = sum(its.label == at.argmax() for at, its in zip(scores, read, strict=True))
        return f"{right} of {len(read)}"
    taken, other = (
        [at[0] > boundary for at, its in zip(scores, read, strict=True) if its.label == kind] for kind in (True, False)
    )
    return f"{sum(taken)} of {len(taken)}, false {sum(other)} of {len(other)}"


if __name__ == "__main__":
    cyclopts.run(main)
