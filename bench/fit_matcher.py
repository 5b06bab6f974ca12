"""Fits the weights of the matcher on labelled conversations and prints its table.

    python -m bench.fit_matcher [FOLDER…] [--folds 5]

Each mail that no strong evidence joins to its own case is scored against its candidates, with the mails before it in
their true cases. Logistic regression, L2, by Newton's method; then precision and recall of joins and suggestions for a
range of limits, each conversation scored with weights fitted without it.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.conversations import LABELLED, PLAYED, Conversation, labelled_context, read_all
from service.cases.facts.extracted import with_reading
from service.cases.facts.extraction import extract_messages
from service.cases.facts.message_facts import MessageFacts, order_of
from service.cases.facts.roles import NOTHING_LEARNED
from service.cases.placement import candidates, matcher
from service.cases.placement.keys import candidate_lookup
from service.cases.placement.known import MOST_ROWS, CaseFacts, Known
from service.cases.placement.links import links_of
from service.cases.placement.objections import leaves_topic, numbers_at_odds
from service.cases.placement.placer import has_content
from service.intake import AppContext
from service.mail.parse import parse

RIDGE = 0.1
NAMES = tuple(matcher.WEIGHTS)


@dataclass(frozen=True, slots=True)
class Example:
    """A mail against one candidate."""

    conversation: str
    mail: str
    features: tuple[float, ...]
    right: bool
    least: float


def examples(conversations: Sequence[Conversation], ours: AppContext) -> list[Example]:
    """Every mail that no link joins to its own case, against each of its candidates."""
    known, out, number = Known(), [], 0
    cases: dict[str, int] = {}
    newest: dict[int, None] = {}
    learned = NOTHING_LEARNED
    for one in conversations:
        for name, content in one.mails:
            extracted = extract_messages(parse(content), ours.roles(learned), ours.ingest, received_at=PLAYED)
            learned = learned.with_more(b.learned for b in extracted)
            nodes = [with_reading(b, ours.rules.read(replace(b.turn, id=""))).node for b in extracted]
            ids = {n.id: number + place for place, n in enumerate(nodes, start=1)}
            number += len(nodes)
            nodes = [replace(n, id=ids[n.id], holds=tuple(ids[h] for h in n.holds)) for n in nodes]
            case = cases.setdefault(one.labels[name], len(cases) + 1)
            fit_to_match = has_content(nodes[0], nodes) and not leaves_topic(nodes[0])
            if fit_to_match and not any(_case(known, n) == case for node in nodes for n in _linked(node, known)):
                out += _against(one.name, name, nodes, case, known, [*newest][::-1])
            for node in nodes:
                known.enter(replace(node, case=case))
            newest.pop(case, None)
            newest[case] = None
    return out


def _linked(node: MessageFacts, known: Known) -> list[MessageFacts]:
    return [link.other for link in links_of(node, known) if link.other is not None]


def _case(known: Known, node: MessageFacts) -> int | None:
    return known.nodes[node.id].case


def _against(
    conversation: str, name: str, nodes: Sequence[MessageFacts], case: int, known: Known, newest: Sequence[int]
) -> list[Example]:
    keys = {key for node in nodes for key in candidate_lookup(node)}
    rows = {key: [known.nodes[i].case or 0 for i in known.own.get(key, ())][-MOST_ROWS:] for key in keys}
    chosen = candidates.choose({key: its for key, its in rows.items() if its}, newest)
    members: dict[int, list[MessageFacts]] = defaultdict(list)
    for node in sorted(known.nodes.values(), key=order_of):
        if node.case in chosen:
            members[node.case].append(node)
    mail, rare = matcher.Profile(nodes), candidates.rarity(nodes, {key: len(its) for key, its in rows.items()})
    ends = {c: [*{n.id: n for n in (*members[c][:3], *members[c][-3:])}.values()] for c in chosen}
    chosen = [c for c in chosen if not _at_odds(nodes, members[c])]
    scores = matcher.compare(mail, [matcher.Profile(ends[c]) for c in chosen], rare)
    led = matcher.with_leads([one.features for one in scores])
    return [
        Example(conversation, name, tuple(its[n] for n in NAMES), other == case, one.least)
        for other, one, its in zip(chosen, scores, led, strict=True)
    ]


def _at_odds(nodes: Sequence[MessageFacts], members: Sequence[MessageFacts]) -> bool:
    refs = ({pair for n in its if n.trusted and not leaves_topic(n) for pair in n.stated} for its in (nodes, members))
    return numbers_at_odds(*(CaseFacts(refs=its) for its in refs))


def fit(found: Sequence[Example], rounds: int = 30) -> list[float]:
    """Bias and weights."""
    rows = np.array([(1.0, *one.features) for one in found])
    right = np.array([one.right for one in found])
    ridge = np.full(rows.shape[1], RIDGE)
    ridge[0] = 0.0  # the bias is not held back
    weights = np.zeros(rows.shape[1])
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-rows @ weights))
        gradient = rows.T @ (p - right) + ridge * weights
        hessian = (rows.T * (p * (1 - p))) @ rows + np.diag(ridge + 1e-9)
        weights -= np.linalg.solve(hessian, gradient)
    return [float(weight) for weight in weights]


def logit(weights: Sequence[float], one: Example) -> float:
    return weights[0] + sum(w * x for w, x in zip(weights[1:], one.features, strict=True))


Scored = tuple[float, bool, float]
"""Logit, whether it is right, the minimum score of a join."""


def held_out(found: Sequence[Example], folds: int) -> dict[str, list[Scored]]:
    """Per mail its candidates with their logits, by weights fitted without its conversation."""
    names = sorted({one.conversation for one in found})
    out: dict[str, list[Scored]] = defaultdict(list)
    for fold in range(folds):
        apart = set(names[fold::folds])
        weights = fit([one for one in found if one.conversation not in apart])
        for one in found:
            if one.conversation in apart:
                out[one.mail].append((logit(weights, one), one.right, one.least))
    return {mail: sorted(its, reverse=True) for mail, its in out.items()}


def _joins(its: Sequence[Scored], least: float, margin: float) -> bool:
    clear = len(its) == 1 or its[0][0] - its[1][0] >= margin
    return clear and its[0][0] >= math.log(least / (1 - least))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[LABELLED])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--verbose", action="store_true", help="show every mail whose best candidate is wrong")
    asked = parser.parse_args()
    found = examples(read_all(asked.folders), labelled_context())
    weights = fit(found)
    print(f"{len(found)} pairs, {sum(one.right for one in found)} of them right")
    print(f"BIAS = {weights[0]:.2f}")
    for name, weight in zip(NAMES, weights[1:], strict=True):
        print(f'    "{name}": {weight:.2f},')
    ranked = held_out(found, asked.folds)
    hard = sum(any(right for _, right, _ in its) for its in ranked.values())
    for limit in sorted({its[0][2] for its in ranked.values()}):
        for least in (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95):
            joins = [its[0][1] for its in ranked.values() if its[0][2] == limit and _joins(its, least, matcher.MARGIN)]
            print(f"limit {limit}, join {least}: {sum(joins)} right, {len(joins) - sum(joins)} wrong")
    for least in (0.04, 0.06, 0.08, 0.1, 0.2):
        limit = math.log(least / (1 - least))
        top = [[right for score, right, _ in its[:2] if score >= limit] for its in ranked.values()]
        print(f"suggest {least}: {sum(map(any, top))} of {hard} found, {sum(map(len, top))} shown")
    if asked.verbose:
        for mail, its in ranked.items():
            print(mail, [f"{score:.1f}{'+' if right else '-'}" for score, right, _ in its[:4]])
    return 0


if __name__ == "__main__":
    sys.exit(main())
