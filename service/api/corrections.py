"""Undoing manual changes: merges, moves, and values set by a person."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from service.api import schemas
from service.api.desk import Desk, name_of
from service.api.paging import answer
from service.api.problems import documented
from service.intake import rejudge
from service.store import cases, undo

Number = Annotated[int, Path(ge=1, le=2**62, description="`correction` of a manual change, or `id` of its event.")]


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/api/corrections", tags=["cases"])

    @router.post("/{id}/undo", response_model=schemas.Undone, responses=documented(404, 409, 503))
    def undo_correction(request: Request, id: Number) -> Response:
        """Undo a manual change: the earlier state is restored, and mail received since then is kept."""
        now, who = desk.now(), name_of(request)

        def back(conn: Any) -> list[int]:
            touched = undo.undo(conn, id, who, now)
            rejudge(conn, touched, desk.context, now=now)
            return touched

        touched = desk.database.transact(back)
        return answer({"undone": id, "cases": [cases.key_of(number, desk.prefix) for number in touched]})

    return router
