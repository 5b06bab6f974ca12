"""Judges one labelled mail by the rules, as the service does for a single mail."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mailrules.engine import mails
from mailrules.engine.judge import Rules
from mailrules.evaluation.figures import Outcome, sets_of
from mailrules.statement import UNSURE, MailText, Reader
from mailrules.thread import File, RuleInput

WRITTEN_AT = datetime(2026, 3, 10, 9, tzinfo=UTC)


def turn_of(mail: Mapping[str, Any]) -> RuleInput:
    """Return a corpus line as the only mail of a case."""
    return RuleInput(
        id="1",
        side=mail["side"],
        author="writer@example",
        text="\n".join(unit["t"] for unit in mail["units"]),
        subject=mail["subject"],
        subject_is_new=mail["opens"],
        begins=mail["opens"],
        date=WRITTEN_AT,
        language=mail["lang"],
        automatic=mail["automatic"],
        towards=frozenset((mail["to"],)),
        files=tuple(File(name, "application/octet-stream", 1) for name in mail["files"]),
    )


def mail_text(mail: Mapping[str, Any]) -> MailText:
    """Return the input of a reader for a corpus line. The subject of a reply is left out, as in the service."""
    return mails.mail_text(turn_of(mail))


def judged_outcome(reader: Reader, mail: Mapping[str, Any], rules: Rules) -> Outcome:
    """Return the results of the reader and the rules for a labelled mail."""
    said = reader.read(mail_text(mail)).statements
    turn = turn_of(mail)
    judgement = rules.judge((turn,), (rules.reading(turn, said, reader.name, reader.version),))
    meanings = {statement.meaning for statement in said if statement.state != UNSURE}
    states: dict[str, set[str]] = {}
    for statement in said:
        if statement.meaning.startswith("item.") and statement.state != UNSURE:
            states.setdefault(statement.meaning[5:], set()).add(statement.state)
    asks = {meaning.removeprefix("ask.") for meaning in meanings if meaning.startswith("ask.")}
    return Outcome(
        language=mail["lang"],
        side=mail["side"],
        kind=judgement.kind,
        priority=judgement.priority.level,
        needs_triage=judgement.priority.needs_triage,
        asks_something=bool(asks),
        sets=sets_of(states, meanings) | {"asks": {a.replace("info.", "info:") for a in asks if a != "something"}},
        missing=judgement.missing if mail["opens"] and mail["side"] != "vendor" else (),
        told=set(states),
        meanings=meanings,
    )
