"""Changes of several selected cases: assign, resolve, merge. Each case is changed in its own transaction."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.desk import Desk
from service.errors import AlreadyMerged, NotFound, Refused, SodanError
from service.web.flash_message import overview
from service.web.page_rendering import Posted, Renderer, TheDesk, Who, back_to

MAX_CASES = 100  # maximum number of cases that one form changes
router = APIRouter(include_in_schema=False)


def change_cases(
    desk: Desk, keys: Sequence[str], change: Callable[[int], int]
) -> tuple[list[int], list[tuple[str, str]]]:
    """Change the cases. Returns the ids of the events, and (key, reason) of each unchanged case."""
    events, failed = [], []
    for key in keys:
        try:
            events.append(change(desk.number_of(key)))
        except SodanError as error:
            failed.append((key, _reason(error)))
    return events, failed


@router.post("/selected")
def change_selected(desk: TheDesk, who: Who, posted: Posted) -> Response:
    wanted = _requested_change(posted)
    keys = _keys(posted.getlist("case"))
    events, failed = change_cases(desk, keys, lambda number: desk.set_values(number, wanted, who)[0])
    done = "resolved" if "status" in wanted else "assigned"
    return back_to(overview(posted.get("back", "/")), done if events else "", undo=events, failed=failed)


@router.get("/merge")
def choose_target(request: Request, renderer: Renderer, desk: TheDesk) -> Response:
    """Show the selected cases. The person then chooses the case into which the others are merged."""
    if not request.state.token.may("write"):
        raise Refused("this needs a token with the scope write")
    documents, failed = {}, []
    for key in _keys(request.query_params.getlist("case")):
        try:
            case = desk.find(key)
            if case.merged_into is not None:
                raise AlreadyMerged("the case is already merged into another case")
            documents[case.id] = case.document
        except (NotFound, AlreadyMerged) as error:
            failed.append((key, _reason(error)))
    back = overview(request.query_params.get("back", "/"))
    shown = [documents[number] for number in sorted(documents)]
    return renderer.page(request, "merge.html", found=shown, failed=failed, back=back)


@router.post("/merge")
def merge(desk: TheDesk, who: Who, posted: Posted) -> Response:
    target = desk.number_of(posted.get("into", ""))
    target_key = desk.key_of(target)
    others = [key for key in _keys(posted.getlist("case")) if key.upper() != target_key]
    events, failed = change_cases(desk, others, lambda number: desk.merge(number, target, who)[0])
    if not events:
        return back_to(overview(posted.get("back", "/")), failed=failed)
    merged_keys = ", ".join(key for key in others if key not in dict(failed))
    return back_to(f"/cases/{target_key}", "merged", undo=events, failed=failed, key=merged_keys)


def _requested_change(values: Mapping[str, str]) -> dict[str, Any]:
    match values.get("do"):
        case "take":
            return {"owner": "me"}
        case "assign" if owner := values.get("owner", "").strip()[:200]:
            return {"owner": owner}
        case "resolve":
            return {"status": "resolved"}
    raise Refused("error.nothing_chosen")


def _keys(given: Sequence[str]) -> list[str]:
    keys = list(dict.fromkeys(value[:40] for value in given))
    if len(keys) > MAX_CASES:
        raise Refused("error.too_many")
    return keys


def _reason(error: Exception) -> str:
    return "gone" if isinstance(error, NotFound) else "merged" if isinstance(error, AlreadyMerged) else "other"
