"""Trains the classifiers of ``mailrules/reader/matter.py``.

    python -m bench.train_matter FOLDER… [--write] [--only FAMILY]

The folders contain labelled conversations (see ``bench.conversations``). A mail continues a matter if an earlier mail
is in its case. A reply begins another matter if the mail that it answers is in another case. Further labels:

- ``bench/labelled_openings``: whether a mail continues a matter;
- ``bench/labelled_replies``: whether a reply begins another matter;
- ``bench/labelled_turns`` and ``bench/labelled_next``: who has to act after a mail;
- ``bench/labelled_reports``: what a mail reports;
- ``bench/labelled_first``: whether the first mail of an unknown author is a vendor's.

The command prints how many mails of each set are right with a classifier that never saw the set (half an hour), and how
many of the held-out short replies and reports. ``--write`` skips most of this and writes
``mailrules/reader/matter.bin``. ``--only`` trains only the classifiers of one family, without folders.
Needs the dependency group ``train``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import cyclopts
import numpy as np

from bench.harness import ROOT, corpus, others, writers
from bench.training import examples
from bench.training.matter import Example, Scores, left_out, scores_of, train_all
from mailrules.reader.matter import FILE, MatterClassifier, file_content
from mailrules.reader.weights import shipped_weights

WRITTEN = ROOT / "mailrules" / "reader" / FILE
GROUPS = ("continuation", "departure", "next.vendor", "next.team", "next.ours", "report", "vendor_author")
"""Classifiers, or families of them, whose mails are counted together."""
FALSE = {"departure": 0.02, "vendor_author": 0.02}
"""Classifier → share of the unlabelled mails that it may take for labelled ones. Others decide at probability .5."""


def main(*folders: Path, write: bool = False, only: Literal["next", "report", "vendor_author"] | None = None) -> None:
    shipped = shipped_weights()
    made = dict(shipped.matter)
    for group in [one for one in GROUPS if one.startswith(only or "")]:
        sets = examples.sets_of(group, folders)
        own = {one: [each for each in its if each.classifier.startswith(group)] for one, its in sets.items()}
        made |= _trained(group, {one: its for one, its in own.items() if its}, write)
    if write:
        WRITTEN.write_bytes(file_content(made, shipped.tables, shipped.version))
    else:
        _print_held_out(made)


def _trained(group: str, sets: Mapping[Path, Sequence[Example]], write: bool) -> dict[str, MatterClassifier]:
    """Train the classifiers of a group. Unless ``write``, print the figures of each set, as one that is left out."""
    found, boundary = {} if write and group not in FALSE else left_out(sets), 0.0
    if group in FALSE and sets:
        unlabelled = [at[0] for one in found for at, its in zip(found[one], sets[one], strict=True) if not its.label]
        boundary = float(np.quantile(unlabelled, 1 - FALSE[group]))
    for one, scores in found.items():
        print(f"{group} {one.name}: {_right(scores, sets[one], boundary)}", flush=True)
    made = train_all(others(None, sets))
    return {name: one._replace(base=one.base - np.float32(boundary)) for name, one in made.items()}


def _print_held_out(made: Mapping[str, MatterClassifier]) -> None:
    """Print the figures of mails that no training uses. Only numbers leave the files."""
    for file, its in examples.examples_of("labelled_reports/held_out").items():
        print(f"report held out, {file.name}: {_right(scores_of(made, its), its)}")
    for writer in writers()["settling_held_out"]:
        its = [one for mail in corpus(writer) for one in examples.single_mail(mail)]
        print(f"next held out, {writer}: {_right(scores_of(made, its), its)}")


def _right(scores: Sequence[Scores], read: Sequence[Example], boundary: float = 0.0) -> str:
    if len(scores[0]) > 1:
        best = [int(at.argmax()) for at in scores]
        right = sum(its.label == outcome for outcome, its in zip(best, read, strict=True))
        given = f", reports {sum(way > 0 for way in best)}" if read[0].classifier.startswith("report") else ""
        return f"{right} of {len(read)}{given}"
    taken, other = (
        [at[0] > boundary for at, its in zip(scores, read, strict=True) if its.label == kind] for kind in (True, False)
    )
    return f"{sum(taken)} of {len(taken)}, false {sum(other)} of {len(other)}"


if __name__ == "__main__":
    cyclopts.run(main)
