"""Fits the weights of the matcher on labelled conversations, and plays each folder with weights fitted without it.

    python -m bench.fit_matcher FOLDER… [--play-each]

Each mail that no strong evidence joins to its own case is scored against its candidates, with the mails before it in
their true cases. Logistic regression, L2, by Newton's method, once for each column of the weights. The classifier of
mails that go on with a matter is trained on the same folders and written to ``mailrules/reader/continuation.bin``; a
folder is scored with one that never saw it. ``--play-each`` prints for each folder what ``bench.conversations`` counts
with weights and a classifier of the other folders. Needs the dependency group ``train``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import cyclopts
import numpy as np

from bench.conversations import LABELLED, LINKS, PLAYED, Conversation, figures, labelled_context, play, read_all
from bench.harness import empty
from bench.training.continuation import Told, told, train_continuation
from mailrules.engine.mails import mail_text
from mailrules.reader import continuation
from mailrules.reader.continuation import WordWeights, written
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.weights import shipped_weights
from service.cases.facts.extracted import with_reading
from service.cases.facts.extraction import extract_messages
from service.cases.facts.message_facts import MessageFacts, order_of
from service.cases.facts.roles import NOTHING_LEARNED
from service.cases.placement import matcher
from service.cases.placement.keys import candidate_lookup, choose_candidates, rarity
from service.cases.placement.known import MOST_ROWS, CaseFacts, Known, leaves_topic
from service.cases.placement.links import links_of
from service.cases.placement.objections import numbers_at_odds
from service.cases.placement.placer import has_content
from service.intake import AppContext
from service.mail.parse import parse

RIDGE = 0.2
WRITTEN = Path(continuation.__file__).parent / continuation.FILE
ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Example:
    """A mail against one candidate."""

    column: int
    features: tuple[float, ...]
    right: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """A mail with the messages in it, and the case that it belongs to."""

    nodes: list[MessageFacts]
    case: int
    told: Told


def placed(conversations: Sequence[Conversation], ours: AppContext) -> list[Placed]:
    """Read the mails of a folder."""
    out: list[Placed] = []
    number, learned = 0, NOTHING_LEARNED
    cases: dict[str, int] = {}
    reader = EmbeddedReader()
    for content, label in ((c, one.labels[n]) for one in conversations for n, c in one.mails):
        extracted = extract_messages(parse(content), ours.roles(learned), ours.ingest, received_at=PLAYED)
        learned = learned.with_more(b.learned for b in extracted)
        nodes = [with_reading(b, ours.rules.read(replace(b.turn, id=""))).node for b in extracted]
        ids = {n.id: number + place for place, n in enumerate(nodes, start=1)}
        number += len(nodes)
        nodes = [replace(n, id=ids[n.id], holds=tuple(ids[h] for h in n.holds)) for n in nodes]
        words = told(reader.view(mail_text(extracted[0].turn)), label in cases)
        out.append(Placed(nodes, cases.setdefault(label, len(cases) + 1), words))
    return out


def examples(mails: Sequence[Placed], words: Mapping[str, WordWeights]) -> Iterator[Example]:
    """Every mail that no link joins to its own case, against each of its candidates."""
    known = Known()
    newest: dict[int, None] = {}
    for mail in mails:
        outer, *inner = mail.nodes
        nodes = [replace(outer, continues=mail.told.score(words)), *inner]
        linked = (link.other for n in nodes for link in links_of(n, known) if link.other is not None)
        fit_to_match = has_content(nodes[0], nodes) and not leaves_topic(nodes[0])
        if fit_to_match and not any(known.nodes[other.id].case == mail.case for other in linked):
            yield from _against(nodes, mail.case, known, [*newest][::-1])
        for node in nodes:
            known.enter(replace(node, case=mail.case))
        newest.pop(mail.case, None)
        newest[mail.case] = None


def _against(nodes: Sequence[MessageFacts], case: int, known: Known, newest: Sequence[int]) -> Iterator[Example]:
    keys = {key for node in nodes for key in candidate_lookup(node)}
    rows = {key: [known.nodes[i].case or 0 for i in known.own.get(key, ())][-MOST_ROWS:] for key in keys}
    chosen = choose_candidates({key: its for key, its in rows.items() if its}, newest)
    members: dict[int, list[MessageFacts]] = defaultdict(list)
    for node in sorted(known.nodes.values(), key=order_of):
        if node.case in chosen:
            members[node.case].append(node)
    mail, rare = matcher.Profile(nodes), rarity(nodes, {key: len(its) for key, its in rows.items() if its})
    ends = {c: [*{n.id: n for n in (*members[c][:3], *members[c][-3:])}.values()] for c in chosen}
    chosen = [c for c in chosen if not _at_odds(nodes, members[c])]
    scores = matcher.compare(mail, [matcher.Profile(ends[c]) for c in chosen], rare)
    for other, its in zip(chosen, matcher.with_leads([one.features for one in scores]), strict=True):
        yield Example(matcher.column_of(nodes[0]), tuple(its[n] for n in matcher.WEIGHTS), other == case)


def _at_odds(nodes: Sequence[MessageFacts], members: Sequence[MessageFacts]) -> bool:
    one, other = CaseFacts(), CaseFacts()
    for facts, its in ((one, nodes), (other, members)):
        for node in its:
            facts.add(node)
    return numbers_at_odds(one, other)


def fit(found: Sequence[Example]) -> dict[str, tuple[float, float, float, float]]:
    """Return the table of weights."""
    columns = [_fit([one for one in found if one.column == column]) for column in range(len(matcher.SIDES))]
    return {name: tuple(float(its[row]) for its in columns) for row, name in enumerate(matcher.WEIGHTS)}  # type: ignore[misc]


def _fit(found: Sequence[Example]) -> np.ndarray:
    rows, right = np.array([one.features for one in found]), np.array([one.right for one in found])
    ridge = np.array([0.0 if name == "bias" else RIDGE for name in matcher.WEIGHTS])
    weights = np.zeros(len(ridge))
    for _ in range(ROUNDS):
        p = 1 / (1 + np.exp(-rows @ weights))
        gradient = rows.T @ (p - right) + ridge * weights
        weights -= np.linalg.solve((rows.T * (p * (1 - p))) @ rows + np.diag(ridge + 1e-9), gradient)
    return weights


def main(*folders: Path, play_each: bool = False) -> None:
    ours = labelled_context()
    read = {folder: read_all([folder]) for folder in folders or (LABELLED,)}
    mails = {folder: placed(conversations, ours) for folder, conversations in read.items()}
    words = {folder: train_continuation(_of_others(mails, folder)) for folder in read}
    found = {folder: [*examples(its, words[folder])] for folder, its in mails.items()}
    for name, weights in fit(list(chain.from_iterable(found.values()))).items():
        print(f'    "{name}": ({", ".join(f"{weight:.2f}" for weight in weights)}),')
    shipped = shipped_weights()
    WRITTEN.write_bytes(written(train_continuation(_of_others(mails, None)), shipped.tables))
    sums: Counter[str] = Counter()
    for folder, conversations in read.items() if play_each else ():
        matcher.WEIGHTS.update(fit([one for other in found if other != folder for one in found[other]]))
        weights = copy(shipped)
        weights.continuation = words[folder]
        reader = EmbeddedReader(weights=weights)
        without = replace(ours, rules=replace(ours.rules, reader=reader, continues=reader.continues))
        with empty("sqlite") as database:
            counted = figures(conversations, play(database, without, conversations))
        sums.update({kind: counted[kind] for kind in LINKS})
        print(folder.name, {kind: counted[kind] for kind in LINKS})
    if sums:
        print("all", dict(sums))


def _of_others(mails: Mapping[Path, Sequence[Placed]], folder: Path | None) -> Iterator[Told]:
    """What the mails of the other folders tell about mails that go on with a matter."""
    return (one.told for other, its in mails.items() if other != folder for one in its if one.told.side != "team")


if __name__ == "__main__":
    cyclopts.run(main)
