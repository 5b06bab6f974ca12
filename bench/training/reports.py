"""Trains `report.vendor` and `report.ours` of `mailrules/reader/reports.py` on `bench/labelled_reports`.

A mail is one example; the unit that says what it reports is another one, so that the classifier learns which of its
sentences count. Of a mail that reports nothing, it is the longest unit. Mails of people from the corpus report nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from bench.harness import CORPUS, ROOT, corpus
from bench.training.matter import fit, lines_of, text_of
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.feature_hashes import Indexes
from mailrules.reader.mailview import side_of
from mailrules.reader.matter import MatterClassifier
from mailrules.reader.reports import WAYS, report_inputs, rows_of
from mailrules.reader.weights import shipped_weights
from mailrules.statement import MailText

REPORTS = ROOT / "bench" / "labelled_reports"
PEOPLE = 300  # mails of people of ours from the corpus, and as many of vendors
STRANGERS = 25  # of these mails of ours, so many also as mails of unknown senders
SOFTNESS = 3.0  # `C` of the logistic regression
LEAST = 3  # minimum number of mails that contain a feature


class ReportExample(NamedTuple):
    """A mail as the classifier of a side sees it, and the way of its report, as an index of `WAYS`."""

    side: str
    rows: Indexes
    inputs: NDArray[np.float64]
    way: int
    telling: Indexes | None  # the features of the unit that says so; of a mail without a report: of the longest


def labelled_report(row: Mapping[str, Any], side: str = "") -> MailText:
    """Return a mail of ``bench/labelled_reports``. ``side``: reads it as if this side had written it."""
    given = (text_of(row), row["subject"], row["lang"], side or row["side"], "team", True, row["automatic"])
    return MailText(*given, (), None)


def report_examples(file: Path, reader: EmbeddedReader) -> Iterator[ReportExample]:
    """Yield the mails of a file. Vendors' newsletters, breaches and outages are also read as strangers' mails."""
    for row in lines_of(file):
        yield read_report(reader, row)
        if row["side"] == "vendor" and row["report"] in ("broadcast", "breach", "outage"):
            yield read_report(reader, row, "unknown")


def people(reader: EmbeddedReader) -> list[ReportExample]:
    """Return mails of people from the corpus: of ours that open a matter, answers of vendors, and mails of strangers.

    An answer is read as if it opened a matter, because sodan does not always find the case of a vendor's answer. Some
    of ours are also read as mails of an unknown sender, because a customer reports an outage as our people do. Letters,
    mails to mailing lists and very short mails are all read as those of an unknown sender.
    """
    split = yaml.safe_load((CORPUS / "split.yaml").read_text(encoding="utf-8"))
    rows = _by_people(split["development"])
    of_ours = [row for row in rows if row["opens"] and row["side"] != "vendor" and row["kind"] != "notice"]
    answers = [row for row in rows if not row["opens"] and row["side"] == "vendor"]
    of_ours, answers = (Random(1).sample(some, PEOPLE) for some in (of_ours, answers))
    known = [read_report(reader, row) for row in (*of_ours, *answers)]
    strangers = of_ours[:STRANGERS] + _by_people(split["development_weight"])
    return known + [read_report(reader, row, "unknown") for row in strangers]


def _by_people(writers: Iterable[str]) -> list[dict[str, Any]]:
    """Return their mails. Only adverts and newsletters have a label of their report."""
    return [{"report": "none"} | row for writer in writers for row in corpus(writer) if row["automatic"] is None]


def read_report(reader: EmbeddedReader, row: Mapping[str, Any], side: str = "") -> ReportExample:
    mail = labelled_report(row, side)
    view = reader.view(mail)
    rows = reader.probabilities(view)[0].rows
    units = [rows_of(one) for one in view.with_subject]
    at = row.get("at")
    longest = max(units, key=len, default=rows)
    subject = units[-1] if view.subject is not None else None
    telling = longest if at is None else subject if at < 0 else units[at] if at < len(view.readings) else None
    return ReportExample(side_of(mail), rows, report_inputs(view), WAYS.index(row["report"]), telling)


def train_reports(examples: Sequence[ReportExample], side: str) -> MatterClassifier:
    """Train the classifier of a side. A feature has the weight that the reader gives it; rare features weigh more."""
    its = [one for one in examples if one.side == side]
    weight = np.zeros(len(shipped_weights().tables[side]), np.float32)
    counts = np.bincount(np.concatenate([one.rows for one in its]), minlength=len(weight))
    used = np.flatnonzero(counts >= LEAST)
    rare = np.sqrt(np.log(len(its) / counts[used]))
    weight[used] = shipped_weights().units[side].importance[used] * rare
    rows = [(one.rows, one.inputs, one.way, 1.0) for one in its]
    rows += [(one.telling, one.inputs, one.way, 1.0) for one in its if one.telling is not None]
    model = LogisticRegression(C=SOFTNESS, max_iter=500, class_weight="balanced")
    return fit(model, rows, weight, len(WAYS))
