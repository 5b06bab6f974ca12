"""The mail classifier: its trees give what following their nodes one by one gives."""

from random import Random

import numpy as np

from mailrules.reader.weights import MAIL_NUMBERS, MailClassifier

INPUTS = 6
Node = tuple[int, float, int, int]
"""Its input and border, and where it leads; a leaf leads to itself, and its border is its value."""


def test_trees_give_the_sum_of_the_leaves_that_their_nodes_lead_to() -> None:
    random = Random(7)
    nodes: list[Node] = []
    trees = [(grown(nodes, random, leaves), number) for number in range(2) for leaves in (1, 2, 12, 31)]
    columns = dict(zip(("input", "border", "left", "right"), zip(*nodes, strict=True), strict=True))
    columns |= dict(zip(("roots", "forest"), zip(*trees, strict=True), strict=True))
    columns |= {"weights": (0,) * INPUTS, "bias": (0, 0, 0)}
    document = {name: np.asarray(columns[name], kind).tobytes() for name, kind in MAIL_NUMBERS.items()}
    classifier = MailClassifier({"linear": ["none"], "trees": ["first", "second"], **document})
    for _ in range(200):
        given = np.array([random.gauss(0, 1) for _ in range(INPUTS)])
        totals = [sum(followed(nodes, root, given) for root, of in trees if of == number) for number in range(2)]
        found = classifier.probabilities(given)
        assert np.allclose([found["first"], found["second"]], [1 / (1 + np.exp(-total)) for total in totals])


def grown(nodes: list[Node], random: Random, leaves: int) -> int:
    """Add a tree with so many leaves and return its root."""
    root = len(nodes)
    nodes.append((0, random.gauss(0, 1), root, root))
    ends = [root]
    while len(ends) < leaves:
        at = ends.pop(random.randrange(len(ends)))
        left, right = len(nodes), len(nodes) + 1
        nodes[at] = (random.randrange(INPUTS), random.gauss(0, 1), left, right)
        nodes += [(0, random.gauss(0, 1), end, end) for end in (left, right)]
        ends += (left, right)
    return root


def followed(nodes: list[Node], at: int, given: np.ndarray) -> float:
    name, border, left, right = nodes[at]
    return border if left == at else followed(nodes, left if given[name] <= border else right, given)
