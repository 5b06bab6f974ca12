"""Derives the state of a case from all its mails, in the order in which they were written.

Who has to act next follows from the mails (see ``turn``). Manual changes are kept and marked as manual.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from mailrules.engine.checklist import AT_ONCE
from mailrules.engine.judge import Rules
from mailrules.judgement import ItemState, Judgement, Problem
from mailrules.thread import Side
from service.cases.clocks import calendars_of, held_by_side
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.subject import shown_subject
from service.cases.facts.trust import Doubt, doubts
from service.cases.replies import Asked
from service.cases.state import (
    Ask,
    Overrides,
    Status,
    attributes,
    checklist_line,
    priority_detail,
    stamp,
    summary_of,
)
from service.cases.turn import Course, Solved, follow


def revise(
    lines: Sequence[CaseMessage],
    judgement: Judgement,
    overrides: Overrides,
    now: datetime,
    rules: Rules,
    asked: Sequence[Asked] = (),
    solved: Sequence[Solved] = (),
) -> dict[str, Any]:
    """Return the case document of the API, without its key, merged and related cases.

    ``lines``: all messages of the case, oldest first, at least one. ``judgement``: of the messages that count.
    ``asked``: mails in which sodan asked for facts. ``solved``: as for ``follow``.
    """
    doubted = doubts(lines)
    counting = [line for line in lines if line.id not in doubted] or lines
    ordered = [replace(line, reading=one) for line, one in zip(counting, judgement.readings, strict=True)]
    level = overrides.value("priority", judgement.priority.level)
    course = follow(ordered, rules.answers_ask, overrides.asks, _passed_to_requester(asked, level), solved)
    status, waiting_on, since, moves = _with_manual_changes(course, overrides)
    vendor = vendor_of(ordered, judgement, overrides)
    people = participants_of(ordered, rules.names)
    set_by = {name: setting.by for name, setting in overrides.fields.items()}
    document = {
        "title": overrides.value("title", None) or _title(ordered, judgement.excerpt),
        "status": status,
        "waiting_on": waiting_on,
        "waiting_since": stamp(since),
        "priority": level,
        "vendor": vendor,
        "partner": _partner(ordered),
        "vendor_refs": [{"vendor": vendor, "ref": ref} for vendor, ref in _references(judgement, ordered)],
        "needs_triage": judgement.priority.needs_triage and status == "open" and "priority" not in set_by,
        "requester": _requester(people, ordered),
        "open_asks": sum(ask.state == "open" for ask in course.asks),
        "messages": len(lines),
        "opened_at": stamp(ordered[0].node.at),
        "updated_at": stamp(now),
        "owner": overrides.value("owner", None),
        **summary_of(judgement),
        **_checklist(judgement, course.asks, overrides, status),
        "priority_detail": priority_detail(judgement, level, set_by.get("priority", "rules")),
        "asks": [attributes(ask, _OF_ASK) for ask in course.asks],
        "problem": _problem(judgement.problem, course.asks, ordered),
        "clocks": {
            **held_by_side(moves, now, calendars_of(rules, vendor)),
            "first_response": _first_response(ordered),
            "turns": _turns(ordered),
        },
        "promises": _promises(ordered, now),
        "participants": people,
        "set_by": set_by,
        "not_counted": [{"message": str(line.id), "why": doubted[line.id]} for line in lines if line.id in doubted],
    }
    return document | {"notes": [*_notes(document, asked), *_sender_notes(lines, doubted)]}


_OF_ASK = " ".join(field.name for field in fields(Ask))


def _requester(people: Sequence[Mapping[str, Any]], lines: Sequence[CaseMessage]) -> dict[str, str] | None:
    """Return the requester: the first participant of our users, else of the team, else unknown.

    A member of the team who only forwards or receives a vendor's mail requests nothing. Neither does an unknown author
    whose first mail is read as a vendor's.
    """
    writers = {line.node.author for line in lines if len(lines) == 1 or not line.turn.wrapper}
    vendor = lines[0].node.author if lines[0].read_as_vendor else ""
    for role in ("requester", "team", "unknown"):
        for person in people:
            address = person["address"]
            if person["role"] == role and address != vendor and (role != "team" or address in writers):
                return {"name": person["name"], "address": person["address"]}
    return None


def _sender_notes(lines: Sequence[CaseMessage], doubted: Mapping[int, Doubt]) -> Iterator[str]:
    """Yield a note for each reason why the sender of a message is not trusted."""
    if any(line.node.forged for line in lines):
        yield "dmarc-failed"
    if any(line.node.trust == "unverified" for line in lines):
        yield "sender-unverified"
    if "outsider" in doubted.values():
        yield "outsider"


def _passed_to_requester(asked: Sequence[Asked], level: str) -> list[datetime]:
    """Return the times at which our questions passed the turn to the requester.

    If sodan itself sent questions in a P1 or P2 case, the turn stays with the team, which must not wait for answers.
    """
    return [one.at for one in asked if one.items and (one.by or level not in ("P1", "P2"))]


def vendor_of(lines: Sequence[CaseMessage], judgement: Judgement, overrides: Overrides) -> str | None:
    """Return the vendor: set by a person, else named in mails, else the first product's maker."""
    written = [line for line in lines if line.turn.automatic is None]
    named = (line.node.vendor or line.reading.maker for line in written)
    by_mails = judgement.vendor or next((vendor for vendor in named if vendor), None)
    return overrides.value("vendor", by_mails)  # type: ignore[no-any-return]


