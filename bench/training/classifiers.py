"""Trains the classifiers of the reader, and writes the file that the reader loads (`mailrules/reader/weights.py`).

There are linear classifiers of named features, and logistic classifiers of the inputs of the mail classifier.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import zstandard
from scipy.sparse import csr_matrix
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from bench.training.samples import LEAST_UNITS, WHOLE, Sample
from mailrules.reader.feature_hashes import Hashes, HashTable, hashes_of
from mailrules.reader.mailview import input_names
from mailrules.reader.weights import MAIL_NUMBERS, STEPS, Packed, UnitClassifier

Row = tuple[Collection[str], set[str]]  # features and labels
Linear = tuple[Hashes, Packed]  # a linear classifier: the hashes of its features, and the numbers of each
LINEAR_C = 0.8  # `C` of the support vector machines
WITH_TREES = ("urgent", *(name for name in WHOLE if name.startswith("kind:")))
LOGISTIC_C = 0.1  # `C` of the logistic regressions
CHUNKS = 100  # hashes of all features at once need much memory
LEAST_FEATURE, LEAST_LETTERS = 3, 4  # minimum number of occurrences of a feature
RUNS = (1.0, 0.7, 0.6)  # importance of one, two and three words in a row
FAMILIES = ("item", "act", "ask", "tone", "parked", "recovered", "ongoing", "heard")
CIRCUMSTANCES = "opens|to vendor|to requester|from team|automatic|length|short|files|ja".split("|")


def unit_rows(samples: list[Sample]) -> list[Row]:
    return [
        ([*features.own, *features.placed], labels)
        for sample in samples
        if sample.by_sentence
        for features, labels in zip(sample.features, sample.labels, strict=False)  # the subject has no labels
    ]


def whole_rows(samples: list[Sample]) -> list[Row]:
    return [({feature for unit in sample.features for feature in unit.own}, sample.whole) for sample in samples]


def importance(feature: str) -> float:
    """Return the prior weight of a feature: more for what generalises better than words."""
    if feature[1:2] == ":":
        return {"c": 2.0, "s": 2.0, "n": 2.0, "g": 2.0, "k": 0.35, "P": 0.4, "Q": 0.6}.get(feature[0], 1.0)
    return RUNS[min(2, feature.count(" "))]


def whole_importance(feature: str) -> float:
    """Return the prior weight of a feature of the whole mail: signals and counts, then concepts, then words."""
    return {"n:": 3.0, "g:": 4.0}.get(feature[:2]) or importance(feature)


def train_linear(samples: list[Sample], meanings: Sequence[str]) -> tuple[Linear, Linear]:
    """Train the classifiers of units and of whole mails."""
    return _train(unit_rows(samples), meanings, importance), _train(whole_rows(samples), WHOLE, whole_importance)


def _train(rows: list[Row], meanings: Sequence[str], weigh: Callable[[str], float]) -> Linear:
    """Train a linear support vector machine for each meaning. Round its weights to `STEPS` steps on each side of 0."""
    counts = Counter(feature for features, _ in rows for feature in set(features))
    vocabulary = sorted(f for f, n in counts.items() if n >= (LEAST_LETTERS if f[:2] == "k:" else LEAST_FEATURE))
    column = {feature: number for number, feature in enumerate(vocabulary)}
    weight = np.array([weigh(feature) for feature in vocabulary], np.float32)
    known = [sorted({column[feature] for feature in features if feature in column}) for features, _ in rows]
    x = weighted(known, weight)
    weights = np.zeros((len(vocabulary), len(meanings)), np.float32)
    base = np.full(len(meanings), -1.0, np.float32)
    for number, meaning in enumerate(meanings):
        y = np.array([meaning in labels for _, labels in rows])
        if y.any():
            machine = LinearSVC(C=LINEAR_C, tol=0.01, random_state=0).fit(x, y)
            weights[:, number] = machine.coef_[0] * weight
            base[number] = machine.intercept_[0]
    kept = np.flatnonzero(np.abs(weights).max(1))
    hashes = np.concatenate([hashes_of([vocabulary[at] for at in some]) for some in np.array_split(kept, CHUNKS)])
    scale = (np.abs(weights).max(0) / STEPS + 1e-12).astype(np.float32)
    found = csr_matrix(np.round(weights[kept] / scale).astype(np.int8))
    columns = found.indices.astype(np.uint8)
    return hashes, Packed(meanings, weight[kept], found.indptr, columns, found.data, scale, base)


def weighted(rows: Sequence[Any], weight: Any) -> Any:
    """Return a matrix: for each row, given by the columns of its features, their weights in a vector of length 1."""
    values = [weight[its] / (np.sqrt(np.square(weight[its]).sum()) or 1.0) for its in rows]
    indices, ends = np.concatenate(rows).astype(np.int32), np.cumsum([0, *map(len, rows)])
    return csr_matrix((np.concatenate(values), indices, ends), shape=(len(rows), len(weight)))


def classifier(linear: Linear) -> UnitClassifier:
    """Make a classifier with its own table."""
    table = HashTable(np.unique(linear[0]))
    return UnitClassifier(table, _placed(linear, table))


def _placed(linear: Linear, table: HashTable) -> Packed:
    """Return the same numbers for the rows of a table."""
    hashes, part = linear
    rows, shape = table.find(hashes)[1], (len(table), len(part.meanings))
    weight = np.zeros(len(table), np.float32)
    weight[rows] = part.importance
    found = csr_matrix((part.values, (np.repeat(rows, np.diff(part.starts)), part.columns)), shape)
    columns = found.indices.astype(np.uint8)
    return part._replace(importance=weight, starts=found.indptr, columns=columns, values=found.data)


def inputs_of(meaning: str, known: Collection[str]) -> list[str]:
    """Return the names of the inputs that decide a meaning of the mail. `known`: all names."""
    families = ("1 ", "b ", "g ") if meaning in WHOLE else ("1 ", "b ")
    names = (*(f"{rank} {meaning}" for rank in "12s"), *CIRCUMSTANCES, *(n for n in known if n[:2] in families))
    return [name for name in dict.fromkeys(names) if name in known]


def train_mail(samples: Sequence[Sample], inputs: Mapping[str, Any], meanings: Sequence[str]) -> dict[str, Any]:
    """Train the mail classifier, and set the probabilities of the mails. Return its parts.

    `inputs`: name → the input of each mail, from the scores of left-out writers.
    """
    folds = np.array([sample.fold for sample in samples])
    parts: dict[str, Any] = {}
    for meaning in sorted({m for m in meanings if m.split(":")[0] in FAMILIES and "=" not in m}.union(WHOLE)):
        whole = meaning in WHOLE
        at = np.array([sample.by_sentence or whole for sample in samples])
        y = np.array([meaning in (sample.whole if whole else sample.told) for sample in samples])
        if y[at].sum() < LEAST_UNITS:
            continue
        names = inputs_of(meaning, inputs)
        x = np.column_stack([inputs[name] for name in names])
        for fold in np.unique(folds):
            inside, outside = folds == fold, (folds != fold) & at
            if 2 <= y[outside].sum() < outside.sum():
                found = fit(meaning, x[outside], y[outside]).predict_proba(x[inside])[:, 1]
                for number, chance in zip(np.flatnonzero(inside), found.tolist(), strict=True):
                    samples[number].chances[meaning] = chance
        parts[meaning] = {"inputs": names, **written(fit(meaning, x[at], y[at]))}
    return parts


def fit(meaning: str, x: Any, y: Any) -> Any:
    """Fit decision trees to the kind and urgency of the mail, and a logistic regression to other meanings."""
    if meaning in WITH_TREES:
        return HistGradientBoostingClassifier(
            max_iter=120, learning_rate=0.07, max_leaf_nodes=12, l2_regularization=5, random_state=0
        ).fit(x, y)
    return LogisticRegression(C=LOGISTIC_C, max_iter=150).fit(x, y)


def written(model: Any) -> dict[str, Any]:
    """Return a classifier in the format of the file."""
    if isinstance(model, LogisticRegression):
        return {"weights": [round(float(w), 4) for w in model.coef_[0]], "bias": round(float(model.intercept_[0]), 4)}
    trees = [
        [
            (-1, round(float(node["value"]), 5), 0, 0)
            if node["is_leaf"]
            else (int(node["feature_idx"]), float(node["num_threshold"]), int(node["left"]), int(node["right"]))
            for node in step[0].nodes
        ]
        for step in model._predictors  # the library has no public way to write its trees
    ]
    return {"trees": trees, "bias": float(model._baseline_prediction.ravel()[0])}


def write_weights(content: Mapping[str, Any]) -> bytes:
    """Return the content of the weights file.

    `content`: version, thresholds, and by side `linear` (see `train_linear`) and `mail` (see `_mail_document`).
    """
    sides = {}
    for side, mail in content["mail"].items():
        linear = content["linear"][side]
        table = HashTable(np.unique(np.concatenate([hashes for hashes, _ in linear])))
        inputs = input_names(*(part.meanings for _, part in linear))
        sides[side] = {"marks": table.hashes[:-1].tobytes(), "mail": _mail_document(mail, inputs)}
        for name, one in zip(("units", "whole"), linear, strict=True):
            numbers = _placed(one, table)._asdict()
            meanings = numbers.pop("meanings")
            sides[side][name] = {"meanings": meanings} | {key: value.tobytes() for key, value in numbers.items()}
    document = {"version": content["version"], "thresholds": content["thresholds"], "sides": sides}
    return zstandard.ZstdCompressor(level=19).compress(msgspec.msgpack.encode(document))


def _mail_document(parts: Mapping[str, Mapping[str, Any]], inputs: Sequence[str]) -> dict[str, Any]:
    """Return the content of the file for the mail classifier. `inputs`: the names of all inputs, in their order.

    A node of a tree is `(input, border, left, right)`, a leaf `(-1, value, 0, 0)`.
    """
    linear = {meaning: part for meaning, part in parts.items() if "trees" not in part}
    trees = {meaning: part for meaning, part in parts.items() if "trees" in part}
    place = {name: at for at, name in enumerate(inputs)}
    weights = np.zeros((len(linear), len(inputs)))
    for row, part in enumerate(linear.values()):
        weights[row, [place[name] for name in part["inputs"]]] = part["weights"]
    nodes: list[tuple[int, float, int, int]] = []
    roots: list[tuple[int, int]] = []
    for number, part in enumerate(trees.values()):
        places = [place[name] for name in part["inputs"]]
        for tree in part["trees"]:
            root = len(nodes)
            roots.append((root, number))
            for at, (name, border, left, right) in enumerate(tree, start=root):
                is_leaf = name < 0  # in the file it leads to itself
                nodes.append((0, border, at, at) if is_leaf else (places[name], border, root + left, root + right))
    numbers: dict[str, Any] = {"weights": weights}
    numbers["bias"] = [part["bias"] for part in (*linear.values(), *trees.values())]
    numbers |= zip(("input", "border", "left", "right"), zip(*nodes, strict=True), strict=True)
    numbers |= zip(("roots", "forest"), zip(*roots, strict=True), strict=True)
    made = {name: np.asarray(numbers[name], kind).tobytes() for name, kind in MAIL_NUMBERS.items()}
    return {"linear": list(linear), "trees": list(trees), **made}
