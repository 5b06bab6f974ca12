"""The problem of a brief, in one sentence that is meant for its reader."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mailrules.engine.problem import columns
from service.cases.brief_standing import is_foreign, language_of, to_vendor
from service.cases.brief_words import Dated, Document, hint_of, one_line, without_label, words_of
from service.cases.facts.subject import shown_subject

_TELLING = {"howto": ("question", "symptom"), "request": ("change_target", "question"), "billing": ("question",)}
"""Items that describe the problem, best first, for kinds other than incidents."""
_SAYS = 32  # minimum width in columns of a question that is meaningful by itself ("Which is it?" is not)


def problem_of(
    case: Document,
    messages: Sequence[Document],
    lines: Mapping[str, Document],
    names: Sequence[str],
    for_: str,
    dated: Dated,
) -> dict[str, Any]:
    """Return the problem in one sentence. If the problem statement is only the subject, return symptom or question.

    The case's problem statement is not used if it is not meant for this reader (`_is_meant`).
    """
    title = shown_subject(case.get("title") or "")
    stated = case.get("problem") or {}
    unkind = False
    for words, message in _sentences(case, messages, for_):
        statement = one_line(words)
        rough = hint_of({"quote": statement}, case) is not None
        unkind = unkind or rough
        says = statement and (columns(statement) >= _SAYS or statement[-1] not in "?？")
        if says and not rough and shown_subject(statement) != title:
            return {"statement": dated(without_label(statement, names), message), "message": message, "item": None}
    for item in _TELLING.get(str(case.get("kind")), ("symptom", "question")):
        line = lines.get(item)
        words = words_of(line) if line is not None else ""
        if line is not None and (columns(words) >= _SAYS or (words and item != "question")):
            return {"statement": dated(words, line.get("message")), "message": line.get("message"), "item": item}
    return {"statement": "" if unkind else title, "message": stated.get("message"), "item": None}


def _sentences(case: Document, messages: Sequence[Document], for_: str) -> Iterator[tuple[Any, Any]]:
    """Yield the sentences that may state the problem, best first, each with the id of its message."""
    if _is_meant(case, messages, for_):
        stated = case.get("problem") or {}
        yield stated.get("statement"), stated.get("message")
    if for_ != "vendor":
        excerpt = case.get("excerpt") or ""
        yield excerpt, next((one["id"] for one in messages if excerpt and excerpt in one.get("text", "")), None)


def _is_meant(case: Document, messages: Sequence[Document], for_: str) -> bool:
    """Whether the problem statement of a case is meant for this reader.

    The requester and the team do not need the team's words to a vendor in another language; the requester needs none
    of its words to a vendor. The vendor's words state the problem only if it asked whether they are right.
    """
    stated = case.get("problem") or {}
    mail = next((one for one in messages if one["id"] == stated.get("message")), None)
    if mail is None:
        return True
    if mail["author"]["role"] == "vendor":
        asked = (ask["message"] for ask in case.get("asks", []) if ask["what"] == "confirm_scope")
        return for_ != "requester" and mail["id"] in asked
    return for_ == "vendor" or not (
        is_foreign(language_of(case, messages, for_), mail) or (for_ == "requester" and to_vendor(case, mail))
    )
