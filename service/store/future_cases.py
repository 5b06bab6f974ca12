"""The state that cases will have after mails are placed. It is judged before the write."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import Connection

from service.cases.facts.case_message import CaseMessage, in_order
from service.cases.placement.objections import APART
from service.store import judge_queue
from service.store.case_messages import messages_of_cases, new_case_message
from service.store.placement import Prepared
from service.store.save import CaseSettings, case_settings, with_quoted
from service.store.tables import to_json

_TEMPORARY = re.compile(r'("(?:message|answered_by_message|id)":")(-[0-9]+)(?=["-])')


@dataclass(frozen=True, slots=True)
class FutureCase:
    """The messages and settings that a case will have. New messages have negative ids."""

    lines: Sequence[CaseMessage]
    settings: CaseSettings


def future_cases(conn: Connection, prepared: Prepared) -> dict[int, FutureCase]:
    """Return the future state of cases that only get new messages or related cases. Long cases are judged later.

    If a reply begins another matter, its new and its earlier case are judged after the write, because the reply may
    say that the earlier matter is solved.
    """
    plan = prepared.plan
    with_new_topics = {case for pair, (_, why) in plan.related.items() if why in APART for case in pair}
    wanted = plan.cases - plan.rewritten - with_new_topics
    stored = sorted(case for case in wanted if case > 0)
    long = judge_queue.long_cases(conn, stored)
    settings = case_settings(conn, [case for case in stored if case not in long])
    settings |= {case: CaseSettings({}) for case in wanted if case < 0}
    related: dict[int, set[int]] = defaultdict(set)
    for one, other in plan.related:
        related[one].add(other)
        related[other].add(one)
    for case, known in settings.items():
        related[case] -= known.dismissed
    settings = {
        case: known for case, known in settings.items() if case in plan.touched or not related[case] <= {*known.related}
    }
    lines = messages_of_cases(conn, [case for case in settings if case > 0])
    quoted: dict[int, dict[int, str]] = defaultdict(dict)
    for message, row in prepared.new.items():
        if (case := plan.home[message]) in settings:
            lines.setdefault(case, []).append(new_case_message(message, case, row))
            quoted[case][message] = row["quoted_text"]
    settings = with_quoted(conn, settings, lines)
    return {
        case: FutureCase(
            in_order(lines[case]),
            replace(
                known,
                related=tuple(sorted({*known.related, *related[case]}, key=lambda other: (other < 0, abs(other)))),
                quoted={**known.quoted, **quoted[case]},
            ),
        )
        for case, known in settings.items()
        if case in lines and (case < 0 or len(lines[case]) <= judge_queue.LONG)
    }


def with_ids(document: Mapping[str, Any], ids: Mapping[int, int]) -> msgspec.Raw:
    """Return a document as JSON with the final ids of new messages. Text cannot look like an id, as it is escaped."""
    return msgspec.Raw(_TEMPORARY.sub(lambda found: f"{found[1]}{ids[int(found[2])]}", to_json(document)).encode())