def _partner(lines: Sequence[CaseMessage]) -> str | None:
    """Return the mail domain of the first partner company that wrote or received a mail.

    A partner at a consumer mail provider is known by an address. This is a person, not a company.
    """
    partners = (line.node.counterpart for line in lines if line.node.counterpart)
    return next((partner for partner in partners if "@" not in partner), None)


def _with_manual_changes(
    course: Course, overrides: Overrides
) -> tuple[Status, Side | None, datetime | None, list[tuple[datetime, Side | None]]]:
    """Return (status, side to act, since when, all changes of the turn). Manual changes are applied."""
    status, waiting_on, since, moves = course.status, course.waiting_on, course.since, list(course.moves)
    if (wanted := overrides.fields.get("status")) is not None:
        status = wanted.value
        if status != "open":
            waiting_on, since = None, wanted.at
            moves = [*(move for move in moves if move[0] <= wanted.at), (wanted.at, None)]
        elif course.status != "open":
            waiting_on, since = course.last_turn or "team", wanted.at
            moves.append((wanted.at, waiting_on))
    if (turn := overrides.fields.get("waiting_on")) is not None:
        waiting_on, since = turn.value, turn.at
        moves = [*(move for move in moves if move[0] <= turn.at), (turn.at, waiting_on)]
    return status, waiting_on, since, moves


def participants_of(lines: Sequence[CaseMessage], known: Mapping[str, str]) -> list[dict[str, str]]:
    """Return authors and recipients of the messages that count, in order. ``known``: names that the mails lack.

    A stranger who only writes to the case is not a participant, and neither is the author of a forged mail.
    """
    people: dict[str, tuple[str, Side]] = {}
    for line in lines:
        if line.node.forged:
            continue
        if author := line.node.author:
            name, _ = people.get(author, ("", ""))
            people[author] = (name or line.name, line.author_side)
        for address, recipient, role in line.people:
            name, side = people.get(address, ("", role))
            people[address] = (name or recipient, side)
    return [
        {"address": address, "name": name or known.get(address, ""), "role": side}
        for address, (name, side) in people.items()
    ]


def _problem(problem: Problem, asks: Sequence[Ask], lines: Sequence[CaseMessage]) -> dict[str, Any]:
    """Return the problem for the case document.

    If our side confirmed or corrected the scope later, both sides agree on the problem, and ``drift`` is false.
    """
    stated = next((line.node.at for line in lines if line.turn.id == problem.turn), None)
    confirmed = (ask.answered_at for ask in asks if ask.what == "confirm_scope" and ask.state == "answered")
    agreed = [at for at in confirmed if at and stated and at >= stated and problem.version >= 2]
    return {
        **attributes(problem, "statement version"),
        "drift": problem.drift and not agreed,
        "message": problem.turn,
        "agreed_at": stamp(min(agreed, default=None)),
    }


def _checklist(judgement: Judgement, asks: Sequence[Ask], overrides: Overrides, status: Status) -> dict[str, Any]:
    """Return the checklist, the missing items, and the questions to ask next. Only an open case has missing items.

    A person can set the value of an item by hand, or answer a vendor's request for the item in words.
    """
    answered = (ask for ask in asks if ask.answer and ask.what.startswith("info:"))
    by_hand = {ask.what.removeprefix("info:"): (ask.answer, ask.set_by) for ask in answered}
    by_hand |= {item: (setting.value, setting.by) for item, setting in overrides.items.items()}
    lines: list[ItemState] = []
    for line in judgement.checklist:
        value, _ = by_hand.get(line.item, (None, None))
        if value == "waived":
            line = replace(line, state="waived")
        elif value is not None:  # no quote, because no mail contains this answer
            line = replace(line, state="present", value=value, turn=None, quote=None, partial=False, none=False)
        lines.append(line)
    done = {line.item for line in lines if line.state in ("waived", "present") and line.item in by_hand}
    missing = [item for item in judgement.missing if item not in done][:AT_ONCE] if status == "open" else []
    return {
        "checklist": [checklist_line(line, judgement, by_hand.get(line.item, (None, None))[1]) for line in lines],
        "missing": missing,
        "questions": [item for item in judgement.questions if item in missing],
    }


