"""One mail judged alone, as if it opened a case: what `sodan judge` prints.

A forwarded mail is judged as its original author's. What stands in quotes counts for nothing but the turn: a question
of the vendor that our reply leaves open keeps the turn with us.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mailrules.judge import Rules
from mailrules.judgement import Judgement
from mailrules.thread import Side
from service.case.bringing import Brought, Ways, bring, with_reading
from service.case.deskstate import told_state
from service.case.line import Line, in_order
from service.case.roles import Roles
from service.case.subject import read_subject
from service.case.turn import follow
from service.mail.message import Address, Mail

_PLAIN = Ways()
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_LEVEL = frozenset(("co", "ne", "or", "ac", "go", "ed", "lg", "gr", "com", "net", "org", "gov", "edu", "plc"))
_DEALS_WITH_VENDOR = re.compile(
    r"(?:ベンダー?|メーカー|サポート(?:窓口)?)(?:の|から(?:の)?|に|へ)[^。\n]{0,12}(?:回答|返信|対応|問い?合わ?せ|起票|照会|確認)|起票"
    r"|\b(?:the )?vendor(?:'s)? (?:support|answer|is|has|asked|told)",
    re.IGNORECASE,
)


def judge_single(mail: Mail, rules: Rules, roles: Roles, file: str, ways: Ways = _PLAIN) -> dict[str, Any]:
    """One object of `sodan judge`. ``roles`` are the declared ones; a sender whom nobody declared is understood from
    the company that the mail keeps (see ``_inferred``)."""
    if mail.error is not None:
        return {"file": file, "error": mail.error}
    ways = replace(ways, intake=(*ways.intake, *_intake(mail)))
    roles = _inferred(mail, rules, roles, ways)
    brought = [_read(one, rules) for one in bring(mail, roles, ways, received_at=mail.date or _NEVER)]
    outer, judged = brought[0], _judged(brought)
    turn = judged.turn
    if judged is not outer and not turn.subject:
        turn = replace(turn, subject=outer.turn.subject, subject_is_new=False)
    elif judged is outer and mail.forwarded and not read_subject(mail.subject).reply:
        turn = replace(turn, subject_is_new=True)  # a stranger's mail handed on to us opens the matter
    judgement = rules.judge((turn,), (rules.read(turn) if turn is not judged.turn else judged.reading,))
    return _shown(file, mail, judged, outer, judgement, _waiting_on(brought, judged, judgement))


def _read(brought: Brought, rules: Rules) -> Brought:
    return with_reading(brought, rules.read(brought.turn))


def _judged(brought: Sequence[Brought]) -> Brought:
    """The mail that matters: a vendor's that was handed on, else the innermost with words of its own; the mail itself
    where what it hands on is nobody's we know (a phishing mail, say)."""
    inner = [one for one in brought[1:] if one.way in ("forwarded", "attached") and one.author is not None]
    if brought[0].turn.automatic is not None:
        return brought[0]
    for one in inner:
        if one.role == "vendor":
            return one
    known = [one for one in inner if one.role in ("team", "requester") and one.text.strip()]
    if known:
        return known[-1]
    strangers = [one for one in inner if one.text.strip()]
    if strangers and not brought[0].text.strip():
        return strangers[0]
    return brought[0]


def _waiting_on(brought: Sequence[Brought], judged: Brought, judgement: Judgement) -> Side | None:
    """Whose turn it is after this mail."""
    automatic, side = judged.turn.automatic, judged.turn.side
    if automatic in ("auto_reply", "receipt"):
        return "vendor" if side == "vendor" else None
    if automatic == "bounce":
        return "team"
    if automatic is not None or judgement.kind == "notice":
        state = told_state(judged.turn.text) if automatic == "notification" and side == "vendor" else None
        return None if state == "closed" else state
    lines = [
        Line(number, one.node, one.turn, one.date or _NEVER, one.reading, wrapper=number == 0 and one is not judged)
        for number, one in enumerate(brought)
    ]
    waiting_on = follow(in_order(lines)).waiting_on
    asks_on = bool(judgement.parked) and any(item == "question" for item in judgement.present)
    if waiting_on is None and side == "team" and "vendor" in judged.turn.towards and asks_on:
        return "vendor"  # service is back, and the report or the refund asked for is theirs to give
    return waiting_on


