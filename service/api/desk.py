"""Shared context of all routes, created once in ``app.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

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
    """Settings, database, ingest context with the rules, and the clock."""

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
        """Return a raw mail, wherever it is stored. Raises NotFound, Unavailable."""
        return contents.content(self.database, outside(self.settings), spool_id)


async def desk_of(request: Request) -> Desk:
    """Return the context of the application; asynchronous, since a plain function would need a thread of its own."""
    desk = request.app.state.desk
    assert isinstance(desk, Desk)
    return desk


TheDesk = Annotated[Desk, Depends(desk_of)]


def caller(request: Request) -> Token:
    """Return the token of the caller, which the guard has stored in the request."""
    token = request.state.token
    assert isinstance(token, Token)
    return token


def name_of(request: Request) -> str:
    """Return the name recorded with a change: that of the token, or the login name of a local caller."""
    return callers.name_of(caller(request), request.client)


def must_be_admin(request: Request) -> None:
    """Raise Forbidden (403) if the token has not the scope admin."""
    if not caller(request).may("admin"):
        raise Forbidden(f"this call needs the scope admin; this token has {caller(request).scope}")
