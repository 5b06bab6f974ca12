"""Decides whether a reply begins another matter than the mail that it answers.

This is one linear classifier, for replies of users and of the team in Japanese or English. It was not trained on other
replies. The features are words, and pairs and triples of words, as in ``continuation.py``. Further features are numbers
that the reader has computed already: the probabilities of the meanings, the scores of the first sentence and of the
best later sentence, and whether the author announces another matter. For example, thanks before a report of a fault are
typical of a new matter.

``bench.train_departure`` trains the classifier and chooses the boundary: of the replies that stay with their matter, at
most 1.5 % may be classified as a new matter. These are replies of writers whose replies were not used for training.
"""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..statement import MailText
from . import continuation
from .continuation import WordWeights, read_continuation
from .mailview import ABSENT, MailView, Matrix, is_readable
from .marks import MarkTable, Places

FILE = "departure.bin"
_LEAST_CHANCE = 0.001
_ANNOUNCED = "say.another_matter"
_EARLY = 4  # an announcement may be in one of the first units, after a greeting, a name and thanks


class DepartureWeights(NamedTuple):
    """The classifier: weights of words, and one weight for each number of ``departure_inputs``."""

    words: WordWeights
    inputs: NDArray[np.float32]

    def score(self, rows: Places, inputs: NDArray[np.float64]) -> float:
        """Return the distance from the boundary, between -2 and 2: positive if the reply begins another matter."""
        return continuation.bounded(self.words.sum(rows) + float(self.inputs @ inputs))


def tells_departure(mail: MailText) -> bool:
    """Whether the classifier can be used for this mail."""
    return mail.side in ("requester", "team") and mail.automatic is None and is_readable(mail)


def announces(view: MailView) -> bool:
    """Whether the author announces another matter in one of the first sentences."""
    return any(_ANNOUNCED in one.concepts for one in view.readings[:_EARLY])


def departure_inputs(view: MailView, chances: dict[str, float], scores: Matrix) -> NDArray[np.float64]:
    """Return the numbers about a reply for the classifier, each roughly between -2 and 2.

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


def read_departure(data: bytes, table: MarkTable) -> DepartureWeights:
    """Read the classifier from the content of a file; see ``written``."""
    document = msgspec.msgpack.decode(data)
    return DepartureWeights(read_continuation(document["words"], table), np.frombuffer(document["inputs"], np.float32))


def trained_with(data: bytes) -> str:
    """Return the version of the reader's weights that the classifier was trained with."""
    return continuation.trained_with(msgspec.msgpack.decode(data)["words"])


def written(classifier: DepartureWeights, table: MarkTable, version: str) -> bytes:
    """Return the content of a file. ``version``: see ``trained_with``."""
    words = continuation.written(classifier.words, table, version)
    return msgspec.msgpack.encode({"words": words, "inputs": classifier.inputs.astype(np.float32).tobytes()})
