"""What people say about which cases are one: merging, suggestions; and undoing manual changes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from service.api.case_schema import Out, doc
from service.api.dependencies import MOVED, FindCase, TheDesk, Who
from service.api.paging import answer
from service.api.problems import documented


class Merge(BaseModel):
    """The target of a merge."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"into": "SD-7"}]})

    into: str = doc("Key of the case to keep.", max_length=40, pattern="^[!-~]+$")


class Move(BaseModel):
    """The target of a moved message."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"to": "SD-7"}, {"to": "new"}]})

    to: str = doc("Key of a case, or `new` for a new case.", max_length=40, pattern="^[!-~]+$")


class Correction(Out):
    """A manual change that can be undone."""

    correction: int | str = doc("Id of the change.")
    case: str = doc("Key of the case that the messages are in now.")
    undo: str = doc("Path to undo it by POST: `/api/corrections/{id}/undo`.")


class Undone(Out):
    """The response to undoing a manual change."""

    undone: int = doc("Id of the change that was undone.")
    cases: list[str] = doc("Keys of the cases that changed.")


class Dismissed(Out):
    """The response to dismissing a suggestion."""

    dismissed: int = doc("Id of the suggestion.")


Suggestion = Annotated[int, Path(ge=1, le=2**62, description="`id` of the suggestion.")]
Number = Annotated[int, Path(ge=1, le=2**62, description="`correction` of a manual change, or `id` of its event.")]
CHANGE = {**documented(404, 409, 503), **MOVED}

router = APIRouter(prefix="/api", tags=["cases"])


@router.post("/cases/{key}/merge", response_model=Correction, responses={**documented(400, 404, 409, 503), **MOVED})
def merge_case(find: FindCase, desk: TheDesk, who: Who, body: Merge) -> Response:
    """Merge this case into another one. Its URL redirects there from now on. Can be undone."""
    return corrected(desk, *desk.merge(find().id, desk.number_of(body.into), who))


@router.post("/cases/{key}/suggestions/{id}/accept", response_model=Correction, responses=CHANGE)
def accept_suggestion(find: FindCase, desk: TheDesk, who: Who, id: Suggestion) -> Response:
    """Accept a suggestion: the newer case is merged into the older one. Can be undone."""
    return corrected(desk, *desk.accept(find().id, id, who))


@router.post("/cases/{key}/suggestions/{id}/dismiss", response_model=Dismissed, responses=CHANGE)
def dismiss_suggestion(find: FindCase, desk: TheDesk, who: Who, id: Suggestion) -> Response:
    """Dismiss a suggestion: the two cases are not suggested again, and no rule merges them later."""
    desk.dismiss(find().id, id, who)
    return answer({"dismissed": id})


@router.post("/corrections/{id}/undo", response_model=Undone, responses=documented(404, 409, 503))
def undo_correction(desk: TheDesk, who: Who, id: Number) -> Response:
    """Undo a manual change: the earlier state is restored, and mail received since then is kept."""
    return answer({"undone": id, "cases": [desk.key_of(number) for number in desk.undo([id], who)]})


def corrected(desk: TheDesk, event: int, case: int) -> Response:
    """Return the response to a correction: its id, the case, and the URL that undoes it."""
    return answer({"correction": event, "case": desk.key_of(case), "undo": f"/api/corrections/{event}/undo"})
