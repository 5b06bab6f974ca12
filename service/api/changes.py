"""What people say about which cases are one: merging, suggestions; and undoing manual changes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from service.api import schemas
from service.api.dependencies import MOVED, FindCase, TheDesk, Who
from service.api.paging import answer
from service.api.problems import documented

Suggestion = Annotated[int, Path(ge=1, le=2**62, description="`id` of the suggestion.")]
Number = Annotated[int, Path(ge=1, le=2**62, description="`correction` of a manual change, or `id` of its event.")]
CHANGE = {**documented(404, 409, 503), **MOVED}

router = APIRouter(prefix="/api", tags=["cases"])


@router.post(
    "/cases/{key}/merge", response_model=schemas.Correction, responses={**documented(400, 404, 409, 503), **MOVED}
)
def merge_case(find: FindCase, desk: TheDesk, who: Who, body: schemas.Merge) -> Response:
    """Merge this case into another one. Its URL redirects there from now on. Can be undone."""
    return corrected(desk, *desk.merge(find().id, desk.number_of(body.into), who))


@router.post("/cases/{key}/suggestions/{id}/accept", response_model=schemas.Correction, responses=CHANGE)
def accept_suggestion(find: FindCase, desk: TheDesk, who: Who, id: Suggestion) -> Response:
    """Accept a suggestion: the newer case is merged into the older one. Can be undone."""
    return corrected(desk, *desk.accept(find().id, id, who))


@router.post("/cases/{key}/suggestions/{id}/dismiss", response_model=schemas.Dismissed, responses=CHANGE)
def dismiss_suggestion(find: FindCase, desk: TheDesk, who: Who, id: Suggestion) -> Response:
    """Dismiss a suggestion: the two cases are not suggested again, and no rule merges them later."""
    desk.dismiss(find().id, id, who)
    return answer({"dismissed": id})


@router.post("/corrections/{id}/undo", response_model=schemas.Undone, responses=documented(404, 409, 503))
def undo_correction(desk: TheDesk, who: Who, id: Number) -> Response:
    """Undo a manual change: the earlier state is restored, and mail received since then is kept."""
    return answer({"undone": id, "cases": [desk.key_of(number) for number in desk.undo([id], who)]})


def corrected(desk: TheDesk, event: int, case: int) -> Response:
    """Return the response to a correction: its id, the case, and the URL that undoes it."""
    return answer({"correction": event, "case": desk.key_of(case), "undo": f"/api/corrections/{event}/undo"})