def _shown(
    file: str, mail: Mail, judged: Brought, outer: Brought, judgement: Judgement, waiting_on: Side | None
) -> dict[str, Any]:
    reading = judgement.readings[0]
    priority = judgement.priority
    vendor = judgement.vendor
    return {
        "file": file,
        "author_role": judged.turn.side,
        "original_author": judged.turn.author or None,
        "forwarded_by": outer.turn.author or None if judged is not outer else None,
        "automatic": judged.turn.automatic,
        "language": judged.turn.language,
        "kind": judgement.kind,
        "priority": priority.level,
        "priority_detail": {
            "level": priority.level,
            "impact": priority.impact,
            "urgency": priority.urgency,
            "evidence": [{"rule": f.rule, "message": None, "quote": f.quote} for f in priority.evidence],
            "heard": [{"quote": f.quote} for f in priority.heard],
            "set_by": "rules",
        },
        "present": list(judgement.present),
        "missing": list(judgement.missing),
        "unknown": list(judgement.unknown),
        "asks": [ask.what for ask in reading.asks],
        "acts": list(reading.acts),
        "tone": [hint.id for hint in judgement.tone],
        "parked": [finding.value for finding in judgement.parked],
        "vendor": vendor,
        "vendor_refs": [
            reference.ref
            for reference in judgement.references
            if not reference.token and (vendor is not None or reference.vendor is None)
        ],
        "waiting_on": waiting_on,
        "questions": list(judgement.questions),
        "findings": [{"rule": f.rule, "pack": f.pack, "quote": f.quote} for f in reading.findings],
        "error": None,
    }


def _inferred(mail: Mail, rules: Rules, roles: Roles, ways: Ways) -> Roles:
    """Roles with what the mail itself shows. Somebody whose address nobody declared, and whose domain is also that of a
    recipient, is one of ours; and of the team who writes to a vendor, quotes its case number or speaks for the desk."""
    if mail.from_ is None or roles.role_of(mail.from_) != "unknown" or mail.automatic == "bounce":
        return roles
    home = _registered(mail.from_)
    people = (*mail.to, *mail.cc)
    if not home or not any(_registered(other) == home for other in people):
        return roles
    ours = replace(roles, organisation=(*roles.organisation, home))
    if mail.forwarded or mail.automatic:
        return ours
    itself = _read(bring(mail, ours, ways, received_at=mail.date or _NEVER)[0], rules)
    reading = itself.reading
    strangers = frozenset(other.key for other in mail.to if ours.role_of(other) == "unknown")
    quotes_number = reading is not None and reading.vendor is not None and any(r.stated for r in reading.references)
    to_desk = any(ours.role_of(other) == "vendor" for other in mail.to)
    if to_desk or quotes_number or _DEALS_WITH_VENDOR.search(itself.text):
        ours = replace(ours, team=(*ours.team, mail.from_.key))
    if quotes_number and reading is not None and strangers:  # a partner's desk answers for the vendor
        vendor, known = reading.vendor, ours.vendor_of
        ours = replace(ours, vendor_of=lambda address: known(address) or (vendor if address in strangers else None))
    return ours


def _intake(mail: Mail) -> tuple[str, ...]:
    """Recipients that are evidently sodan itself, by their name."""
    return tuple(
        a.key for a in (*mail.to, *mail.cc) if "intake" in a.key.partition("@")[0] or ".intake." in f".{a.domain}."
    )


def _registered(address: Address) -> str:
    """The domain that was registered, by its usual shape (``example.co.jp`` of ``intake.example.co.jp``)."""
    labels = address.domain.split(".")
    if len(labels) < 2:
        return ""
    keep = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else 2
    return ".".join(labels[-keep:])
