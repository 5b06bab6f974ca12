"""Short replies that end a matter, and those that only look like it: `python -m bench.settling`

The mails are those of `settling_held_out` in ``mailrules/corpus/split.yaml``. Besides the labels of the corpus, each
has ``next`` (who has to act after it) and ``settles``: the way in which the author ends the matter, or `back`,
`comes_back` or `none`. Only numbers leave the files.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import yaml

from bench.harness import CORPUS, corpus
from mailrules.evaluation.judged import mail_text
from mailrules.reader.embedded import EmbeddedReader
from mailrules.statement import NEXT_SIDES, Reader

ENDS = ("dropped", "works", "close", "team_closes")
ACTS = {"act.confirm_resolved": ENDS, "act.close": ("close", "team_closes"), "act.reopen": ("back",)}


def count(reader: Reader, mail: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    """Return what the reader says of one mail, and whether it is right."""
    said = reader.read(mail_text(mail))
    acts = {one.meaning for one in said.statements}
    side = NEXT_SIDES[said.next_scores.index(max(said.next_scores))] if said.next_scores else ""
    ended = side == "nobody" or "act.confirm_resolved" in acts
    found = Counter({("next side", "wanted"): 1, ("next side", "right"): side == mail["next"]})
    if mail["settles"] in ENDS:
        found += Counter({(mail["settles"], "wanted"): 1, (mail["settles"], "right"): ended})
    elif mail["next"] != "nobody":
        found += Counter({("open matter", "wanted"): 1, ("open matter", "wrong end"): ended})
    for act, ways in ACTS.items() if mail["side"] != "vendor" else ():
        given, wanted = act in acts, mail["settles"] in ways
        found += Counter({(act, "given"): given, (act, "wanted"): wanted, (act, "right"): given and wanted})
    return found


def main() -> None:
    reader, total = EmbeddedReader(), Counter[tuple[str, str]]()
    writers = yaml.safe_load((CORPUS / "split.yaml").read_text(encoding="utf-8"))["settling_held_out"]
    for mail in (mail for writer in writers for mail in corpus(writer)):
        total += count(reader, mail)
    for name in dict.fromkeys(name for name, _ in total):
        print(f"{name:20}", {what: number for (other, what), number in total.items() if other == name})


if __name__ == "__main__":
    main()
