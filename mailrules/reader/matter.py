"""Decides by the words of a mail whether it continues a matter or begins another one, and who has to act next.

Linear classifiers read mail in Japanese or English. `continuation` reads mail of users and of unknown senders, because
mail of the team and of vendors nearly always continues a matter. `departure` reads replies of users and of the team.
Both help to place a mail in a case (docs/placement.md). `next.vendor`, `next.team` and `next.ours` read mail of
vendors, of the team, and of everybody else: who has to act after this mail (docs/design.md, Turn and asks)?
`report.vendor` and `report.ours` tell what a mail reports (`reports.py`).

The features are words, pairs and triples of words, and numbers that the reader has computed anyway: the probabilities
of the meanings, the scores of the first sentence and of the best later sentence, and whether the author announces
another matter. For example, thanks before a report of a fault are typical of a new matter.

``bench.train_matter`` trains them on labelled conversations and single mails. The boundary of `departure` is chosen so
that at most 2 % of the replies that stay with their matter, by writers unknown to it, are taken for a new one.

The file identifies words by their marks. In memory they are rows of the table of the reader's weights, because the
reader has found these rows already. Words that are not in the table do not count.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from ..statement import NEXT_SIDES, MailText, NextSide
from .mailview import ABSENT, MailView, Matrix, is_readable
from .marks import MarkTable, Places

FILE = "matter.bin"
FURTHEST = 2.0  # scores are cut off at this distance from zero
_LEAST_CHANCE = 0.001
_ANNOUNCED = "say.another_matter"
_EARLY = 4  # units that may contain an announcement, after a greeting, a name and thanks
_LEAST_LOG = -6.0
NOBODY = (_LEAST_LOG, _LEAST_LOG, _LEAST_LOG, 0.0)
"""Scores of `next.…` if nobody has to act for certain."""


def next_is(side: NextSide) -> tuple[float, ...]:
    """Return the scores of `next.…` if a side has to act for certain."""
    return tuple(0.0 if one == side else _LEAST_LOG for one in NEXT_SIDES)


class MatterClassifier(NamedTuple):
    """One of the classifiers. `values` and `squares` have one row for each row of the table of marks.

    A classifier of two outcomes has one score, the distance from the boundary; the others have one for each outcome.
    """

    values: NDArray[np.float32]
    """What a word adds to each score, before it is divided by the length of the mail's vector."""
    squares: NDArray[np.float32]  # square of the weight of a word in that vector; 0.0 for words that do not count
    inputs: NDArray[np.float32]  # for each score, one weight for each number of `matter_inputs`
    base: NDArray[np.float32]

    def score(self, rows: Places, inputs: NDArray[np.float64]) -> float:
        """Return the distance from the boundary, between -2 and 2; 0.0 if no word counts.

        ``rows``: the distinct features of the mail; ``inputs``: see `matter_inputs`.
        """
        if not self.knows(rows):
            return 0.0
        return round(max(-FURTHEST, min(FURTHEST, float(self.scores(rows, inputs)[0]))), 2)

    def knows(self, rows: Places) -> bool:
        """Whether any word of the mail counts."""
        return bool(self.squares.take(rows).any())

    def scores(self, rows: Places, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores without limits."""
        return self.of_words(rows) + self.inputs @ inputs + self.base

    def of_words(self, rows: Places) -> NDArray[np.float64]:
        """Return what some features, as those of a whole mail, add to the scores."""
        length = float(np.sqrt(self.squares.take(rows).sum())) or 1.0
        of_words: NDArray[np.float64] = self.values.take(rows, axis=0).sum(0) / length
        return of_words


def next_classifier(mail: MailText) -> str:
    """Return the name of the classifier that decides who has to act after this mail."""
    return f"next.{mail.side if mail.side in ('vendor', 'team') else 'ours'}"


def next_inputs(mail: MailText, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the numbers about a mail for `next.…`: `matter_inputs`, and the circumstances of the mail."""
    circumstances = (
        *(mail.to == side for side in NEXT_SIDES[:3]),
        mail.automatic is not None,
        mail.opens,
        mail.side == "unknown",
    )
    return np.concatenate((inputs, circumstances))


def next_scores(scores: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the scores of `next.…` as logarithms of probabilities; see `ReaderResult`."""
    logs = scores - scores.max()
    logs -= np.log(np.exp(logs).sum())
    return tuple(np.round(logs, 2).clip(_LEAST_LOG, 0.0).tolist())


def tells_continuation(mail: MailText) -> bool:
    """Whether the words of a mail can tell that it continues an earlier matter."""
    return mail.side not in ("team", "vendor") and is_readable(mail)


def tells_departure(mail: MailText) -> bool:
    """Whether the words of a mail can tell that it begins another matter than the mail that it answers."""
    return mail.side in ("requester", "team") and mail.automatic is None and is_readable(mail)


def announces(view: MailView) -> bool:
    """Whether the author says in one of the first sentences that another matter begins."""
    return any(_ANNOUNCED in one.concepts for one in view.readings[:_EARLY])


def matter_inputs(view: MailView, chances: Mapping[str, float], scores: Matrix) -> NDArray[np.float64]:
    """Return the numbers about a mail, each roughly between -2 and 2.

    ``chances``: the probabilities of the meanings; ``scores``: the scores of the units.
    """
    units = scores[: len(view.readings)]
    chance = np.clip(np.fromiter(chances.values(), np.float64, len(chances)), _LEAST_CHANCE, 1 - _LEAST_CHANCE)
    absent = np.full(units.shape[1], ABSENT)
    first = units[0] if len(units) else absent
    later = units[1:].max(0) if len(units) > 1 else absent
    of_units = np.clip(np.concatenate((first, later)), -2, 2) / 2
    lengths = min(len(units), 10) / 10, np.log1p(len(view.mail.text)) / 4
    return np.concatenate((np.log(chance / (1 - chance)) / 4, of_units, lengths, (2.0 * announces(view),)))


def side_read(name: str) -> str:
    """Return the side whose table of marks a classifier uses; see `side_of`."""
    return "vendor" if name.endswith(".vendor") else "ours"


def read_classifiers(data: bytes, tables: Mapping[str, MarkTable]) -> dict[str, MatterClassifier]:
    """Read the classifiers from the content of the file; see ``written``. ``tables``: the table of each side."""
    documents = _content(data)["classifiers"]
    return {name: _read(document, tables[side_read(name)]) for name, document in documents.items()}


def _read(document: Mapping[str, Any], table: MarkTable) -> MatterClassifier:
    known, rows = table.find(np.frombuffer(document["marks"], np.uint64))
    base = np.frombuffer(document["base"], np.float32)
    values, squares = np.zeros((len(table), len(base)), np.float32), np.zeros(len(table), np.float32)
    values[rows] = np.frombuffer(document["values"], np.float16).reshape(-1, len(base))[known]
    squares[rows] = np.frombuffer(document["squares"], np.float16)[known]
    inputs = np.frombuffer(document["inputs"], np.float32).reshape(len(base), -1)
    return MatterClassifier(values, squares, inputs, base)


def trained_with(data: bytes) -> str:
    """Return the version of the reader's weights that the classifiers were trained with."""
    return str(_content(data)["version"])


def _content(data: bytes) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(data))
    return content


def written(classifiers: Mapping[str, MatterClassifier], tables: Mapping[str, MarkTable], version: str) -> bytes:
    """Return the content of the file. ``version``: see ``trained_with``."""
    documents = {name: _written(one, tables[side_read(name)]) for name, one in classifiers.items()}
    content = msgspec.msgpack.encode({"version": version, "classifiers": documents})
    return zstandard.ZstdCompressor(level=19).compress(content)


def _written(classifier: MatterClassifier, table: MarkTable) -> dict[str, Any]:
    rows = np.flatnonzero(classifier.squares)
    return {
        "marks": table.marks.take(rows).tobytes(),
        "values": classifier.values.take(rows, axis=0).astype(np.float16).tobytes(),
        "squares": classifier.squares.take(rows).astype(np.float16).tobytes(),
        "inputs": classifier.inputs.astype(np.float32).tobytes(),
        "base": classifier.base.astype(np.float32).tobytes(),
    }
