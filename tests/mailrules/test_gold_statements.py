"""The rules alone: labelled mail as statements, so that what is wrong here is a rule's fault and not a reader's.

Mails that open a matter, of the development files of the corpus.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mailrules.evaluation.judged import turn_of
from tests.mailrules.mails import RULES, labelled

CORPUS = Path(__file__).parents[2] / "mailrules" / "corpus"


def mails(*, weighed: bool = False) -> Iterator[dict[str, Any]]:
    """Labelled mails by writers whose mail may be looked at.

    ``weighed``: without the writers who weighed whole mails only, and left sentences that show a weight unlabelled.
    """
    split = yaml.safe_load((CORPUS / "split.yaml").read_text(encoding="utf-8"))
    for name in split["development"]:
        if weighed and name[3:7] in ("dev4", "dev5"):
            continue
        for line in (CORPUS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def judged(mail: dict[str, Any]) -> tuple[str, str, str]:
    """Kind, priority and impact by the rules."""
    turn = turn_of(mail)
    judgement = RULES.judge((turn,), (RULES.reading(turn, labelled(mail), "gold", "1"),))
    return judgement.kind, judgement.priority.level, judgement.priority.impact


def test_the_rules_agree_with_people_where_the_statements_are_theirs() -> None:
    right: Counter[str] = Counter()
    of: Counter[str] = Counter()
    for mail in mails(weighed=True):
        if mail["opens"]:
            wanted = (mail["kind"], mail["priority"], mail["impact"])
            for field, label, got in zip(("kind", "priority", "impact"), wanted, judged(mail), strict=True):
                if field == "impact" and mail["kind"] != "incident":
                    continue  # what else a mail is for is not weighed by impact
                of[field] += 1
                right[field] += label == got
    assert of["kind"] > 100
    shares = {field: right[field] / of[field] for field in of}
    assert shares["kind"] >= 0.99
    assert shares["priority"] >= 0.97
    assert shares["impact"] >= 0.95


def test_every_label_of_the_corpus_is_a_meaning_of_the_catalogue() -> None:
    said = {(one.meaning, one.state) for mail in mails() for one in labelled(mail)}
    assert [one for one in sorted(said) if RULES.catalogue.fault(*one)] == []