def _title(lines: Sequence[CaseMessage], excerpt: str) -> str:
    """Return the title: the first subject, unless it belongs to an earlier topic.

    Without a subject, this is the sentence that describes the matter, or the first words.
    """
    own = [line for line in lines if line.turn.automatic is None] or list(lines)
    for line in own:
        if line.turn.begins and not line.turn.subject_is_new:
            break
        if shown := shown_subject(line.turn.subject):
            return shown
    words = " ".join((excerpt or own[0].turn.text).split())
    return words[:80] + ("…" if len(words) > 80 else "")


def _references(judgement: Judgement, lines: Sequence[CaseMessage]) -> tuple[tuple[str, str], ...]:
    """Return the numbers of this case, without those of an earlier topic or a related case."""
    stated: set[tuple[str, str]] = set()
    foreign: set[tuple[str, str]] = set()
    for line in lines:
        pairs = {(r.vendor, r.ref) for r in line.reading.references}
        if line.node.fresh and (line.node.reply_marked or not line.node.headerless):
            foreign |= pairs
        elif line.node.tells_previous:
            foreign |= pairs - set(line.node.stated)
            stated |= set(line.node.stated)
        else:
            stated |= pairs
    found = [(r.vendor, r.ref) for r in judgement.references if not r.token]
    return tuple(dict.fromkeys(pair for pair in found if pair in stated or pair not in foreign))


def _promises(lines: Sequence[CaseMessage], now: datetime) -> list[dict[str, Any]]:
    """Return the promises with a due date. A promise is kept if a person of the same side writes again by then.

    ``overdue`` only means that an update was expected by then.
    """
    promises: list[dict[str, Any]] = []
    next_word: dict[Side, datetime] = {}  # earliest time of writing among the mails that follow in order
    for line in reversed(lines):
        if line.turn.automatic is not None:
            continue
        side = line.turn.side
        after = next_word.get(side)
        for promise in reversed(line.reading.promises):
            if promise.due is None:
                continue
            kept = after is not None and after <= promise.due
            overdue = after is None and now > promise.due
            written = {"by": side, "due": stamp(promise.due), "message": line.turn.id, "quote": promise.finding.quote}
            promises.append(written | {"kept": kept, "overdue": overdue})
        next_word[side] = line.node.at if after is None else min(after, line.node.at)
    return promises[::-1]


def _first_response(lines: Sequence[CaseMessage]) -> int | None:
    """Return the seconds from our report to the first reply of the vendor.

    Without a vendor, the team's reply counts.
    """
    human = [line for line in lines if line.turn.automatic is None and not line.turn.wrapper]
    asked = next((m for m in human if m.turn.side in ("team", "requester") and "vendor" in m.turn.towards), None)
    if asked is None and any(m.turn.side == "vendor" for m in human):
        asked = next((m for m in human if m.turn.side == "team"), None)
    if asked is not None:
        reply = next((m for m in human if m.turn.side == "vendor" and m.node.at >= asked.node.at), None)
    elif human and human[0].turn.side != "team":
        asked = human[0]
        reply = next((m for m in human if m.turn.side == "team"), None)
    else:
        return None
    return None if reply is None else max(0, int((reply.node.at - asked.node.at).total_seconds()))


def _turns(lines: Sequence[CaseMessage]) -> int:
    """Return how often our side wrote and the vendor answered.

    In a case without a vendor, return how often a user wrote and the team answered.
    """
    vendor = any(m.turn.side == "vendor" and m.turn.automatic is None for m in lines)
    turns, asked = 0, False
    for line in lines:
        if line.turn.automatic is not None or line.turn.wrapper:
            continue
        other = line.turn.side == ("vendor" if vendor else "team")
        if not other:
            asked = asked or not vendor or line.turn.side in ("team", "requester")
        elif asked:
            turns, asked = turns + 1, False
    return turns


def _notes(case: Mapping[str, Any], asked: Sequence[Asked]) -> Iterator[str]:
    """Yield the names of notes for the team. ``call`` suggests a phone call after many mails in both directions."""
    is_open = case["status"] == "open"
    unsolved = is_open and not case["recovered"]
    if case["priority"] == "P1" and unsolved:
        if not any(line["item"] == "contact" and line["state"] == "present" for line in case["checklist"]):
            yield "p1-without-contact"
        if case["owner"] is None and not any(person["role"] == "team" for person in case["participants"]):
            yield "p1-without-owner"
    if is_open and any(promise["overdue"] for promise in case["promises"]):
        yield "overdue-promise"
    if unsolved and case["clocks"]["turns"] >= 3 and case["missing"]:
        yield "call"
    if case["waiting_on"] == "requester" and any(one.kind == "reminder" for one in asked):
        yield "reminded"
