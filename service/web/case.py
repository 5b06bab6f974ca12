"""The case page: next to act, missing facts, evidence for the priority, and the timeline with marked quotes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from service.cases import brief, brief_text
from service.cases.working import calendars_of
from service.errors import NotFound
from service.outbound.acknowledge import items_to_ask
from service.store import asked, cases, feed, notes, suggestions, timeline, tokens
from service.store.cursor import from_cursor, to_cursor
from service.store.links import set_apart
from service.web import chart, history, marks, questions, selected
from service.web.frame import Frame, who
from service.web.reader import Reader

MAILS = 25
"""Number of mails on one page; a longer case has several pages."""
LONGEST = 6000
"""Number of characters of one mail shown on the page; a link leads to the whole mail."""
QUOTED = 2500
WHOLE = 30_000
"""Number of characters of all mails on one page; beyond it, later mails are shortened more."""


def routes(frame: Frame) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/cases/{key}")
    def read_case(request: Request, key: str) -> Response:
        number = cases.number_of(key, frame.prefix)
        found = frame.database.read(lambda conn: cases.find(conn, number))
        if found.merged_into is not None:
            there = frame.database.read(lambda conn: cases.survivor(conn, number))
            outcome = [pair for pair in request.query_params.multi_items() if pair[0] in selected.OUTCOME]
            query = f"?{urlencode(outcome)}" if outcome else ""
            return RedirectResponse(f"/cases/{cases.key_of(there, frame.prefix)}{query}", 308)
        after = from_cursor(request.query_params.get("cursor"))

        def read(conn: Any) -> tuple[Any, ...]:
            return (
                timeline.page(conn, number, MAILS, after, frame.prefix),
                feed.of_case(conn, number, frame.prefix, 40, by_people=True),
                {cases.key_of(other, frame.prefix) for other in set_apart(conn, number)},
                questions.sent_in(conn, number, frame.prefix),
                notes.of_case(conn, number, frame.prefix),
                asked.times_asked(conn, number),
                suggestions.of_case(conn, number, frame.prefix),
                tokens.names(conn),
            )

        (mails, position), events, apart, sent, noted, often, likely, team = frame.database.read(read)
        reader = frame.reader(request)
        case = cases.to_now(found, reader.now, calendars_of(frame.rules, found.document.get("vendor")))
        shown = seen(frame, reader, case, mails)
        return frame.page(
            request,
            "case.html",
            **shown,
            history=history.entries(events, reader, shown["items"], frame.prefix),
            team=team,
            vendors=sorted({reader.vendor(id) for id in frame.rules.vendors.profiles}),
            sent=sent,
            noted=noted,
            often=often,
            me=who(request),
            proposed=[key for key in case.get("related", []) if key not in apart],
            suggestions=likely,
            later=to_cursor(position),
            earlier=after is not None,
            done=selected.done(request),
            undo=selected.undoable(request),
            merged_key=request.query_params.get("key", ""),
            failed=selected.failures(request),
        )

    @router.get("/messages/{id}")
    def read_message(request: Request, id: int) -> Response:
        if not 0 < id < 2**62:
            raise NotFound("there is no such message")
        message = frame.database.read(lambda conn: timeline.find(conn, id, frame.prefix))
        why = frame.database.read(lambda conn: timeline.why(conn, id, frame.prefix))
        return frame.page(request, "message.html", message=message, why=why)

    return router


def seen(frame: Frame, reader: Reader, case: dict[str, Any], mails: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the template values of a case."""
    known = frame.rules.labels
    lines = [
        {**line, "label": reader.label(_label(known, line, reader.language))} for line in case.get("checklist", [])
    ]
    labels = {
        "ask": reader.t("asks"),
        "why": reader.t("why", level=case["priority"]),
        "heard": reader.t("heard"),
        "parked": reader.t("parked"),
    }
    by_message = marks.of_case({**case, "checklist": lines}, labels)
    left, shown, marked = WHOLE, [], {}
    for mail in mails:
        text = mail["text"].strip("\n")
        length = max(400, min(LONGEST, left))
        left -= min(len(text), length)
        cut = text if len(text) <= length else text[:length].rstrip()
        marked[mail["id"]] = marks.pieces(cut, by_message.get(mail["id"], ()))
        shown.append({**mail, "cut": len(text) > length, "quoted": mail["quoted_text"].strip("\n")[:QUOTED]})
    detail = case.get("priority_detail") or {}
    wanted = [line for line in lines if line["state"] == "missing"]
    # the answer to a request is taken back at the request
    answered = {ask["what"].removeprefix("info:") for ask in case.get("asks", []) if ask.get("answer")}
    order = {item: at for at, item in enumerate(case.get("missing", []))}
    helpful = [item for item in items_to_ask(case) if item not in order] if case["status"] == "open" else []
    return {
        "case": case,
        "detail": detail,
        "needed": sorted(wanted, key=lambda line: order.get(line["item"], 99)),
        "helpful": [line for line in lines if line["item"] in helpful],
        "askable": [line for line in lines if line["state"] == "not_needed" and line["item"] not in helpful],
        "known": [line for line in lines if line["state"] in ("present", "unknown", "waived")],
        "items_by_hand": frozenset(line["item"] for line in lines if line.get("set_by")) - answered,
        "promises": [one for one in case.get("promises", []) if not one["kept"]],
        "asks": sorted(case.get("asks", []), key=lambda ask: (ask["state"] != "open", ask.get("asked_at") or "")),
        "items": {line["item"]: line["label"] for line in lines},
        "bars": chart.bars(case.get("clocks"), case["waiting_on"] if case["status"] == "open" else None),
        "width": chart.WIDTH,
        "mails": shown,
        "marked": marked,
        "outsiders": {one["message"] for one in case.get("not_counted", ()) if one["why"] == "outsider"},
        "anchors": marks.placed(marked),
        "brief": _brief(case, mails, reader),
    }


def _label(known: Any, line: dict[str, Any], language: str) -> Any:
    item = known.get(line["item"])
    return line.get("label") or line["item"] if item is None else item.in_language(language)


def _brief(case: dict[str, Any], mails: list[dict[str, Any]], reader: Reader) -> str:
    """Return the brief for the vendor, in the language of the case."""
    language = "en" if case["language"] == "en" else "ja"
    return brief_text.text(brief.brief(case, mails, for_="vendor", lang=language))
