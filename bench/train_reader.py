"""Trains the embedded reader's weights on the development files of the corpus: `python -m bench.train_reader`.

The thresholds are chosen by cross-validation: each file is scored by weights that never saw it. Held-out files
(`mailrules/corpus/split.yaml`) are never opened. Needs the dependency group `train`.
"""

import json
from hashlib import sha256
from typing import Any

from bench.harness import ROOT
from bench.training.classifiers import classifier, train_linear, train_mail, write_weights
from bench.training.samples import Sample, learned_meanings, read_samples
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
        scored = {fold: iter(left_out(own, meanings, fold)) for fold in sorted({sample.fold for sample in own})}
        held = [next(scored[sample.fold]) for sample in own]
        content["linear"][side] = train_linear(own, meanings)
        content["mail"][side], chances = train_mail(own, held, meanings)
        content["thresholds"][side] = choose_thresholds(own, chances) | {"ask unit": 0.0}
        if side == "ours":
            low, seen = choose_seen(own, chances, load().checklist.required)
            content["thresholds"][side] |= low
            lines = [f"{language}: [{', '.join(sorted(items))}]\n" for language, items in seen.items()]
            (READER / "detectable_absences.yaml").write_text(SEEN_HEAD + "".join(lines), encoding="utf-8")
    chosen = json.dumps([content["thresholds"], content["mail"]], sort_keys=True)
    content["version"] = sha256(chosen.encode()).hexdigest()[:12]
    print("bytes", (READER / "weights.bin").write_bytes(write_weights(content)))


def left_out(samples: list[Sample], meanings: list[str], fold: int) -> list[dict[str, float]]:
    """Return the inputs of the mail classifier for the mails of a fold, with scores of classifiers of other folds."""
    others = [sample for sample in samples if sample.fold != fold]
    units, whole = map(classifier, train_linear(others, meanings))
    print("  fold", fold, flush=True)
    return [inputs(sample, units, whole) for sample in samples if sample.fold == fold]


def inputs(sample: Sample, units: UnitClassifier, whole: UnitClassifier) -> dict[str, float]:
    """Return the inputs of the mail classifier for one mail."""
    scores = units.scores(unit_hashes([[*unit.own, *unit.placed] for unit in sample.features]), len(sample.features))
    weights = whole.scores(unit_hashes([[name for unit in sample.features for name in unit.own]]), 1)[0]
    names = input_names(units.meanings, whole.meanings)
    values = zip(names, mail_inputs(sample.view, scores, weights).tolist(), strict=True)
    return {name: value for name, value in values if value or not name.startswith("g ")}


if __name__ == "__main__":
    main()
