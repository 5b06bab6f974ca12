"""What every route works with: values and open parts, made once in ``app.py`` and passed down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from mailrules.engine.judge import Rules
from service.api.problems import Forbidden
from service.intake import AppContext
from service.settings import Settings
from service.store import callers, contents
from service.store.blob_store import outside
from service.store.database import Database
from service.store.tokens import Token


@dataclass(frozen=True, slots=True)
class Desk:
    """Settings, the store, whose mail is whose and by which rules it is read, and the clock."""

    settings: Settings
    database: Database
    context: AppContext
    now: Callable[[], datetime]

    @property
    def rules(self) -> Rules:
        return self.context.rules

    @property
    def prefix(self) -> str:
        return self.settings.case_prefix

    def content(self, spool_id: str) -> bytes:
        """A raw mail, wherever it is kept. Raises NotFound, Unavailable."""
        return contents.content(self.database, outside(self.settings), spool_id)


def caller(request: Request) -> Token:
    """Who calls. The guard has put it there."""
    token = request.state.token
    assert isinstance(token, Token)
    return token


def name_of(request: Request) -> str:
    """What a change is signed with: the token's name, or the login name of whoever calls from this machine."""
    return callers.name_of(caller(request), request.client)


def must_be_admin(request: Request) -> None:
    """Raises Forbidden (403)."""
    if not caller(request).may("admin"):
        raise Forbidden(f"this token may {caller(request).scope} only")
