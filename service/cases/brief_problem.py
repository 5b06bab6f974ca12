"""The problem of a brief, in one sentence that is meant for its reader."""

from collections.abc import Iterator, Mapping
from typing import Any

from mailrules.engine.problem import columns
from service.cases.brief_input import BriefInput, Document, one_line, words_of
from service.cases.facts.subject import shown_subject

_DESCRIBES = {"howto": ("question", "symptom"), "request": ("change_target", "question"), "billing": ("question",)}
"""Kind → items that describe the problem, best first; for other kinds, symptom and question."""
_LONG_QUESTION = 32  # minimum width in columns of a question that is meaningful by itself ("Which is it?" is not)


def problem_of(source: BriefInput, lines: Mapping[str, Document]) -> dict[str, Any]:
    """Return the problem in one sentence: a problem statement, else a symptom or question.

    A sentence that is not meant for the reader, only repeats the subject or has a tone hint is not used.
    """
    case, title, impolite = source.case, shown_subject(source.case.get("title") or ""), False
    for words, message in _sentences(source):
        statement = one_line(words)
        has_hint = source.tone_hint(statement) is not None
        impolite = impolite or has_hint
        clear = statement and (columns(statement) >= _LONG_QUESTION or statement[-1] not in "?？")
        if clear and not has_hint and shown_subject(statement) != title:
            statement = source.dated(source.without_label(statement), message)
            return {"statement": statement, "message": message, "item": None}
    for item in _DESCRIBES.get(str(case.get("kind")), ("symptom", "question")):
        line = lines.get(item, {})
        words, message = words_of(line), line.get("message")
        if columns(words) >= _LONG_QUESTION or (words and item != "question"):
            return {"statement": source.dated(words, message), "message": message, "item": item}
    message = (case.get("problem") or {}).get("message")
    return {"statement": "" if impolite else title, "message": message, "item": None}


def _sentences(source: BriefInput) -> Iterator[tuple[Any, Any]]:
    """Yield sentences that may state the problem, best first, with the ids of their messages."""
    stated, excerpt = source.case.get("problem") or {}, source.case.get("excerpt") or ""
    if _is_meant(source, source.mails.get(str(stated.get("message")))):
        yield stated.get("statement"), stated.get("message")
    if source.reader != "vendor":
        quoted = (mail["id"] for mail in source.messages if excerpt and excerpt in mail.get("text", ""))
        yield excerpt, next(quoted, None)


def _is_meant(source: BriefInput, mail: Document | None) -> bool:
    """Whether the problem statement, which quotes this mail, is meant for the reader.

    The requester and the team do not need the team's words to a vendor in another language. The requester needs none
    of its words to a vendor. The vendor's words state the problem only if it asked whether they are right.
    """
    if mail is None:
        return True
    if mail["author"]["role"] == "vendor":
        asked = (ask["message"] for ask in source.case.get("asks", []) if ask["what"] == "confirm_scope")
        return source.reader != "requester" and mail["id"] in asked
    internal = source.reader == "requester" and source.is_to_vendor(mail)
    return source.reader == "vendor" or not (source.is_foreign(mail) or internal)
