"""Cases: list, single case, manual changes, brief, merging, suggestions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response

from mailrules.thread import Side
from service.api import schemas
from service.api.desk import Desk, TheDesk, name_of
from service.api.moments import MOMENT, moment
from service.api.one_case import MOVED, FindCase
from service.api.paging import Cursor, Limit, answer, page
from service.api.problems import Precondition, documented
from service.cases import brief as briefs
from service.cases import brief_text
from service.cases.clocks import Calendar
from service.cases.working import calendars_of
from service.intake import rejudge
from service.outbound import letter
from service.outbound.acknowledge import reply_subject
from service.outbound.setup import outbound_of
from service.store import cases, corrections, feed, keys, second_readings, suggestions, timeline
from service.store.cursor import from_cursor
from service.store.database import one_at_a_time

Sides = Literal["team", "vendor", "requester", "none"]
Unshown = Annotated[str | None, Header(include_in_schema=False)]
"""Hidden, because schema-based tests cannot know the current ETag; the descriptions mention it."""
Number = Annotated[int, Path(ge=1, le=2**62, description="`id` of the suggestion.")]
Sort = Annotated[
    schemas.Sort,
    # names for generated clients, which cannot derive any from a value that begins with "-"
    Query(
        description="Order of the list; `-`: newest first. `priority`: P1 first, then the case unchanged for longest.",
        json_schema_extra={"x-enum-varnames": ["UPDATED_DESC", "UPDATED", "OPENED_DESC", "OPENED", "PRIORITY"]},
    ),
]
Ago = partial(Query, max_length=40, json_schema_extra={"anyOf": MOMENT})


router = APIRouter(prefix="/api/cases", tags=["cases"])


@router.get("", response_model=schemas.CasePage, responses=documented(400, 503))
def list_cases(
    request: Request,
    desk: TheDesk,
    status: Annotated[list[schemas.Status], Query(default_factory=list, description="Status of the case.")],
    waiting_on: Annotated[
        list[Sides], Query(default_factory=list, description="The side that has to act next; `none`: nobody has to.")
    ],
    priority: Annotated[list[schemas.Level], Query(default_factory=list, description="Priority.")],
    kind: Annotated[list[schemas.Kind], Query(default_factory=list, description="What the case is about.")],
    vendor: Annotated[list[str], Query(default_factory=list, examples=["microsoft"], description="Id of a vendor.")],
    vendor_ref: Annotated[str | None, Query(max_length=200, description="A vendor's case number.")] = None,
    missing: Annotated[
        str | None, Query(max_length=64, description="Id of a missing checklist item, or `any`.")
    ] = None,
    participant: Annotated[
        str | None, Query(max_length=320, description="Mail address of a participant, or `@domain`.")
    ] = None,
    owner: Annotated[
        str | None, Query(max_length=200, description="A team member; `me`: the caller; `none`: nobody.")
    ] = None,
    q: Annotated[
        str | None,
        Query(
            max_length=500,
            description="Words that all occur in one mail, Japanese or English; or a case key, or a vendor's case "
            "number.",
        ),
    ] = None,
    updated_since: Annotated[
        str | None, Ago(description="Changed since then: a time, or a duration before now such as `12h`.")
    ] = None,
    older_than: Annotated[
        str | None, Ago(description="Not changed since then: a time, or a duration before now such as `3d`.")
    ] = None,
    sort: Sort = "-updated",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List the cases that match all filters.

    A filter may be repeated; a case then matches if it has any of the values.
    """
    now = desk.now()
    which = cases.Filter(
        status=tuple(status),
        waiting_on=tuple(waiting_on),
        priority=tuple(priority),
        kind=tuple(kind),
        vendor=tuple(vendor),
        vendor_ref=vendor_ref,
        missing=missing,
        participant=participant,
        owner=name_of(request) if owner == "me" else owner,
        q=q,
        updated_since=moment(updated_since, "updated_since", now),
        older_than=moment(older_than, "older_than", now),
    )
    after = from_cursor(cursor)
    found = desk.database.read(lambda conn: cases.page(conn, which, sort, limit, after, desk.prefix))
    return page(request, *found)


