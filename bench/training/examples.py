"""Reads the labelled mails of `bench/labelled_…` as examples for the classifiers of `mailrules/reader/matter.py`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from email import message_from_bytes, policy
from functools import cache
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from bench.conversations import PLAYED, Conversation, LabelledMail, labelled_context, read_all
from bench.harness import BENCH, CORPUS, corpus, lines_of, writers
from bench.training.matter import Example
from bench.turns import LABELS, SETS, labelled_turns
from mailrules.engine.mails import mail_text
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.features import word_runs
from mailrules.reader.mailview import is_readable
from mailrules.reader.matter import (
    matter_inputs,
    next_classifier,
    next_inputs,
    table_side,
    tells_continuation,
    tells_departure,
    tells_vendor,
)
from mailrules.reader.reports import WAYS, report_classifier, report_inputs, rows_of
from mailrules.reader.weights import shipped_weights
from mailrules.statement import NEXT_SIDES, MailText
from mailrules.thread import RuleInput
from service.cases.facts.extracted import ExtractedMessage, with_reading
from service.cases.facts.extraction import extract_messages
from service.cases.facts.roles import NOTHING_LEARNED
from service.mail.parse import parse

DOUBTFUL = 0.5  # weight of a mail that a second reader might label otherwise
PEOPLE = 300  # mails of people of ours from the corpus, and as many of vendors
FIRST = 1_500  # mails of people of ours from the corpus that are read as first mails of unknown senders
STRANGERS = 25  # of these mails of ours, so many also as mails of unknown senders
Sets = dict[Path, list[Example]]
Row = Mapping[str, Any]  # a line of a file
reader = cache(EmbeddedReader)


class LabelledTurn(NamedTuple):
    """A mail that the reader can read, with its example for ``next.…``."""

    case: str  # with the name of its set, because two sets may use the same name
    turn: RuleInput
    example: Example


def examples_of(folder: str) -> Sets:
    """Return the examples in the files of a folder of ``bench``, by file."""
    read = READ[folder.split("/")[0]]
    return {
        file: [*chain.from_iterable(map(read, lines_of(file)))] for file in sorted((BENCH / folder).glob("*.jsonl"))
    }


def labelled_mail(row: Row) -> MailText:
    """Return the input of the reader for a labelled mail. The subject of a reply is left out, as in the service."""
    text = row["text"] if "text" in row else "\n".join(unit["t"] for unit in row["units"])
    subject, automatic = row["subject"] if row["opens"] else "", row.get("automatic")
    return MailText(text, subject, row["lang"], row["side"], row["to"], row["opens"], automatic, (), None)


def opening(row: Row) -> Iterator[Example]:
    """Yield a mail of ``bench/labelled_openings``. Its label: whether it continues a matter."""
    yield read_example("continuation", labelled_mail({**row, "to": "team", "opens": True}), row["continues"])


def reply(row: Row) -> Iterator[Example]:
    """Yield a reply of ``bench/labelled_replies``, as written by a user and by the team."""
    for side, to in (("requester", "team"), ("team", "vendor")):
        given = {"text": row["reply"], "side": side, "to": to, "opens": False}
        yield read_example("departure", labelled_mail({**row, **given}), row["new"])


def single_mail(row: Row) -> Iterator[Example]:
    """Yield a mail with a label ``next``, such as those of ``bench/labelled_next``."""
    yield next_example(labelled_mail({**row, "automatic": None}), row["next"], row["doubtful"])


def report(row: Row) -> Iterator[Example]:
    """Yield a mail that reports something. Vendors' newsletters, breaches and outages are also read as strangers'."""
    yield report_example(row)
    if row["side"] == "vendor" and row["report"] in ("broadcast", "breach", "outage"):
        yield report_example({**row, "side": "unknown"})


def first_mail(row: Row) -> Iterator[Example]:
    """Yield the first mail of an unknown author. Its label: whether a vendor writes about our case."""
    mail = labelled_mail({**row, "side": "unknown", "to": "team", "opens": True})
    if tells_vendor(mail):
        yield read_example("vendor_author", mail, row["side"] == "vendor" and row["report"] == "none")


READ = {
    "labelled_openings": opening,
    "labelled_replies": reply,
    "labelled_next": single_mail,
    "labelled_first": first_mail,
    "labelled_reports": report,
}
"""Folder of ``bench`` → how a line of its files is read."""


def turns(name: str) -> Iterator[LabelledTurn]:
    """Yield the mails of a set with labelled turns."""
    labels = labelled_turns(name)
    for mail, (extracted, *_) in read_conversations(read_all([SETS / name])):
        conversation, _, id = mail.name.rpartition("/")
        label, text = labels[conversation], text_to_read(extracted)
        if is_readable(text):
            example = next_example(text, label["after"][id], id in label.get("doubtful", ()))
            yield LabelledTurn(f"{name}/{mail.case}", extracted.turn, example)


def first_turns(file: Path) -> Iterator[LabelledTurn]:
    """Yield the mails of a file of ``bench/labelled_first`` that people of vendors wrote about our cases."""
    for number, row in enumerate(lines_of(file)):
        if row["side"] == "vendor" and row["report"] == "none" and row["automatic"] is None:
            turn = RuleInput("", row["side"], row["from"], row["text"], towards=frozenset([row["to"]]))
            yield LabelledTurn(f"{file}/{number}", turn, next(single_mail(row)))


def of_conversations(folder: Path) -> Iterator[Example]:
    """Yield the mails of a folder of conversations for ``continuation`` and ``departure``."""
    begun = set[str]()
    cases: dict[str, str] = {}  # Message-ID → case
    for mail, (extracted, *_) in read_conversations(read_all([folder])):
        headers, text = message_from_bytes(mail.content, policy=policy.default), text_to_read(extracted)
        if tells_continuation(text):
            yield read_example("continuation", text, mail.case in begun)
        parent = str(headers["In-Reply-To"] or "").strip()
        if parent and parent in cases and extracted.turn.is_reply and tells_departure(text):
            yield read_example("departure", text, cases[parent] != mail.case)
        cases[str(headers["Message-ID"] or "").strip()] = mail.case
        begun.add(mail.case)


def sets_of(group: str, folders: tuple[Path, ...]) -> Sets:
    """Return the examples of a group of classifiers."""
    if group == "report":
        return examples_of("labelled_reports") | people()
    return first_mails() if group == "vendor_author" else matter_and_turn(folders)


@cache
def matter_and_turn(folders: tuple[Path, ...]) -> Sets:
    """Return all examples of ``continuation``, ``departure`` and ``next.…``."""
    found = examples_of("labelled_openings") | examples_of("labelled_replies") | examples_of("labelled_next")
    found |= {folder: [*of_conversations(folder)] for folder in folders}
    return found | {file: [one.example for one in turns(file.stem)] for file in sorted(LABELS.glob("*.json"))}


def people() -> Sets:
    """Return mails of people from the corpus: of ours that open a matter, answers of vendors, and mails of strangers.

    An answer is read as if it opened a matter, because sodan does not always find the case of a vendor's answer. Some
    of ours are also read as mails of an unknown sender, because a customer reports an outage as our people do. Letters,
    mails to mailing lists and very short mails are all read as those of an unknown sender.
    """
    rows = _by_people("development")
    of_ours = [row for row in rows if row["opens"] and row["side"] != "vendor" and row["kind"] != "notice"]
    answers = [row for row in rows if not row["opens"] and row["side"] == "vendor"]
    of_ours, answers = (Random(1).sample(some, PEOPLE) for some in (of_ours, answers))
    strangers = [row | {"side": "unknown"} for row in of_ours[:STRANGERS] + _by_people("development_weight")]
    return {CORPUS: [report_example({"report": "none"} | row) for row in (*of_ours, *answers, *strangers)]}


def first_mails() -> Sets:
    """Return the mails of ``bench/labelled_first``, and mails of our people from the corpus as those of strangers."""
    rows = [{"report": "none"} | row for row in _by_people("development") if row["opens"] and row["side"] != "vendor"]
    of_ours = chain.from_iterable(map(first_mail, Random(1).sample(rows, FIRST)))
    return examples_of("labelled_first") | {CORPUS: [*of_ours]}


def _by_people(group: str) -> list[dict[str, Any]]:
    return [row for writer in writers()[group] for row in corpus(writer) if row["automatic"] is None]


def read_conversations(conversations: Sequence[Conversation]) -> Iterator[tuple[LabelledMail, list[ExtractedMessage]]]:
    """Yield each mail with its messages, the outer one first. The earlier mails decide the roles of the authors."""
    learned, ours = NOTHING_LEARNED, labelled_context()
    for mail in chain.from_iterable(conversations):
        parts = extract_messages(parse(mail.content), ours.roles(learned), ours.ingest, received_at=PLAYED)
        extracted = [with_reading(one, ours.rules.read(replace(one.turn, id=""))) for one in parts]
        learned = learned.with_more(one.learned for one in extracted)
        yield mail, extracted


def text_to_read(extracted: ExtractedMessage) -> MailText:
    """Return the input of the reader for a message. A reply is never read as the first mail of another matter."""
    return mail_text(replace(extracted.turn, begins=False))


def read_example(classifier: str, mail: MailText, label: int) -> Example:
    """Read a mail for ``continuation``, ``departure`` or ``next.…``."""
    view, table = reader().view(mail), shipped_weights().tables[table_side(classifier)]
    scores, chances = reader().probabilities(view)
    runs = [np.unique(table.find(found.hashes)[1]) for found in word_runs(view.with_subject)]
    inputs = matter_inputs(view, chances, scores.units)
    return Example(classifier, np.unique(np.concatenate(runs)), inputs, label, runs=runs)


def next_example(mail: MailText, after: str | None, doubtful: bool) -> Example:
    """Return a mail with its label for ``next.…``. ``after``: as in ``bench/labelled_turns``."""
    one = read_example(next_classifier(mail), mail, NEXT_SIDES.index(after or "nobody"))
    return one._replace(inputs=next_inputs(mail, one.inputs), weight=DOUBTFUL if doubtful else 1.0)


def report_mail(row: Row) -> MailText:
    """Return a mail of ``bench/labelled_reports``, which opens a matter."""
    return labelled_mail({**row, "to": "team", "opens": True})


def report_example(row: Row) -> Example:
    """Read a mail for ``report.…``. A mail without a label of the unit that says so has its longest unit instead."""
    mail = report_mail(row)
    view = reader().view(mail)
    rows = reader().probabilities(view)[0].rows
    units = [rows_of(one) for one in view.with_subject]
    at = row.get("at")
    longest = max(units, key=len, default=rows)
    subject = units[-1] if view.subject is not None else None
    telling = longest if at is None else subject if at < 0 else units[at] if at < len(view.readings) else None
    label = WAYS.index(row["report"])
    return Example(report_classifier(mail), rows, report_inputs(view), label, telling=telling)
