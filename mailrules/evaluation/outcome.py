"""The outcome of one labelled mail as a reader sees it: statements, and what follows from them for the mail alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mailrules.evaluation.figures import TOLD_STATES, Outcome
from mailrules.statement import UNSURE, MailText, Reader, Statement

WRITTEN_AT = datetime(2026, 3, 10, 9, tzinfo=UTC)
_DESK = ("howto", "request", "billing", "rca", "notice")
_MATRIX = {
    ("high", "high"): "P1", ("high", "medium"): "P2", ("high", "low"): "P3",
    ("medium", "high"): "P2", ("medium", "medium"): "P3", ("medium", "low"): "P4",
    ("low", "high"): "P3", ("low", "medium"): "P4", ("low", "low"): "P4",
}  # fmt: skip
REQUIRED = {
    "incident": "product symptom occurred_at impact_scope",
    "howto": "product question",
    "request": "change_target",
    "billing": "product billing_period question",
    "security": "symptom occurred_at impact_scope",
}
REQUIRED_BY_VENDOR = {
    "incident": "product environment resource_id symptom expected error_message occurred_at timezone ongoing_state"
    " frequency impact_scope business_impact workaround recent_changes tried question",
    "howto": "product question background",
    "request": "contract_id product change_target deadline",
    "billing": "contract_id product billing_period question",
    "security": "symptom occurred_at timezone resource_id impact_scope environment question",
    "rca": "related_case product resource_id occurred_at timezone symptom question",
}


def mail_text(mail: Mapping[str, Any]) -> MailText:
    """What a reader gets of a corpus line. The subject of a reply is somebody's earlier words, as in the service."""
    return MailText(
        "\n".join(unit["t"] for unit in mail["units"]),
        mail["subject"] if mail["opens"] else "",
        mail["lang"],
        mail["side"],
        mail["to"],
        mail["opens"],
        mail["automatic"],
        tuple(mail["files"]),
        WRITTEN_AT,
    )


def read_outcome(reader: Reader, mail: Mapping[str, Any], sees: Mapping[str, Collection[str]]) -> Outcome:
    """Read one labelled mail and say what follows from the statements for it alone."""
    said = reader.read(mail_text(mail))
    sure = [statement for statement in said if statement.state != UNSURE]
    meanings = {statement.meaning for statement in sure}
    kind = next((meaning[5:] for meaning in meanings if meaning.startswith("kind.")), None)
    states: dict[str, set[str]] = {}
    for statement in sure:
        if statement.meaning.startswith("item."):
            states.setdefault(statement.meaning[5:], set()).add(statement.state)
    present = {item for item, found in states.items() if found & set(TOLD_STATES)}
    unsure = any(
        statement.state == UNSURE and statement.meaning.startswith(("impact", "urgency", "security"))
        for statement in said
    )
    return Outcome(
        language=mail["lang"],
        side=mail["side"],
        kind=kind,
        priority=priority_of(sure, kind or "incident"),
        needs_triage=unsure or (kind == "incident" and not any(meaning.startswith("impact.") for meaning in meanings)),
        asks_something=any(meaning.startswith("ask.") for meaning in meanings),
        sets={
            "present": present,
            "unknown": {item for item, found in states.items() if "unknown" in found} - present,
            "asks": {
                _ask(meaning) for meaning in meanings if meaning.startswith("ask.") and meaning != "ask.something"
            },
            "acts": {meaning[4:] for meaning in meanings if meaning.startswith("act.")},
            "tone": {meaning[5:] for meaning in meanings if meaning.startswith("tone.")},
            "parked": {meaning[7:] for meaning in meanings if meaning.startswith("parked.")},
        },
        missing=missing_items(mail, kind, {s.meaning[5:] for s in said}, sees.get(mail["lang"], ())),
        told=set(states),
        meanings=meanings,
    )


def _ask(meaning: str) -> str:
    return meaning[4:].replace("info.", "info:")


def missing_items(
    mail: Mapping[str, Any], kind: str | None, told: Collection[str], sees: Collection[str]
) -> tuple[str, ...]:
    """Required items (DOMAIN 1.3, unconditional ones) that the reader sees well and did not see; of opening mails."""
    if mail["side"] == "vendor" or not mail["opens"] or kind is None:
        return ()
    required = (REQUIRED_BY_VENDOR if mail["to"] == "vendor" else REQUIRED).get(kind, "").split()
    return tuple(item for item in required if item in sees and item not in told)[:5]


def priority_of(statements: Sequence[Statement], kind: str) -> str:
    """The matrix of DOMAIN 2.2 for one mail."""
    meanings = {statement.meaning for statement in statements}
    if kind not in _DESK and (kind == "security" or "security" in meanings):
        return "P1" if meanings & {"ongoing", "impact.high"} else "P2"
    if kind in _DESK:
        return "P4"
    over = bool(meanings & {"recovered", "act.confirm_resolved"}) and "ongoing" not in meanings
    impact = next((level for level in ("high", "medium", "low") if f"impact.{level}" in meanings), None)
    urgency = next((level for level in ("high", "medium", "low") if f"urgency.{level}" in meanings), "medium")
    if over:
        return "P3" if impact == "high" else "P4"
    if impact is None:
        return "P3"
    return _MATRIX[impact, urgency]
