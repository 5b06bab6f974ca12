"""Cases as a decision will leave them, so that they are judged before it is written."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import Connection

from service.cases.facts.case_message import CaseMessage, in_order
from service.store import judge_queue
from service.store.lines import lines_of, new_line
from service.store.placement import Prepared
from service.store.save import CaseSettings, case_settings
from service.store.tables import to_json


@dataclass(frozen=True, slots=True)
class Draft:
    """The messages and settings that a case will have after the write. New messages have negative temporary ids."""

    lines: Sequence[CaseMessage]
    settings: CaseSettings


def drafts(conn: Connection, prepared: Prepared) -> dict[int, Draft]:
    """Return case → draft for the cases to which ``prepared`` adds messages or relations and changes nothing else.

    Long cases are left out, since they are judged later.
    """
    plan = prepared.plan
    wanted = plan.cases - plan.rewritten
    stored = sorted(case for case in wanted if case > 0)
    long = judge_queue.long_cases(conn, stored)
    settings = case_settings(conn, [case for case in stored if case not in long])
    settings |= {case: CaseSettings({}) for case in wanted if case < 0}
    related: dict[int, set[int]] = defaultdict(set)
    for one, other in plan.related:
        related[one].add(other)
        related[other].add(one)
    settings = {
        case: its for case, its in settings.items() if case in plan.touched or not related[case] <= {*its.related}
    }
    lines = lines_of(conn, [case for case in settings if case > 0])
    quoted: dict[int, dict[int, str]] = defaultdict(dict)
    for message, row in prepared.new.items():
        if (case := plan.home[message]) in settings:
            lines.setdefault(case, []).append(new_line(message, case, row))
            quoted[case][message] = row["quoted_text"]
    return {
        case: Draft(
            in_order(lines[case]),
            replace(
                its,
                related=tuple(sorted({*its.related, *related[case]}, key=lambda other: (other < 0, abs(other)))),
                quoted={**its.quoted, **quoted[case]} if its.asked else {},
            ),
        )
        for case, its in settings.items()
        if case in lines and (case < 0 or len(lines[case]) <= judge_queue.LONG)
    }


def with_ids(document: Mapping[str, Any], ids: Mapping[int, int]) -> msgspec.Raw:
    """Return a document as JSON in which new messages have their ids: ``ids``, temporary id → id.

    Text of a mail is never taken for an id: its quotation marks are escaped.
    """
    return msgspec.Raw(_TEMPORARY.sub(lambda found: f"{found[1]}{ids[int(found[2])]}", to_json(document)).encode())


_TEMPORARY = re.compile(r'("(?:message|answered_by_message|id)":")(-[0-9]+)(?=["-])')
