"""Train the embedded reader's weights on the development files of the corpus: `python -m bench.train_reader`.

Scores used for choosing thresholds come from writers who were left out: a file is scored by weights that never saw it.
Held-out files (`mailrules/corpus/split.yaml`) are never opened. Needs the dependency group `train`.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from bench.training.classifiers import importance, train, train_mail, unit_rows, whole_importance, whole_rows
from bench.training.samples import WHOLE, Sample, learned_meanings, read_samples
from bench.training.thresholds import choose_seen, choose_thresholds
from bench.training.weights_file import write_weights
from mailrules.library import load
from mailrules.reader.mailview import input_names, mail_inputs
from mailrules.reader.marks import UnitMarks, marks_of
from mailrules.reader.weights import UnitClassifier

READER = Path(__file__).resolve().parent.parent / "mailrules" / "reader"
SEEN_HEAD = """# Items whose absence the embedded reader can tell, by language: at most 15 of 100 mails that tell the
# item lie below its lower threshold, and "missing" is right in 85 of 100 (writers left out of training). Of all other
# items "not seen" is not "missing". Written by `python -m bench.train_reader`.
"""


def main() -> None:
    samples = read_samples()
    content: dict[str, Any] = {"thresholds": {}, "units": {}, "whole": {}, "mail": {}}
    for side in ("ours", "vendor"):
        own = [sample for sample in samples if sample.side == side]
        meanings = learned_meanings(own)
        print(side, len(own), "mails", len(meanings), "meanings", flush=True)
        held: dict[int, dict[str, float]] = {}
        for fold in sorted({sample.fold for sample in own}):
            inside = [at for at, sample in enumerate(own) if sample.fold == fold]
            held |= zip(inside, left_out(own, meanings, fold), strict=True)
        content["units"][side] = train(unit_rows(own), meanings, importance)[1]
        content["whole"][side] = train(whole_rows(own), WHOLE, whole_importance)[1]
        content["mail"][side], chances = train_mail(own, [held[at] for at in range(len(own))], meanings)
        content["thresholds"][side] = choose_thresholds(own, chances) | {"ask unit": 0.0}
        if side == "ours":
            low, seen = choose_seen(own, chances, load().checklist.required)
            content["thresholds"][side] |= low
            lines = [f"{language}: [{', '.join(sorted(items))}]\n" for language, items in seen.items()]
            (READER / "sees.yaml").write_text(SEEN_HEAD + "".join(lines), encoding="utf-8")
    chosen = json.dumps([content["thresholds"], content["mail"]], sort_keys=True)
    content["version"] = sha256(chosen.encode()).hexdigest()[:12]
    print("bytes", (READER / "weights.bin").write_bytes(write_weights(content)))


def left_out(samples: list[Sample], meanings: list[str], fold: int) -> list[dict[str, float]]:
    """What the mail step sees of the mails of a fold, scored by classifiers that never saw its writers."""
    others = [sample for sample in samples if sample.fold != fold]
    units = train(unit_rows(others), meanings, importance)[0]
    whole = train(whole_rows(others), WHOLE, whole_importance)[0]
    print("  fold", fold, flush=True)
    return [inputs(sample, units, whole) for sample in samples if sample.fold == fold]


def inputs(sample: Sample, units: UnitClassifier, whole: UnitClassifier) -> dict[str, float]:
    """What the mail step sees of one mail."""
    features = sample.features
    own = [marks_of(unit.own) for unit in features]
    everything = [np.concatenate((mine, marks_of(unit.placed))) for mine, unit in zip(own, features, strict=True)]
    numbers = np.repeat(np.arange(len(features)), list(map(len, everything)))
    scores = units.scores(UnitMarks(numbers, np.concatenate(everything)), len(features))
    mine = np.concatenate(own)
    weights = whole.scores(UnitMarks(np.zeros(len(mine), np.int64), mine), 1)[0]
    names = input_names(units.meanings, whole.meanings)
    values = zip(names, mail_inputs(sample.view, scores, weights).tolist(), strict=True)
    return {name: value for name, value in values if value or not name.startswith("g ")}


if __name__ == "__main__":
    main()
