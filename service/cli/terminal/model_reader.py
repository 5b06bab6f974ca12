"""A language model as the reader for `sodan eval --reader model`, used in the same way as in the service."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from mailrules.catalogue.meanings import Catalogue
from mailrules.reader.model_answer import READER, AnswerRefused, check, join
from mailrules.reader.model_request import Request, request
from mailrules.reader.units import split_units
from mailrules.statement import MailText, Reader, Statement
from service.errors import Refused
from service.language_model import LanguageModel, ModelAway, ModelRefused, Reply

ANSWERS = 2
"""Maximum number of answers requested before the embedded reader is used, as in the service."""
TRIES = 5
"""Maximum number of attempts if the endpoint does not respond."""
LONGEST_PAUSE = 60.0


@dataclass
class ModelReader:
    """Reads mails with the model. Thread-safe.

    Mails that are not sent or get no usable answer are read by the embedded reader.
    """

    model: LanguageModel
    catalogue: Catalogue
    embedded: Reader
    characters: int
    """Maximum length of a mail that is sent."""
    pause: Callable[[float], None] = time.sleep
    requests: int = 0
    tokens: int = 0
    dropped: int = 0
    left: int = 0
    """Number of mails read by the embedded reader because the model gave no usable answer."""
    name: str = READER
    version: str = field(init=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def __post_init__(self) -> None:
        self.version = self.model.model

    def read(self, mail: MailText) -> tuple[Statement, ...]:
        """Return the model's statements with the embedded reader's values.

        Raises Refused if the model is unavailable.
        """
        own = tuple(self.embedded.read(mail))
        if mail.automatic or not 0 < len(mail.text) <= self.characters:
            return own
        asked, repair = request(mail, split_units(mail.text), self.catalogue), ""
        for _ in range(ANSWERS):
            try:
                reply = self._ask(asked, repair)
                answer = check(reply.text, asked, mail, self.catalogue)
            except ModelRefused:
                break
            except AnswerRefused as error:
                repair = f"That could not be used: {error}." if self.model.answers_freely else ""
            else:
                self._count(dropped=sum(answer.dropped.values()))
                return join(answer.statements, own)
        self._count(left=1)
        return own

    def _ask(self, asked: Request, repair: str) -> Reply:
        for attempt in range(TRIES):
            try:
                reply = self.model.ask(asked, repair=repair)
            except ModelAway as error:
                if attempt + 1 == TRIES:
                    raise Refused(f"the language model failed {TRIES} times: {error}") from None
                self.pause(min(2.0**attempt if error.retry_after is None else error.retry_after, LONGEST_PAUSE))
            else:
                self._count(requests=1, tokens=reply.tokens_in + reply.tokens_out)
                return reply
        raise AssertionError("unreachable")

    def _count(self, **more: int) -> None:
        with self._lock:
            for name, number in more.items():
                setattr(self, name, getattr(self, name) + number)
