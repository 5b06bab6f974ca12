"""`sodan replay`: judges stored cases again with the current packs or others; shows or saves the result."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from service.api.moments import moment
from service.intake import AppContext
from service.replay import replay
from service.settings import Settings
from service.store.blob_store import outside
from service.store.database import Database

SHOWN = ("title", "status", "waiting_on", "priority", "kind", "vendor", "missing")


def replay_cases(
    settings: Settings, database: Database, *, since: str | None, packs: Sequence[Path], apply: bool, now: datetime
) -> int:
    """Print one JSON line per case that would change; return 0 in any case."""
    context = AppContext.of(settings.model_copy(update={"packs": tuple(packs)}))
    start = moment(since, "--since", now)
    looked = changed = 0
    for key, before, after in replay(database, context, outside(settings), since=start, apply=apply, now=now):
        looked += 1
        changes = differences(before, after)
        if changes:
            changed += 1
            sys.stdout.write(json.dumps({"case": key, **changes}, ensure_ascii=False) + "\n")
    saved = "saved" if apply else "not saved (--apply saves them)"
    print(f"sodan: {looked} cases judged by {context.rules.version}, {changed} differ; {saved}", file=sys.stderr)
    return 0


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return field → [before, after] for the fields that people see."""
    one, other = _shown(before), _shown(after)
    return {name: [one[name], other[name]] for name in other if one[name] != other[name]}


def _shown(case: dict[str, Any]) -> dict[str, Any]:
    lines = case.get("checklist") or []
    asks = [ask for ask in case.get("asks") or [] if ask["state"] == "open"]
    return {name: case.get(name) for name in SHOWN} | {
        "vendor_refs": [f"{ref['vendor']} {ref['ref']}" for ref in case.get("vendor_refs") or []],
        "present": [line["item"] for line in lines if line["state"] == "present"],
        "unknown": [line["item"] for line in lines if line["state"] == "unknown"],
        "asks": [ask["what"] for ask in asks],
        "evidence": [said["quote"] for said in (case.get("priority_detail") or {}).get("evidence", [])],
        "tone": [hint["id"] for hint in case.get("tone") or []],
        "parked": [one["topic"] for one in case.get("parked") or []],
        "problem": (case.get("problem") or {}).get("statement"),
    }
