"""Fits the table of who has to act next, ``service/cases/words/turn.yaml``.

    python -m bench.fit_turn [--write]

It uses ``bench/labelled_first`` and the sets of ``bench/labelled_turns`` that are not held out. The table is a logistic
regression (L2) on three things: the scores of the words of each mail, by a classifier that never saw the set
(`mailrules/reader/matter.py`); who wrote to whom; and who had to act before, by the labels.

It prints how many turns are right in sets that the table has not seen. For this, the side that had to act before each
mail is the result of the table. Needs the dependency group ``train``.
"""

from collections.abc import Mapping, Sequence
from itertools import chain

import cyclopts
import numpy as np
import yaml
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from bench.harness import BENCH, ROOT
from bench.training.examples import LabelledTurn, examples_of, first_turns, turns
from bench.training.matter import Example, scores_of, train_all
from bench.turns import LABELS
from mailrules.reader.matter import next_scores
from mailrules.reader.weights import shipped_weights
from mailrules.statement import NEXT_SIDES
from service.cases.turn_weights import BEFORE, WRITERS, writer

WRITTEN = ROOT / "service" / "cases" / "words" / "turn.yaml"
FOLDS = 6
SOFTNESS = 0.3  # `C` of the logistic regression
Said = tuple[float, ...]  # scores of the words of a mail: one for each side
HEAD = """\
# Who has to act after a mail of a person: weights fitted by `python -m bench.fit_turn`. Columns: team, vendor,
# requester, nobody. `words`: for the logarithm of each probability by the words of the mail. The other rows: who wrote
# to whom, and who had to act before this mail (`first`: the case begins). The column with the highest sum has to act.
"""


def scores(sets: Mapping[str, Sequence[LabelledTurn]], single: Sequence[Example]) -> dict[str, list[Said]]:
    """Return the scores of the words of each mail, by classifiers that were trained without its fold.

    ``single``: mails that all classifiers learn from.
    """
    found: dict[str, list[Said]] = {}
    for fold in range(FOLDS):
        unseen = [*sets][fold::FOLDS]
        trained = train_all([one.example for name in sets if name not in unseen for one in sets[name]] + [*single])
        for name in unseen:
            found[name] = [*map(next_scores, scores_of(trained, [one.example for one in sets[name]]))]
    return found


def features(mail: LabelledTurn, said: Said, before: str) -> dict[str, float]:
    words = {f"says {side}": chance for side, chance in zip(NEXT_SIDES, said, strict=True)}
    by = writer(mail.turn)
    return {**words, by: 1.0, f"after {before}": 1.0, f"{by} {before}": 1.0}


class Table:
    """The table, fitted to mails and the scores of their words."""

    def __init__(self, read: Sequence[tuple[LabelledTurn, Said]]) -> None:
        rows, last = [], dict[str, str]()
        for mail, said in read:
            rows.append(features(mail, said, last.get(mail.case, "first")))
            last[mail.case] = NEXT_SIDES[mail.example.label]
        labels, weights = zip(*((mail.example.label, mail.example.weight) for mail, _ in read), strict=True)
        self.names, self.model = DictVectorizer(), LogisticRegression(C=SOFTNESS, max_iter=3000)
        self.model.fit(self.names.fit_transform(rows), labels, weights)

    def right(self, read: Sequence[tuple[LabelledTurn, Said]]) -> int:
        """Return how many turns of other mails are right. The turn before each mail is the table's own result."""
        last, right = dict[str, str](), 0
        for mail, said in read:
            given = self.names.transform([features(mail, said, last.get(mail.case, "first"))])
            best = int(self.model.predict(given)[0])
            last[mail.case] = NEXT_SIDES[best]
            right += best == mail.example.label
        return right

    def __str__(self) -> str:
        columns, weights, bias = self.names.vocabulary_, self.model.coef_, self.model.intercept_
        table = {"words": {one: weights[:, columns[f"says {one}"]] for one in NEXT_SIDES}}
        for row in WRITERS:
            cells = {before: (row, f"after {before}", f"{row} {before}") for before in BEFORE}
            table[row] = {
                before: bias + sum(weights[:, columns[one]] for one in names if one in columns)
                for before, names in cells.items()
            }
        rounded = {row: {one: np.round(its, 2).tolist() for one, its in cells.items()} for row, cells in table.items()}
        return HEAD + yaml.dump(rounded, default_flow_style=None, sort_keys=False, width=120)


def main(*, write: bool = False) -> None:
    read = {
        file.stem: [mail for mail in turns(file.stem) if mail.turn.automatic is None] for file in LABELS.glob("*.json")
    }
    sets = {name: read[name] for name in sorted(read) if read[name]}
    single = [*chain.from_iterable(examples_of("labelled_next").values())]
    said = scores(sets, single)
    first = {str(file): [*first_turns(file)] for file in sorted((BENCH / "labelled_first").glob("*.jsonl"))}
    for name, its in first.items():  # the shipped classifiers never saw these mails
        said[name] = [*map(next_scores, scores_of(shipped_weights().matter, [one.example for one in its]))]
    sets |= first
    given = {name: [*zip(its, said[name], strict=True)] for name, its in sets.items()}
    for fold in range(FOLDS):
        unseen = [*sets][fold::FOLDS]
        mails = [one for name in unseen for one in given[name]]
        others = Table([one for name in sets if name not in unseen for one in given[name]])
        print(f"fold {fold}: {others.right(mails)} of {len(mails)}", flush=True)
    if write:
        WRITTEN.write_text(str(Table([*chain.from_iterable(given.values())])), encoding="utf-8")


if __name__ == "__main__":
    cyclopts.run(main)
