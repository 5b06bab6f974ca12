"""Trains the embedded reader's weights on the development files of the corpus: `python -m bench.train_reader`.

The thresholds are chosen by cross-validation: each file is scored by weights that never saw it. Held-out files
(`mailrules/corpus/split.yaml`) are never opened. Needs the dependency group `train`.
"""

import json
from hashlib import sha256
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.harness import ROOT
from bench.training.classifiers import classifier, train_linear, train_mail, write_weights
from bench.training.samples import WHOLE, Sample, learned_meanings, read_samples
from bench.training.thresholds import choose_seen, choose_thresholds
from mailrules.library import load
from mailrules.reader.feature_hashes import unit_hashes
from mailrules.reader.mailview import input_names, mail_inputs
from mailrules.reader.weights import UnitClassifier

READER = ROOT / "mailrules" / "reader"
SEEN_HEAD = """# Items whose absence the embedded reader can tell, by language: at most 15 of 100 mails that tell the
# item lie below its lower threshold, and "missing" is right in 85 of 100 (writers left out of training). Of all other
# items "not seen" is not "missing". Written by `python -m bench.train_reader`.
"""


def main() -> None:
    samples = read_samples()
    content: dict[str, Any] = {"thresholds": {}, "linear": {}, "mail": {}}
    for side in ("ours", "vendor"):
        own = [sample for sample in samples if sample.side == side]
        meanings = learned_meanings(own)
        print(side, len(own), "mails", len(meanings), "meanings", flush=True)
        content["linear"][side] = train_linear(own, meanings)
        content["mail"][side] = train_mail(own, left_out(own, meanings), meanings)
        content["thresholds"][side] = choose_thresholds(own) | {"ask unit": 0.0}
        if side == "ours":
            low, seen = choose_seen(own, load().checklist.required)
            content["thresholds"][side] |= low
            lines = [f"{language}: [{', '.join(sorted(items))}]\n" for language, items in seen.items()]
            (READER / "detectable_absences.yaml").write_text(SEEN_HEAD + "".join(lines), encoding="utf-8")
    chosen = json.dumps([content["thresholds"], content["mail"]], sort_keys=True)
    content["version"] = sha256(chosen.encode()).hexdigest()[:12]
    print("bytes", (READER / "weights.bin").write_bytes(write_weights(content)))


def left_out(samples: list[Sample], meanings: list[str]) -> dict[str, NDArray[np.float32]]:
    """Return the inputs of the mail classifier by name, one number for each mail, in alphabetical order.

    The mails of each fold have the scores of classifiers of the other folds. Signals that no mail has are left out.
    """
    names = input_names(meanings, WHOLE)
    values = np.zeros((len(samples), len(names)), np.float32)
    for fold in sorted({sample.fold for sample in samples}):
        units, whole = map(classifier, train_linear([one for one in samples if one.fold != fold], meanings))
        print("  fold", fold, flush=True)
        for at, sample in enumerate(samples):
            if sample.fold == fold:
                values[at] = inputs(sample, units, whole)
    columns = sorted(zip(names, values.T, strict=True), key=itemgetter(0))
    return {name: column for name, column in columns if column.any() or not name.startswith("g ")}


def inputs(sample: Sample, units: UnitClassifier, whole: UnitClassifier) -> NDArray[np.float64]:
    """Return the inputs of the mail classifier for one mail."""
    scores = units.scores(unit_hashes([[*unit.own, *unit.placed] for unit in sample.features]), len(sample.features))
    weights = whole.scores(unit_hashes([[name for unit in sample.features for name in unit.own]]), 1)[0]
    return mail_inputs(sample.view, scores, weights)


if __name__ == "__main__":
    main()
