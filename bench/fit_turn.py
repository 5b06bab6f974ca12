"""Fits the table of who has to act next, ``service/cases/words/turn.yaml``.

    python -m bench.fit_turn [--write]

It uses the sets of ``bench/labelled_turns`` that are not held out. The table is a logistic regression (L2) on three
things: the scores of the words of each mail, by a classifier that never saw the set (`mailrules/reader/matter.py`); who
wrote to whom; and who had to act before, by the labels.

It prints how many turns are right in sets that the table has not seen. For this, the side that had to act before each
mail is the result of the table. Needs the dependency group ``train``.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cyclopts
import numpy as np
import yaml
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from bench.conversations import labelled_context
from bench.harness import ROOT
from bench.train_matter import LabelledTurn, train_one, turns
from bench.training.matter import SINGLE, Example, lines_of, single_mails
from bench.turns import LABELS
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.matter import next_scores
from mailrules.statement import NEXT_SIDES
from service.cases.turn import BEFORE, WRITERS, writer

WRITTEN = ROOT / "service" / "cases" / "words" / "turn.yaml"
FOLDS = 6
SOFTNESS = 0.3  # `C` of the logistic regression
HEAD = """\
# Who has to act after a mail of a person: weights fitted by `python -m bench.fit_turn`. Columns: team, vendor,
# requester, nobody. `words`: for the logarithm of each probability by the words of the mail. The other rows: who wrote
# to whom, and who had to act before this mail (`first`: the case begins). The column with the highest sum has to act.
"""


def scores(read: Sequence[LabelledTurn], more: Sequence[tuple[str, Example]]) -> Iterator[tuple[float, ...]]:
    """Yield the scores of the words of each mail, by classifiers that were trained without its fold."""
    folds = {one: at % FOLDS for at, one in enumerate(sorted({mail.set for mail in read}))}
    trained = {}
    for fold in range(FOLDS):
        for name in sorted({mail.classifier for mail in read}):
            seen = [m.example for m in read if m.classifier == name and folds[m.set] != fold]
            trained[fold, name] = train_one(name, seen + [its for other, its in more if other == name])
    for mail in read:
        classifier = trained[folds[mail.set], mail.classifier]
        yield next_scores(classifier.scores(mail.example.rows, mail.example.inputs))


def features(mail: LabelledTurn, said: tuple[float, ...], before: str) -> dict[str, float]:
    words = {f"says {side}": chance for side, chance in zip(NEXT_SIDES, said, strict=True)}
    by = writer(mail.turn)
    return {**words, by: 1.0, f"after {before}": 1.0, f"{by} {before}": 1.0}


class Table:
    """The table, fitted to mails and the scores of their words."""

    def __init__(self, read: Iterable[tuple[LabelledTurn, tuple[float, ...]]]) -> None:
        rows, last = [], dict[str, str]()
        for mail, said in read:
            rows.append((features(mail, said, last.get(mail.case, "first")), mail.next, mail.example.weight))
            last[mail.case] = mail.next
        given, labels, weights = zip(*rows, strict=True)
        self.names, self.model = DictVectorizer(), LogisticRegression(C=SOFTNESS, max_iter=3000)
        self.model.fit(self.names.fit_transform(given), [NEXT_SIDES.index(one) for one in labels], weights)

    def right(self, read: Sequence[tuple[LabelledTurn, tuple[float, ...]]]) -> int:
        """Return how many turns of other mails are right. The turn before each mail is the table's own result."""
        last, right = dict[str, str](), 0
        for mail, said in read:
            given = self.names.transform([features(mail, said, last.get(mail.case, "first"))])
            last[mail.case] = NEXT_SIDES[int(self.model.predict(given)[0])]
            right += last[mail.case] == mail.next
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
    ours, reader = labelled_context(), EmbeddedReader()
    files = sorted(LABELS.glob("*.json"))
    read = [mail for file in files for mail in turns(file.stem, ours, reader) if mail.turn.automatic is None]
    more = [one for file in sorted(SINGLE.glob("*.jsonl")) for one in single_mails(lines_of(file), reader)]
    given = list(zip(read, scores(read, more), strict=True))
    names = sorted({mail.set for mail in read})
    for fold in range(FOLDS):
        unseen = [one for one in given if names.index(one[0].set) % FOLDS == fold]
        right = Table(one for one in given if names.index(one[0].set) % FOLDS != fold).right(unseen)
        print(f"fold {fold}: {right} of {len(unseen)}", flush=True)
    if write:
        Path(WRITTEN).write_text(str(Table(given)), encoding="utf-8")


if __name__ == "__main__":
    cyclopts.run(main)
