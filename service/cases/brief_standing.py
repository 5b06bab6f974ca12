"""The current state of a case, in the words of the mails: its newest answer and its outcome.

Automatic mails, mails that do not count and mere courtesy are skipped. If the problem came back, earlier mails are
skipped too.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mailrules.reader.courtesy import is_courtesy
from service.cases.brief_input import BriefInput, Document

_FINAL = frozenset(("act.answer", "act.scope_statement"))
_ANSWERS = _FINAL | {"act.progress", "act.escalated"}  # answers that are not final say only that the work continues
_OUTCOME = frozenset(("recovered", "act.confirm_resolved"))
_RETURN = frozenset(("act.reopen", "ongoing"))
_CLOSES = "act.close"  # says what happens to the ticket, not what happened to the problem
MEANINGS: Final = _ANSWERS | _OUTCOME | _RETURN | {_CLOSES}
"""The meanings of the statements that say where a case stands."""
_QUESTION = re.compile(r"(?:[?？]|か。)\s*$")
_LONGEST = 300  # characters of an answer


@dataclass(frozen=True, slots=True)
class Standing:
    """A sentence: its label in ``brief.yaml``, its meaning, its text and its message id."""

    name: str
    meaning: str
    text: str
    message: str


def standing(source: BriefInput) -> list[Standing]:
    """Return the current state of a case: the newest answer, then whether the problem ended.

    For a vendor, the answer is left out, and only mails in the vendor's language are used. For a requester, only mails
    in the requester's language are used if one of them contains such a statement.
    """
    mails, reader = _counting(source), source.reader
    returned = max((at for at, mail in enumerate(mails) if at and _statements(mail, {"act.reopen"})), default=0)
    after = mails[returned + 1 :] if returned else mails
    own = [mail for mail in after if not source.is_foreign(mail)]
    if reader == "vendor" or (reader == "requester" and any(_sayings(mail, MEANINGS) for mail in own)):
        after = own
    if source.is_over:
        outcome = _newest(source, after, _OUTCOME, "outcome")
    else:
        outcome = _newest(source, mails[returned or 1 :], _RETURN, "returned")
    answer = None if reader == "vendor" else _answer(source, after)
    if answer and answer.meaning not in _FINAL and source.is_over:
        order = [str(mail["id"]) for mail in mails]
        if outcome is None or order.index(answer.message) <= order.index(outcome.message):
            answer = None  # the work that it reports is done
    return [one for one in (answer, outcome) if one is not None]


def withdrawn(source: BriefInput) -> Iterator[tuple[str, str]]:
    """Yield (message id, quote) of statements that the problem ended, which a later mail denies."""
    said: list[tuple[str, str]] = []
    for mail in _counting(source):
        if _statements(mail, _RETURN):
            yield from said
            said = []
        said += [(str(mail["id"]), one["quote"]) for one in _statements(mail, _OUTCOME)]


def _counting(source: BriefInput) -> list[Document]:
    doubted = {one["message"] for one in source.case.get("not_counted", [])}
    return [mail for mail in source.messages if mail["id"] not in doubted and not mail.get("automatic")]


def _statements(mail: Document, meanings: Collection[str]) -> list[Document]:
    """Return the statements of a mail with one of these meanings, in the order of its text."""
    found = [one for one in mail.get("statements", []) if one["meaning"] in meanings and one["start"] >= 0]
    return sorted(found, key=lambda one: one["start"])


def _sayings(mail: Document, meanings: frozenset[str]) -> list[Document]:
    """Return the statements with these meanings. Left out: courtesy, questions, and that the ticket is closed."""
    closing = {one["quote"] for one in _statements(mail, (_CLOSES,))}
    closing -= {one["quote"] for one in _statements(mail, ("recovered",))}
    return [
        one
        for one in _statements(mail, meanings - {_CLOSES})
        if one["quote"] not in closing and not is_courtesy(one["quote"]) and not _QUESTION.search(one["quote"])
    ]


def _answer(source: BriefInput, mails: Sequence[Document]) -> Standing | None:
    """Return the vendor's newest answer. A requester also gets a newer answer of the team."""
    answers = []
    for mail in mails:
        role = mail["author"]["role"]
        informs_us = role == "vendor" or (role == "team" and not source.is_to_vendor(mail))
        if informs_us and (said := _sayings(mail, _ANSWERS)):
            answers.append((role, mail, said))
    by_vendor = [answer for answer in answers if answer[0] == "vendor"]
    chosen = by_vendor if by_vendor and source.reader != "requester" else answers
    if not chosen:
        return None
    role, mail, said = chosen[-1]
    meaning = next((one["meaning"] for one in said if one["meaning"] in _FINAL), said[0]["meaning"])
    name = "answer" if meaning in _FINAL else "progress"
    return Standing(f"{name}_{role}", meaning, _span(mail, said), str(mail["id"]))


def _newest(source: BriefInput, mails: Sequence[Document], meanings: frozenset[str], name: str) -> Standing | None:
    """Return the newest statement with one of these meanings. For a vendor, vendors' own mails are left out.

    An outcome with a number, such as the time, is preferred.
    """
    found = [
        (name == "outcome" and any(map(str.isdigit, said["quote"])), at, said, str(mail["id"]))
        for at, mail in enumerate(mails)
        if source.reader != "vendor" or mail["author"]["role"] != "vendor"
        for said in _sayings(mail, meanings)
    ]
    if not found:
        return None
    _, _, said, message = max(reversed(found), key=lambda one: one[:2])
    return Standing(name, said["meaning"], said["quote"], message)


def _span(mail: Document, said: Sequence[Document]) -> str:
    """Return the text of a mail from the first to the last of these statements.

    If it is too long, return only the statements.
    """
    text = mail["text"][said[0]["start"] : max(one["end"] for one in said)]
    if len(text) <= _LONGEST:
        return str(text)
    quotes = " ".join(dict.fromkeys(one["quote"] for one in said))
    return quotes if len(quotes) <= _LONGEST else f"{quotes[:_LONGEST]}…"
