"""Chooses the thresholds of the reader on scores of writers whose mail did not train these scores."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np

from bench.training.samples import LEVELS, Sample

PRECISION = {"item": 0.92, "ask": 0.84, "tone": 0.965, "parked": 0.82, "recovered": 0.82, "ongoing": 0.8, "heard": 0.8}
"""Family → minimum precision of all its meanings together, on left-out writers."""
SETTLES = {"act:confirm_resolved": 0.92, "act:reopen": 0.9}
"""The same for acts that resolve or reopen a case, because a wrong one is worse than a missed one."""
ASK_ANY = (0.94, 0.95)  # minimum precision, and target recall, of vendor mail that requests something
FALSE_ALARMS = {"ours": 0.11, "vendor": 0.05}  # share of the other mails that may be called P1 or P2
LEFT_OUT = 0.03  # share of P1 and P2 that may be neither found nor marked for triage
SEEN_RECALL, MISSING_RIGHT, LEAST_MISSING = 0.85, 0.85, 12
Row = tuple[float, bool]  # probability, and whether the label has the meaning


def choose_thresholds(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the thresholds of families, of `ask:any` and of urgent mail."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for one in samples:
        for level in LEVELS:
            rows[level].append((one.chances.get(level, 0.0), level in one.whole))
        for meaning, chance in one.chances.items() if one.by_sentence else ():
            family = meaning if meaning == "ask:any" or meaning in SETTLES else meaning.split(":")[0]
            rows[family].append((chance, meaning in one.told))
    ours, asking = samples[0].side == "ours", rows["ask:any"]
    out = {level: best_threshold(rows[level]) if ours else 0.5 for level in LEVELS}  # vendors do not count
    out |= {family: lowest_threshold(rows[family], precision) for family, precision in (PRECISION | SETTLES).items()}
    out |= {"act": best_threshold(rows["act"]), "ask:any": lowest_threshold(asking, ASK_ANY[0])}
    if 4 * sum(told for _, told in asking) > len(asking):  # mail of our side rarely contains requests of vendors
        out["ask:any"] = min(out["ask:any"], recall_threshold(asking, ASK_ANY[1]))
    return out | choose_urgent(samples)


def lowest_threshold(rows: list[Row], precision: float) -> float:
    """Return the lowest threshold with this precision; 2 if there is none."""
    kept = [chance for chance, given, right in _ranked(rows) if given >= 5 and right / given >= precision]
    return round(min(kept, default=2.0), 4)


def recall_threshold(rows: list[Row], recall: float) -> float:
    """Return the highest threshold with this recall."""
    told = sorted((chance for chance, so in rows if so), reverse=True)
    return round(told[min(len(told) - 1, int(len(told) * recall))], 4)


def best_threshold(rows: list[Row]) -> float:
    """Return the threshold of the best F1; 2 if no label has the meaning."""
    wanted = sum(told for _, told in rows)
    best = max(_ranked(rows), key=lambda row: row[2] / (row[1] + wanted)) if wanted else (2.0,)
    return round(best[0], 4)


def _ranked(rows: list[Row]) -> list[tuple[float, int, int]]:
    """Return each probability, highest first, with the number of rows up to it, and how many of them are labelled."""
    ranked = sorted(rows, reverse=True)
    told = accumulate(told for _, told in ranked)
    return [(chance, given, right) for given, ((chance, _), right) in enumerate(zip(ranked, told, strict=True), 1)]


def choose_urgent(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the threshold of P1 or P2, and the threshold of mails that a person should check.

    Short mails that are labelled only as a whole train the classifiers, but do not count here. They are harder than
    usual mail, and would send most calm mail to a person.
    """
    usual = [one for one in samples if one.by_sentence]
    chance = np.array([one.chances.get("urgent", 0.0) for one in usual])
    urgent = np.array(["urgent" in one.whole for one in usual])
    if not urgent.any():
        return {"urgent": 0.5, "perhaps urgent": 0.2}
    calm, found = np.sort(chance[~urgent])[::-1], np.sort(chance[urgent])
    limit = float(calm[int(len(calm) * FALSE_ALARMS[samples[0].side])])
    perhaps = min(float(found[int(len(found) * LEFT_OUT)]), limit / 2)
    return {"urgent": round(limit, 4), "perhaps urgent": round(perhaps, 4)}


def choose_seen(
    samples: Sequence[Sample], required: Mapping[str, Mapping[str, Sequence[str]]]
) -> tuple[dict[str, float], dict[str, list[str]]]:
    """Return the lower thresholds of items, and for each language the items whose absence can be detected.

    Below its lower threshold, an item is missing. Between the two thresholds, it is unsure. An item is listed if at
    most `1 - SEEN_RECALL` of the mails that state it are below the lower threshold, and if "missing" is right in
    `MISSING_RIGHT` of all cases.
    """
    rows: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for one in samples:
        if one.mail["opens"] and one.by_sentence and one.mail["side"] != "vendor":
            towards = "vendor" if one.mail["to"] == "vendor" else "team"
            for meaning in (f"item:{item}" for item in required.get(one.mail["kind"], {}).get(towards, ())):
                rows[meaning, one.mail["lang"]].append((one.chances.get(meaning, 0.0), meaning in one.told))
    low: dict[str, float] = {}
    seen: dict[str, list[str]] = {"en": [], "ja": []}
    for meaning in sorted({meaning for meaning, _ in rows}):
        told = sorted(chance for language in seen for chance, so in rows[meaning, language] if so)
        if len(told) < LEAST_MISSING:
            continue
        border = round(told[int(len(told) * (1 - SEEN_RECALL))], 4)
        for language in seen:
            below = [so for chance, so in rows[meaning, language] if chance < border]
            if len(below) >= LEAST_MISSING and 1 - np.mean(below) >= MISSING_RIGHT:
                seen[language].append(meaning[5:])
                low[f"low {meaning}"] = border
    return low, seen
