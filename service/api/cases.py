"""Cases: list, single case, values set by hand, messages, history, merging, suggestions."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from service.api.case_schema import Case, CasePage, Out, Sort, doc
from service.api.dependencies import TheCase, TheDesk, Who, case_responses, name_of
from service.api.events import EventPage
from service.api.messages import Correction, MessagePage, correction_response
from service.api.paging import Cursor, Limit, answer, page
from service.api.problems import Precondition, error_responses
from service.case_query import CaseQuery
from service.desk import CaseChange
from service.store import cases, feed, timeline
from service.store.cursor import from_cursor

HiddenHeader = Annotated[str | None, Header(include_in_schema=False)]
"""A header with an ETag. It is not in the schema, since tests made from the schema cannot know the current ETag."""
Change = Annotated[int, Path(ge=1, le=2**62, description="`correction` of a manual change, or `id` of its event.")]
Suggestion = Annotated[int, Path(ge=1, le=2**62, description="`id` of the suggestion.")]


class ListQuery(CaseQuery):
    """Filters, order and page of a list of cases."""

    sort: Sort = doc(
        "Order of the list. With `-`, newest first. `priority`: P1 first, and of one priority the longest unchanged.",
        "-updated",
        # names for generated clients, which cannot derive any from a value that begins with "-"
        json_schema_extra={"x-enum-varnames": ["UPDATED_DESC", "UPDATED", "OPENED_DESC", "OPENED", "PRIORITY"]},
    )
    limit: Limit = 50
    cursor: Cursor = None


class Merge(BaseModel, extra="forbid", json_schema_extra={"examples": [{"into": "SD-7"}]}):
    """The target of a merge."""

    into: str = doc("Key of the case to keep.", max_length=40, pattern="^[!-~]+$")


class Dismissed(Out):
    """The response to dismissing a suggestion."""

    dismissed: int = doc("Id of the suggestion.")


class Undone(Out):
    """The response to undoing a manual change."""

    undone: int = doc("Id of the change that was undone.")
    cases: list[str] = doc("Keys of the cases that changed.")


router = APIRouter(prefix="/api", tags=["cases"])


@router.get("/cases", response_model=CasePage, responses=error_responses(400))
def list_cases(request: Request, desk: TheDesk, query: Annotated[ListQuery, Query()]) -> Response:
    """List the cases that match all filters.

    Repeat a filter to allow several values: `priority=P1&priority=P2`.
    """
    return page(request, *desk.list_cases(query, name_of(request), query.sort, query.limit, query.cursor))


@router.get("/cases/{key}", response_model=Case, responses=case_responses(404))
def read_case(case: TheCase, desk: TheDesk, if_none_match: HiddenHeader = None) -> Response:
    """Return one case. Its `ETag` identifies this state; send it as `If-Match` when you change the case."""
    etag = _etag(case)
    if if_none_match and etag in [part.strip() for part in if_none_match.split(",")]:
        return Response(status_code=304, headers={"ETag": etag})
    return answer(desk.document(case), {"ETag": etag})


@router.patch("/cases/{key}", response_model=Case, responses=case_responses(400, 404, 409, 412))
def change_case(case: TheCase, desk: TheDesk, who: Who, change: CaseChange, if_match: HiddenHeader = None) -> Response:
    """Correct values by hand. sodan keeps them until you reset them with `null`.

    With `If-Match: <ETag>`, sodan makes the change only if the case has not changed since you read it. Otherwise the
    response is 412.
    """
    wanted = change.model_dump(exclude_unset=True)
    _, changed = desk.set_values(case.id, wanted, who, partial(_must_match, if_match))
    return answer(desk.document(changed), {"ETag": _etag(changed)})


@router.get("/cases/{key}/messages", response_model=MessagePage, responses=case_responses(400, 404))
def list_case_messages(
    request: Request, case: TheCase, desk: TheDesk, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List the messages of a case, oldest first. Mails found inside forwards and quotes are included."""
    after = from_cursor(cursor)
    return page(request, *desk.database.read(lambda conn: timeline.page(conn, case.id, limit, after, desk.prefix)))


@router.get("/cases/{key}/history", response_model=EventPage, responses=case_responses(404))
def list_case_events(case: TheCase, desk: TheDesk) -> Response:
    """List the events of a case, newest first. Undo a manual change by `POST /api/corrections/{id}/undo`."""
    events = desk.database.read(lambda conn: feed.of_case(conn, case.id, desk.prefix))
    return answer({"items": events, "next": None})


@router.post("/cases/{key}/merge", response_model=Correction, responses=case_responses(400, 404, 409))
def merge_case(case: TheCase, desk: TheDesk, who: Who, body: Merge) -> Response:
    """Merge this case into another case. The URL of this case then redirects to the other case. You can undo this."""
    return correction_response(desk, *desk.merge(case.id, desk.number_of(body.into), who))


@router.post("/cases/{key}/suggestions/{id}/accept", response_model=Correction, responses=case_responses(404, 409))
def accept_suggestion(case: TheCase, desk: TheDesk, who: Who, id: Suggestion) -> Response:
    """Accept a suggestion: sodan merges the newer case into the older case. You can undo this."""
    return correction_response(desk, *desk.accept(case.id, id, who))


@router.post("/cases/{key}/suggestions/{id}/dismiss", response_model=Dismissed, responses=case_responses(404, 409))
def dismiss_suggestion(case: TheCase, desk: TheDesk, who: Who, id: Suggestion) -> Response:
    """Dismiss a suggestion. sodan neither suggests nor merges these two cases again."""
    desk.dismiss(case.id, id, who)
    return answer({"dismissed": id})


@router.post("/corrections/{id}/undo", response_model=Undone, responses=error_responses(404, 409))
def undo_correction(desk: TheDesk, who: Who, id: Change) -> Response:
    """Undo a manual change: sodan restores the earlier state, and keeps mail that arrived since."""
    return answer({"undone": id, "cases": [desk.key_of(number) for number in desk.undo([id], who)]})


def _etag(case: cases.StoredCase) -> str:
    return f'"{case.id}.{case.version}"'


def _must_match(if_match: str | None, case: cases.StoredCase) -> None:
    """Raise Precondition (412) if If-Match lacks the current ETag (RFC 9110 §13.1.1)."""
    if if_match is None or if_match.strip() == "*":
        return
    if _etag(case) not in [part.strip() for part in if_match.split(",")]:
        raise Precondition("the case has changed since you read it: read it again, and send the new ETag")
