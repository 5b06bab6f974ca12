"""Fits the weights of the matcher to labelled conversations, and prints them.

    python -m bench.fit_matcher FOLDER FOLDER…

It uses each mail that no strong evidence joins to its case. It compares the mail with its candidates, while the mails
before it are in their labelled cases. Each column of the weights is a logistic regression (L2). For the mails of a
folder, the classifier `continuation` (`bench.train_matter`) is trained on the other folders. Needs the dependency group
``train``.
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

import cyclopts
import numpy as np
from sklearn.linear_model import LogisticRegression

from bench.conversations import read_all
from bench.harness import others
from bench.training.examples import examples_of, read_conversations, read_example, text_to_read
from bench.training.matter import Example as MailExample
from bench.training.matter import train
from mailrules.reader.matter import MatterClassifier, tells_continuation
from service.cases.facts.message_facts import MessageFacts, order_of
from service.cases.placement import matcher
from service.cases.placement.candidates import choose_candidates, rarity
from service.cases.placement.keys import candidate_lookup
from service.cases.placement.known import MOST_ROWS, CaseFacts, Known, leaves_topic
from service.cases.placement.links import links_of
from service.cases.placement.objections import numbers_at_odds
from service.cases.placement.placer import has_content

RIDGE = 0.2


class Example(NamedTuple):
    """A mail and one candidate."""

    column: int
    features: tuple[float, ...]
    right: bool


class Placed(NamedTuple):
    """The messages of a mail, and the case of the mail."""

    nodes: list[MessageFacts]
    case: int
    text: MailExample | None  # for the classifier `continuation`; None if it does not read the mail


def placed(folder: Path) -> Iterator[Placed]:
    """Read the mails of a folder."""
    numbers = count(1)
    cases: dict[str, int] = {}
    for mail, extracted in read_conversations(read_all([folder])):
        ids = {b.node.id: next(numbers) for b in extracted}
        nodes = [b.node.evolve(id=ids[b.node.id], holds=tuple(ids[h] for h in b.node.holds)) for b in extracted]
        text, continues = text_to_read(extracted[0]), mail.case in cases
        example = read_example("continuation", text, continues) if tells_continuation(text) else None
        yield Placed(nodes, cases.setdefault(mail.case, len(cases) + 1), example)


def examples(mails: Sequence[Placed], continuation: MatterClassifier) -> Iterator[Example]:
    """Yield each mail that no link joins to its case, with each of its candidates."""
    known = Known()
    newest: dict[int, None] = {}
    for mail in mails:
        outer, *inner = mail.nodes
        score = continuation.score(mail.text.rows, mail.text.inputs) if mail.text else 0.0
        nodes = [outer.evolve(continues=score), *inner]
        linked = (link.other for n in nodes for link in links_of(n, known) if link.other is not None)
        fit_to_match = has_content(nodes[0], nodes) and not leaves_topic(nodes[0])
        if fit_to_match and not any(known.nodes[other.id].case == mail.case for other in linked):
            yield from _against(nodes, mail.case, known, [*newest][::-1])
        for node in nodes:
            known.add(node.evolve(case=mail.case))
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


def fit(found: Sequence[Example]) -> list[float]:
    """Return the weights of one column."""
    _, rows, right = zip(*found, strict=True)
    model = LogisticRegression(C=1 / RIDGE, solver="newton-cholesky", tol=1e-8).fit(np.array(rows)[:, 1:], right)
    return [*model.intercept_.tolist(), *model.coef_[0].tolist()]  # the first feature is the bias


def main(*folders: Path) -> None:
    if len(folders) < 2:
        sys.exit("name two folders or more: each is scored by a classifier that learned from the others")
    mails = {folder: [*placed(folder)] for folder in folders}
    texts = {folder: [mail.text for mail in its if mail.text] for folder, its in mails.items()} | examples_of(
        "labelled_openings"
    )
    found = [one for folder, its in mails.items() for one in examples(its, train(others(folder, texts)))]
    columns = [fit([one for one in found if one.column == column]) for column in range(len(matcher.SIDES))]
    for name, *weights in zip(matcher.WEIGHTS, *columns, strict=True):
        print(f"{name}: [{', '.join(f'{weight:.2f}' for weight in weights)}]")


if __name__ == "__main__":
    cyclopts.run(main)
