"""Fits the weights of the matcher on labelled conversations, and plays each folder with weights fitted without it.

    python -m bench.fit_matcher FOLDER FOLDER… [--write] [--play-each]

Each mail that no strong evidence joins to its own case is scored against its candidates, with the mails before it in
their true cases. Logistic regression, L2, once for each column of the weights. The classifier of mails that go on with
a matter is trained on the same folders (``--write``: to ``mailrules/reader/continuation.bin``); a folder is scored with
one that never saw it. ``--play-each`` prints for each folder the links that ``bench.conversations`` counts with weights
and a classifier of the other folders. Needs the dependency group ``train``.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cyclopts
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from bench.conversations import PLAYED, Conversation, labelled_context, links, play, read_all
from bench.harness import ROOT, empty
from bench.threads import read_mail
from bench.training.classifiers import RUNS, weighted
from mailrules.engine.mails import mail_text
from mailrules.reader.continuation import FILE, WordWeights, tells_continuation, written
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.features import word_runs
from mailrules.reader.mailview import MailView
from mailrules.reader.marks import Places
from mailrules.reader.weights import shipped_weights
from service.cases.facts.message_facts import MessageFacts, order_of
from service.cases.facts.roles import NOTHING_LEARNED
from service.cases.placement import matcher
from service.cases.placement.keys import candidate_lookup, choose_candidates, rarity
from service.cases.placement.known import MOST_ROWS, CaseFacts, Known, leaves_topic
from service.cases.placement.links import links_of
from service.cases.placement.objections import numbers_at_odds
from service.cases.placement.placer import has_content
from service.intake import AppContext

RIDGE = 0.2
SOFTNESS = 5.0  # `C` of the classifier of mails that go on with a matter
LEAST = 3  # mails that a feature of it must stand in
WRITTEN = ROOT / "mailrules" / "reader" / FILE
T = TypeVar("T")


class Example(NamedTuple):
    """A mail against one candidate."""

    column: int
    features: tuple[float, ...]
    right: bool


class Placed(NamedTuple):
    """A mail with the messages in it, and the case that it belongs to."""

    nodes: list[MessageFacts]
    case: int
    continues: bool  # whether an earlier mail is in its case
    runs: list[Places]
    """The distinct features of the classifier of mails that go on: one, two and three words in a row; empty if words
    do not tell."""


def placed(conversations: Sequence[Conversation], ours: AppContext) -> list[Placed]:
    """Read the mails of a folder."""
    out: list[Placed] = []
    numbers, learned = count(1), NOTHING_LEARNED
    cases: dict[str, int] = {}
    reader = EmbeddedReader()
    for mail in chain.from_iterable(conversations):
        extracted = read_mail(mail.content, ours, ours.roles(learned), PLAYED)
        learned = learned.with_more(b.learned for b in extracted)
        ids = {b.node.id: next(numbers) for b in extracted}
        nodes = [replace(b.node, id=ids[b.node.id], holds=tuple(ids[h] for h in b.node.holds)) for b in extracted]
        view, continues = reader.view(mail_text(extracted[0].turn)), mail.case in cases
        runs = word_rows(view) if tells_continuation(view.mail) else []
        out.append(Placed(nodes, cases.setdefault(mail.case, len(cases) + 1), continues, runs))
    return out


def word_rows(view: MailView) -> list[Places]:
    """Return the distinct features of a mail: the rows of single words, of pairs and of triples."""
    readings = [*view.readings, *([view.subject] if view.subject is not None else [])]
    table = shipped_weights().units["ours"].table
    return [np.unique(table.find(found.marks)[1]) for found in word_runs(readings)]


def train_continuation(read: Sequence[Placed]) -> WordWeights:
    """The classifier of mails that go on with a matter: a logistic regression."""
    mails = [one for one in read if one.runs]
    rows, weight = weighed([one.runs for one in mails], LEAST)
    model = LogisticRegression(C=SOFTNESS, solver="liblinear", class_weight="balanced")
    model.fit(weighted(rows, weight), [one.continues for one in mails])
    return WordWeights(model.coef_[0] * weight, np.square(weight), float(model.intercept_[0]))


def weighed(runs: Sequence[Sequence[Places]], least: int) -> tuple[list[Places], NDArray[np.float32]]:
    """Return the features of each mail, and the weight of each row: rare features weigh more.

    ``least``: number of mails that a feature must stand in.
    """
    weight = np.zeros(len(shipped_weights().units["ours"].table), np.float32)
    for number, importance in enumerate(RUNS):
        weight[np.concatenate([its[number] for its in runs])] = importance
    rows = [np.unique(np.concatenate(its)) for its in runs]
    counts = np.bincount(np.concatenate(rows), minlength=len(weight))
    weight *= np.where(counts >= least, np.log(len(rows) / np.maximum(counts, 1)), 0.0)
    return rows, weight


def examples(mails: Sequence[Placed], words: WordWeights) -> Iterator[Example]:
    """Every mail that no link joins to its own case, against each of its candidates."""
    known = Known()
    newest: dict[int, None] = {}
    for mail in mails:
        outer, *inner = mail.nodes
        score = words.score(np.unique(np.concatenate(mail.runs))) if mail.runs else 0.0
        nodes = [replace(outer, continues=score), *inner]
        linked = (link.other for n in nodes for link in links_of(n, known) if link.other is not None)
        fit_to_match = has_content(nodes[0], nodes) and not leaves_topic(nodes[0])
        if fit_to_match and not any(known.nodes[other.id].case == mail.case for other in linked):
            yield from _against(nodes, mail.case, known, [*newest][::-1])
        for node in nodes:
            known.enter(replace(node, case=mail.case))
        newest.pop(mail.case, None)
        newest[mail.case] = None


def _against(nodes: Sequence[MessageFacts], case: int, known: Known, newest: Sequence[int]) -> Iterator[Example]:
    keys = {key for node in nodes for key in candidate_lookup(node) if known.own.get(key)}
    rows = {key: [known.nodes[i].case or 0 for i in known.own[key]][-MOST_ROWS:] for key in keys}
    members: dict[int, list[MessageFacts]] = {other: [] for other in choose_candidates(rows, newest)}
    for node in sorted(known.nodes.values(), key=order_of):
        if node.case in members:
            members[node.case].append(node)
    mail, facts = matcher.Profile(nodes), _facts(nodes)
    rare = rarity(nodes, {key: len(its) for key, its in rows.items()})
    compared = {other: its for other, its in members.items() if not numbers_at_odds(facts, _facts(its))}
    ends = (matcher.Profile([*its[:3], *its[3:][-3:]]) for its in compared.values())
    found = matcher.with_leads([matcher.features(mail, profile, rare) for profile in ends])
    for other, its in zip(compared, found, strict=True):
        yield Example(matcher.column_of(nodes[0]), tuple(its[n] for n in matcher.WEIGHTS), other == case)


def _facts(nodes: Sequence[MessageFacts]) -> CaseFacts:
    return CaseFacts(refs={pair for n in nodes if n.trusted and not leaves_topic(n) for pair in n.stated})


def fit(found: Sequence[Example]) -> dict[str, Any]:
    """Return the table of weights."""
    columns = [_fit([one for one in found if one.column == column]) for column in range(len(matcher.SIDES))]
    return dict(zip(matcher.WEIGHTS, zip(*columns, strict=True), strict=True))


def _fit(found: Sequence[Example]) -> list[float]:
    _, rows, right = zip(*found, strict=True)
    model = LogisticRegression(C=1 / RIDGE, solver="newton-cholesky", tol=1e-8).fit(np.array(rows)[:, 1:], right)
    return [*model.intercept_.tolist(), *model.coef_[0].tolist()]  # the first feature is the bias


def main(*folders: Path, write: bool = False, play_each: bool = False) -> None:
    if len(folders) < 2:
        sys.exit("name two folders or more: each is scored by a classifier that learned from the others")
    ours = labelled_context()
    read = {folder: read_all([folder]) for folder in folders}
    mails = {folder: placed(conversations, ours) for folder, conversations in read.items()}
    words = {folder: train_continuation(without(folder, mails)) for folder in read}
    found = {folder: [*examples(its, words[folder])] for folder, its in mails.items()}
    for name, weights in fit(without(None, found)).items():
        print(f"{name}: [{', '.join(f'{weight:.2f}' for weight in weights)}]")
    shipped = shipped_weights()
    if write:
        WRITTEN.write_bytes(
            written(train_continuation(without(None, mails)), shipped.units["ours"].table, shipped.version)
        )
    sums: Counter[str] = Counter()
    for folder, conversations in read.items() if play_each else ():
        matcher.WEIGHTS.update(fit(without(folder, found)))
        weights = copy(shipped)
        weights.continuation = words[folder]
        reader = EmbeddedReader(weights=weights)
        others = replace(ours, rules=replace(ours.rules, reader=reader))
        with empty("sqlite") as database:
            counted = links(conversations, play(database, others, conversations))
        sums.update(counted)
        print(folder.name, counted)
    if sums:
        print("all", dict(sums))


def without(folder: Path | None, of_folders: Mapping[Path, Sequence[T]]) -> list[T]:
    """What the other folders hold."""
    return [one for other, its in of_folders.items() if other != folder for one in its]


if __name__ == "__main__":
    cyclopts.run(main)