@router.get("/{key}", response_model=schemas.Case, responses={**documented(404, 503), **MOVED})
def read_case(find: FindCase, desk: TheDesk, if_none_match: Unshown = None) -> Response:
    """Return one case. Its `ETag` identifies this state; send it as `If-Match` when you change the case."""
    found = find()
    tag = _tag(found)
    if if_none_match and tag in [part.strip() for part in if_none_match.split(",")]:
        return Response(status_code=304, headers={"ETag": tag})
    return answer(_shown(desk, found), {"ETag": tag})


@router.patch("/{key}", response_model=schemas.Case, responses={**documented(400, 404, 409, 412, 503), **MOVED})
def change_case(
    request: Request, find: FindCase, desk: TheDesk, change: schemas.CaseChange, if_match: Unshown = None
) -> Response:
    """Correct values by hand. They are kept until you reset them with `null`.

    With `If-Match: <ETag>` the change is made only if the case is still in that state; otherwise the response is
    412.
    """
    found = find()
    wanted = change.model_dump(exclude_unset=True)
    number, now, who = found.id, desk.now(), name_of(request)
    if wanted.get("owner") == "me":
        wanted["owner"] = who

    def apply(conn: Any) -> cases.Found:
        _must_match(if_match, cases.find(conn, number))
        if wanted:
            one_at_a_time(conn)
            corrections.set_by_person(conn, number, wanted, who, now)
            rejudge(conn, [number], desk.context, now=now)
        return cases.find(conn, number)

    changed = desk.database.transact(apply)
    return answer(_shown(desk, changed), {"ETag": _tag(changed)})


