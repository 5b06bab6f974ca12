"""Where a matter stands: the newest answer, the outcome, or the return of the problem, in the words of the mails.

Automatic mails, mails that do not count and mere courtesy are skipped. What was said before the problem came back no
longer stands.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mailrules.reader.courtesy import is_courtesy

Document = Mapping[str, Any]

_ANSWERS = frozenset(("act.answer", "act.progress", "act.escalated", "act.scope_statement"))
_FINAL = frozenset(("act.answer", "act.scope_statement"))  # other answers say only that the work continues
_OUTCOME = frozenset(("recovered", "act.confirm_resolved"))
_RETURN = frozenset(("act.reopen", "ongoing"))
_CLOSES = "act.close"  # says what happens to the ticket, not what happened to the problem
MEANINGS: Final = _ANSWERS | _OUTCOME | _RETURN | {_CLOSES}
"""The meanings of the statements from which the standing is computed."""
_ASKS = re.compile(r"(?:[?？]|か。)\s*$")
_LONGEST = 300  # characters of an answer


@dataclass(frozen=True, slots=True)
class Standing:
    """One thing to know: ``name`` of its label in ``brief.yaml``, its meaning, its text and the id of its message."""

    name: str
    meaning: str
    text: str
    message: str


def is_over(case: Document) -> bool:
    return bool(case.get("recovered") or case.get("status") in ("resolved", "closed"))


def standing(case: Document, messages: Sequence[Document], reader: str) -> list[Standing]:
    """Return where the case stands, for a reader: its newest answer (not for a vendor), then its outcome or return.

    A vendor gets only mails in its language, a requester too if any of them says where the case stands.
    """
    mails, language = _counting(case, messages), language_of(case, messages, reader)
    returned = max((at for at, mail in enumerate(mails) if at and _of(mail, {"act.reopen"})), default=0)
    after = mails[returned + 1 :] if returned else mails
    own = [mail for mail in after if not is_foreign(language, mail)]
    if reader == "vendor" or (reader == "requester" and any(_said(mail, MEANINGS) for mail in own)):
        after = own
    outcome = _outcome(after, reader) if is_over(case) else _returned(mails[returned or 1 :], reader)
    answer = _answer(case, after, reader)
    if answer and answer.meaning not in _FINAL and is_over(case) and not _follows(answer, outcome, mails):
        answer = None  # the work that it reports is done
    return [one for one in (answer, outcome) if one is not None]


def withdrawn(case: Document, messages: Sequence[Document]) -> Iterator[tuple[str, str]]:
    """Yield (id of the message, quote) of each statement that it works again, if a later mail denies it."""
    said: list[tuple[str, str]] = []
    for mail in _counting(case, messages):
        if _of(mail, _RETURN):
            yield from said
            said = []
        said += [(str(mail["id"]), one["quote"]) for one in _of(mail, _OUTCOME)]


def language_of(case: Document, messages: Sequence[Document], reader: str) -> str:
    """Return the language of a reader: for a vendor, that of the newest mail by it or to it; otherwise of the case."""
    found = "en" if case.get("language") == "en" else "ja"
    if reader != "vendor":
        return found
    for mail in reversed(messages):
        if mail.get("language") in ("ja", "en") and (mail["author"]["role"] == "vendor" or to_vendor(case, mail)):
            return str(mail["language"])
    return found


def is_foreign(language: str, mail: Document) -> bool:
    """Whether a mail is written in another language; false if its language is not known."""
    return {language, mail.get("language")} == {"ja", "en"}


def to_vendor(case: Document, mail: Document) -> bool:
    vendors = {one["address"] for one in case.get("participants", []) if one["role"] == "vendor"}
    return any(one["address"] in vendors for one in mail.get("to", []))


def _counting(case: Document, messages: Sequence[Document]) -> list[Document]:
    doubted = {one["message"] for one in case.get("not_counted", [])}
    return [mail for mail in messages if mail["id"] not in doubted and not mail.get("automatic")]


def _of(mail: Document, meanings: Collection[str]) -> list[Document]:
    """Return the statements of a mail with one of these meanings, in the order of its text."""
    found = [one for one in mail.get("statements", []) if one["meaning"] in meanings and one["start"] >= 0]
    return sorted(found, key=lambda one: one["start"])


def _answer(case: Document, mails: Sequence[Document], reader: str) -> Standing | None:
    """Return the newest answer of the vendor; for the requester also that of the team, if it is newer."""
    if reader == "vendor":
        return None
    answers = [(mail, found) for mail in mails if (found := _said(mail, _ANSWERS)) and _informs(case, mail)]
    by_vendor = [one for one in answers if one[0]["author"]["role"] == "vendor"]
    chosen = by_vendor if by_vendor and reader != "requester" else answers
    if not chosen:
        return None
    mail, found = chosen[-1]
    meaning = next((one["meaning"] for one in found if one["meaning"] in _FINAL), found[0]["meaning"])
    name = "answer" if meaning in _FINAL else "progress"
    return Standing(f"{name}_{mail['author']['role']}", meaning, _span(mail, found), str(mail["id"]))


def _informs(case: Document, mail: Document) -> bool:
    """Whether a mail informs our side: a vendor wrote it, or the team wrote it to others than the vendor."""
    role = mail["author"]["role"]
    return role == "vendor" or (role == "team" and not to_vendor(case, mail))


def _outcome(mails: Sequence[Document], reader: str) -> Standing | None:
    """Return the newest statement that the matter is over, preferably one with a number, such as the time."""
    found = [(mail, one) for mail in mails if _tells(mail, reader) for one in _said(mail, _OUTCOME)]
    if not found:
        return None
    mail, said = max(enumerate(found), key=lambda at: (any(map(str.isdigit, at[1][1]["quote"])), at[0]))[1]
    return Standing("outcome", said["meaning"], said["quote"], str(mail["id"]))


def _returned(mails: Sequence[Document], reader: str) -> Standing | None:
    """Return the newest statement that the problem is back, or is still there."""
    found = [(mail, one) for mail in mails if _tells(mail, reader) for one in _said(mail, _RETURN)]
    if not found:
        return None
    mail, said = found[-1]
    return Standing("returned", said["meaning"], said["quote"], str(mail["id"]))


def _tells(mail: Document, reader: str) -> bool:
    """Whether this reader may need the outcome of a mail. A vendor knows what it wrote itself."""
    return reader != "vendor" or mail["author"]["role"] != "vendor"


def _said(mail: Document, meanings: frozenset[str]) -> list[Document]:
    """Return the statements that tell something: no courtesy, no questions, and not only that a ticket is closed."""
    closing = {one["quote"] for one in _of(mail, (_CLOSES,))} - {one["quote"] for one in _of(mail, ("recovered",))}
    return [
        one
        for one in _of(mail, meanings - {_CLOSES})
        if one["quote"] not in closing and not is_courtesy(one["quote"]) and not _ASKS.search(one["quote"])
    ]


def _span(mail: Document, found: Sequence[Document]) -> str:
    """Return the text of a mail from the first to the last of these statements; only these if that is too long."""
    text = mail["text"][found[0]["start"] : max(one["end"] for one in found)]
    if len(text) <= _LONGEST:
        return str(text)
    quotes = " ".join(dict.fromkeys(one["quote"] for one in found))
    return quotes if len(quotes) <= _LONGEST else f"{quotes[:_LONGEST]}…"


def _follows(one: Standing, other: Standing | None, mails: Sequence[Document]) -> bool:
    ids = [str(mail["id"]) for mail in mails]
    return other is not None and ids.index(one.message) > ids.index(other.message)
