"""Judges one mail as if it opened a case: the output of `sodan judge`.

The mail is parsed, read and judged as in the service. A forwarded mail and the text above it are judged together, and
the original author is the author. Quoted text counts only for the turn: if our reply leaves a quoted question of the
vendor open, we have to act.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from mailrules.engine.checklist import AT_ONCE
from mailrules.engine.judge import Rules
from mailrules.judgement import Judgement, Reading
from mailrules.thread import RuleInput, Side
from service.cases.asks import SOMETHING
from service.cases.facts.case_message import CaseMessage, in_order
from service.cases.facts.extracted import ExtractedMessage, read_message, with_reading
from service.cases.facts.extraction import IngestConfig, extract_messages
from service.cases.facts.roles import Roles, registered_domain
from service.cases.facts.subject import read_subject
from service.cases.facts.trust import OURS
from service.cases.state import attributes
from service.cases.turn import follow
from service.cases.vendor_mail import side_by_alarm, side_by_case_status
from service.mail.message import Mail

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def judge_alone(mail: Mail, rules: Rules, roles: Roles, file: str, ingest: IngestConfig) -> dict[str, Any]:
    """Return the object that `sodan judge` prints for one mail."""
    if mail.error is not None:
        return {"file": file, "error": mail.error}
    extracted = [
        read_message(one, rules.read) for one in extract_messages(mail, roles, ingest, received_at=mail.date or _NEVER)
    ]
    outer, inner = extracted[0], _forwarded(extracted, rules)
    if inner is not None and not inner.turn.subject:
        inner = _read(inner, replace(inner.turn, subject=outer.turn.subject, subject_is_new=False), rules)
    elif inner is None and mail.forwarded and not read_subject(mail.subject).reply:
        outer = _read(outer, replace(outer.turn, subject_is_new=True), rules)  # it opens a case
    mails = [inner, outer] if inner is not None else [outer]
    judgement = rules.judge(tuple(one.turn for one in mails), [one.reading for one in mails])
    waiting_on = _waiting_on(extracted, mails[0], judgement, rules)
    return _shown(file, mails[0], outer, judgement, waiting_on, _found(mails, judgement, rules))


def _found(mails: Sequence[ExtractedMessage], judgement: Judgement, rules: Rules) -> Reading:
    """Return the reading of the judged mail and of the text above it. A mere remark above it is left out."""
    first, *above = judgement.readings
    for mail, reading in zip(mails[1:], above, strict=True):
        if not rules.conclude(mail.turn, reading).remark:
            first = msgspec.structs.replace(
                first,
                acts=tuple(dict.fromkeys((*first.acts, *reading.acts))),
                statements=(*first.statements, *reading.statements),
                findings=(*first.findings, *reading.findings),
            )
    return first


def _read(message: ExtractedMessage, turn: RuleInput, rules: Rules) -> ExtractedMessage:
    return with_reading(replace(message, turn=turn), rules.read(turn))


def _forwarded(extracted: Sequence[ExtractedMessage], rules: Rules) -> ExtractedMessage | None:
    """Return the forwarded mail to judge together with the text above it. None: judge the mail itself.

    This is the first forwarded mail of a vendor; otherwise the innermost forwarded mail with text of our own people. A
    forwarded mail of an unknown author (such as phishing) is used only if the text above it is a mere remark.
    """
    outer = extracted[0]
    if outer.turn.automatic is not None:
        return None
    inner = [one for one in extracted[1:] if one.node.origin != "quoted" and one.source.from_ is not None]
    for one in inner:
        if one.node.side == "vendor":
            return one
    with_text = [one for one in inner if one.turn.text.strip()]
    if ours := [one for one in with_text if one.node.side in OURS]:
        return ours[-1]
    return with_text[0] if with_text and rules.conclude(outer.turn, outer.reading).remark else None


def _waiting_on(
    extracted: Sequence[ExtractedMessage], judged: ExtractedMessage, judgement: Judgement, rules: Rules
) -> Side | None:
    """Return who must act next after this mail."""
    automatic, side = judged.turn.automatic, judged.turn.side
    if automatic == "auto_reply" and judgement.kind == "security":
        return side_by_alarm(judgement.readings[0])
    if automatic in ("auto_reply", "receipt"):
        return "vendor" if side == "vendor" else None
    if automatic == "bounce":
        return "team"
    if automatic == "notification" and (told := side_by_alarm(judgement.readings[0])):
        return told
    if automatic is not None or (judgement.kind == "notice" and not judgement.readings[0].asks):
        state = side_by_case_status(judgement.readings[0]) if automatic == "notification" and side == "vendor" else None
        return "vendor" if state == "vendor" else "team" if state == "team" else None
    lines = [
        CaseMessage(number, one.node, one.turn, one.turn.date or _NEVER, one.reading)
        for number, one in enumerate(extracted)
    ]
    return follow(in_order(lines), rules.answers_ask).waiting_on


def _shown(
    file: str,
    judged: ExtractedMessage,
    outer: ExtractedMessage,
    judgement: Judgement,
    waiting_on: Side | None,
    reading: Reading,
) -> dict[str, Any]:
    priority, vendor = judgement.priority, judgement.vendor
    named = reading.references if judged.turn.side == "vendor" or vendor is not None else ()
    asking = (said for said in reading.statements if said.meaning.startswith("ask.") and said.state == "value")
    return {
        "file": file,
        "author_role": judged.node.side,
        "original_author": judged.turn.author or None,
        "forwarded_by": outer.turn.author or None if judged is not outer else None,
        "automatic": judged.turn.automatic,
        "language": judged.turn.language,
        "kind": judgement.kind,
        "priority": priority.level,
        "priority_detail": {
            **attributes(priority, "level impact urgency"),
            "evidence": [{"rule": f.rule, "message": None, "quote": f.quote} for f in priority.evidence],
            "heard": [{"quote": f.quote} for f in priority.heard],
            "basis": priority.rule,
            "set_by": "rules",
        },
        "needs_triage": priority.needs_triage,
        "present": [line.item for line in judgement.checklist if line.state == "present"],
        "missing": list(judgement.missing[:AT_ONCE]),
        "unknown": [line.item for line in judgement.checklist if line.state == "unknown"],
        "asks": [ask.what for ask in reading.asks if ask.what != SOMETHING],
        "asks_something": list(dict.fromkeys(said.quote for said in asking)) if reading.asks else [],
        "acts": list(reading.acts),
        "tone": [hint.id for hint in judgement.tone],
        "parked": [finding.value for finding in judgement.parked],
        "vendor": vendor,
        "vendor_refs": [r.ref for r in named if not r.token],
        "waiting_on": waiting_on,
        "questions": list(judgement.questions[:AT_ONCE]),
        "excerpt": judgement.excerpt,
        "statements": [attributes(said, "meaning state quote value confidence reader") for said in reading.statements],
        "findings": [attributes(finding, "rule pack quote") for finding in reading.findings],
        "read_by": {"reader": reading.reader, "version": reading.version},
        "error": None,
    }


# ── guessed sides: `--guess-roles` ──────────────────────────────────────────────────────────────────────────────────


def guess_intake_addresses(mail: Mail, ingest: IngestConfig) -> IngestConfig:
    """Return the settings with further intake addresses: recipients with "intake" in their name."""
    found = (
        a.key for a in (*mail.to, *mail.cc) if "intake" in a.key.partition("@")[0] or ".intake." in f".{a.domain}."
    )
    return replace(ingest, intake=(*ingest.intake, *found))


def guess_roles(mail: Mail, rules: Rules, roles: Roles, ingest: IngestConfig) -> Roles:
    """Return the declared roles, and guess the sides of other people from their addresses.

    The service never does this. If the author and a recipient have the same domain, the author is one of our people.
    Such an author belongs to the team if a recipient is a vendor, or if the mail states a vendor's case number.
    """
    if mail.from_ is None or roles.role_of(mail.from_) in ("team", "vendor") or mail.automatic == "bounce":
        return roles
    home = registered_domain(mail.from_.domain)
    known = roles.role_of(mail.from_) == "requester"
    same = any(registered_domain(other.domain) == home for other in (*mail.to, *mail.cc))
    if not known and not (home and same):
        return roles
    ours = roles if known else replace(roles, organisation=(*roles.organisation, home))
    if mail.forwarded or mail.automatic:
        return ours
    reading = rules.read(extract_messages(mail, ours, ingest, received_at=mail.date or _NEVER)[0].turn)
    quotes_number = reading.vendor is not None and any(r.stated for r in reading.references)
    if quotes_number or any(ours.role_of(other) == "vendor" for other in mail.to):
        ours = replace(ours, team=(*ours.team, mail.from_.key))
    strangers = frozenset(other.key for other in mail.to if ours.role_of(other) == "unknown")
    if quotes_number and strangers:  # a partner's help desk counts as the vendor
        vendor, named = reading.vendor, ours.vendor_of
        ours = replace(ours, vendor_of=lambda address: named(address) or (vendor if address in strangers else None))
    return ours
