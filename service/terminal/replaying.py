"""`sodan replay`: what was taken in, judged anew with today's packs or others; shown, or kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from service.api.moments import moment
from service.intake import House, replay
from service.settings import Settings
from service.store.database import Database
from service.store.outside import outside

SHOWN = ("title", "status", "waiting_on", "priority", "kind", "vendor", "missing", "open_asks")
FOUND_WRONG = 1


def replay_cases(
    settings: Settings, database: Database, *, since: str | None, packs: Sequence[Path], apply: bool, now: datetime
) -> int:
    """One JSON line a case that would stand differently; status 0 whether or not there are any."""
    house = House.of(settings.model_copy(update={"packs": tuple(packs)}))
    start = moment(since, "--since", now)
    looked = changed = 0
    for key, before, after in replay(database, house, outside(settings), since=start, apply=apply, now=now):
        looked += 1
        changes = differences(before, after)
        if changes:
            changed += 1
            sys.stdout.write(json.dumps({"case": key, **changes}, ensure_ascii=False) + "\n")
    kept = "kept" if apply else "not kept (--apply keeps them)"
    print(f"sodan: {looked} cases judged by {house.rules.version}, {changed} differ; {kept}", file=sys.stderr)
    return 0


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Field → [before, after], for what people see."""
    return {name: [before.get(name), after.get(name)] for name in SHOWN if before.get(name) != after.get(name)}