@router.get("/{key}/messages", response_model=schemas.MessagePage, responses={**documented(400, 404, 503), **MOVED})
def list_case_messages(
    request: Request, find: FindCase, desk: TheDesk, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List the messages of a case, oldest first, including mails found inside forwards and quotes."""
    found = find()
    after = from_cursor(cursor)
    return page(request, *desk.database.read(lambda conn: timeline.page(conn, found.id, limit, after, desk.prefix)))


@router.get(
    "/{key}/brief",
    response_model=schemas.Brief,
    responses={
        200: {
            "content": {"text/plain": {}, "text/markdown": {}, "message/rfc822": {}},
            "description": "The brief.",
        },
        **documented(404, 503),
        **MOVED,
    },
)
def read_brief(
    find: FindCase,
    desk: TheDesk,
    for_: Annotated[
        Literal["vendor", "team", "requester"], Query(alias="for", description="Who will read it.")
    ] = "vendor",
    lang: Annotated[Literal["ja", "en"] | None, Query(description="Language; by default that of the case.")] = None,
    format: Annotated[
        Literal["json", "text", "markdown", "eml"],
        Query(description="`text`: plain text; `eml`: a draft that a mail program opens."),
    ] = "json",
) -> Response:
    """Return a summary of the case for the vendor, the team or the requester, ready to paste.

    `eml` is a draft for a mail program, with the address of the case in Cc.
    """
    found = find()
    shown = cases.to_now(found, desk.now())
    mails = desk.database.read(lambda conn: timeline.page(conn, found.id, 200, None, desk.prefix))[0]
    lang = lang or ("en" if shown["language"] == "en" else "ja")
    labels = {item: {"ja": title.ja, "en": title.en} for item, title in desk.rules.labels.items()}
    made = briefs.brief(shown, mails, for_=for_, lang=lang, labels=labels)
    match format:
        case "markdown":
            return Response(brief_text.markdown(made), media_type="text/markdown; charset=utf-8")
        case "text":
            return Response(brief_text.text(made), media_type="text/plain; charset=utf-8")
        case "eml":
            return _draft(desk, found.id, shown, brief_text.text(made), for_, lang)
    return answer(made)


def _draft(desk: Desk, number: int, shown: dict[str, Any], text: str, for_: str, lang: str) -> Response:
    """Return a brief as a mail that a mail program opens as a draft."""
    secret = desk.database.transact(lambda conn: keys.key(conn, "case", desk.now()))
    mail = letter.unsent(
        text,
        to="" if for_ == "team" else letter.address_of(shown, for_),
        cc=outbound_of(desk.settings, secret).reply_address(number),
        subject=reply_subject(shown["title"], shown["key"]),
        language=lang,
    )
    name = {"Content-Disposition": f'attachment; filename="{shown["key"]}.eml"'}
    return Response(mail, headers=name, media_type="message/rfc822")


@router.get("/{key}/history", response_model=schemas.EventPage, responses={**documented(404, 503), **MOVED})
def list_case_events(find: FindCase, desk: TheDesk) -> Response:
    """List the events of a case, newest first. A manual change has an `undo` at `/api/corrections/{id}/undo`."""
    found = find()
    events = desk.database.read(lambda conn: feed.of_case(conn, found.id, desk.prefix))
    return answer({"items": events, "next": None})


@router.post("/{key}/merge", response_model=schemas.Correction, responses={**documented(400, 404, 409, 503), **MOVED})
def merge_case(request: Request, find: FindCase, desk: TheDesk, body: schemas.Merge) -> Response:
    """Merge this case into another one. Its URL redirects there from now on. Can be undone."""
    found = find()
    into = cases.number_of(body.into, desk.prefix)
    now, who = desk.now(), name_of(request)

    def merge(conn: Any) -> tuple[int, int]:
        event = corrections.merge(conn, found.id, into, who, now)
        rejudge(conn, corrections.touched(conn, event), desk.context, now=now)
        return event, cases.survivor(conn, into)

    event, there = desk.database.transact(merge)
    return corrected(event, cases.key_of(there, desk.prefix))


@router.post(
    "/{key}/suggestions/{id}/accept",
    response_model=schemas.Correction,
    responses={**documented(404, 409, 503), **MOVED},
)
def accept_suggestion(request: Request, find: FindCase, desk: TheDesk, id: Number) -> Response:
    """Accept a suggestion: the newer case is merged into the older one. Can be undone."""
    found = find()
    now, who = desk.now(), name_of(request)

    def accept(conn: Any) -> tuple[int, int]:
        event, case = corrections.accept(conn, found.id, id, who, now)
        rejudge(conn, corrections.touched(conn, event), desk.context, now=now)
        return event, case

    event, case = desk.database.transact(accept)
    return corrected(event, cases.key_of(case, desk.prefix))


@router.post(
    "/{key}/suggestions/{id}/dismiss",
    response_model=schemas.Dismissed,
    responses={**documented(404, 409, 503), **MOVED},
)
def dismiss_suggestion(request: Request, find: FindCase, desk: TheDesk, id: Number) -> Response:
    """Dismiss a suggestion: the two cases are not suggested again, and no rule merges them later."""
    found = find()
    now, who = desk.now(), name_of(request)

    def dismiss(conn: Any) -> None:
        both = corrections.dismiss(conn, found.id, id, who, now)
        rejudge(conn, both, desk.context, now=now)

    desk.database.transact(dismiss)
    return answer({"dismissed": id})


def corrected(correction: int, key: str) -> Response:
    """Return the response to a correction: its id, the case, and the URL that undoes it."""
    return answer({"correction": correction, "case": key, "undo": f"/api/corrections/{correction}/undo"})


def _with_pending(desk: Desk, found: cases.Found, document: dict[str, Any]) -> dict[str, Any]:
    """Add to ``read_by`` whether a message is waiting for its second reading; this is not stored in the document."""
    if not desk.settings.model_url or not document.get("read_by"):
        return document
    pending = desk.database.read(lambda conn: second_readings.is_pending(conn, found.id))
    return document | {"read_by": {**document["read_by"], "pending": pending}}


def _shown(desk: Desk, found: cases.Found) -> dict[str, Any]:
    """Return the case document with its open suggestions."""
    open_ones = desk.database.read(lambda conn: suggestions.of_case(conn, found.id, desk.prefix))
    document = cases.to_now(found, desk.now(), _calendars(desk, found))
    return {**_with_pending(desk, found, document), "suggestions": open_ones}


def _calendars(desk: Desk, found: cases.Found) -> Mapping[Side, Calendar]:
    return calendars_of(desk.rules, found.document.get("vendor"))


def _tag(found: cases.Found) -> str:
    return f'"{found.id}.{found.version}"'


def _must_match(if_match: str | None, found: cases.Found) -> None:
    """Check `If-Match`. Raises Precondition (412) if it does not contain the current ETag (RFC 9110 §13.1.1)."""
    if if_match is None or if_match.strip() == "*":
        return
    if _tag(found) not in [part.strip() for part in if_match.split(",")]:
        raise Precondition("the case has changed since you read it: read it again, and send the new ETag")
