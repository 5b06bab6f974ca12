"""The page of a case: who acts next, missing facts, evidence and timeline."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from service.cases import brief_text
from service.desk import Desk
from service.outbound.acknowledge import items_to_ask
from service.outbound.questions import MAX_TIMES_ASKED
from service.store import cases, feed, notes, outbox, sent_questions, timeline, tokens
from service.store.cursor import from_cursor, to_cursor
from service.store.database import Connection
from service.store.links import separated_cases
from service.web import highlights, history
from service.web.case_forms import shown_values, vendor_names
from service.web.flash_message import flash_message, of_redirect
from service.web.localisation import Locale
from service.web.page_rendering import Id, Renderer, TheDesk, Who

MAILS = 25  # maximum number of mails on one page
MAIL_LENGTH = 6000  # maximum number of characters of one mail on the page; a link leads to the whole mail
QUOTED_LENGTH = 2500  # maximum number of characters of quoted text below a mail
PAGE_LENGTH = 30_000  # maximum number of characters of all mails; beyond it, later mails are shortened further
router = APIRouter(include_in_schema=False)


@router.get("/cases/{key}")
def read_case(request: Request, renderer: Renderer, desk: TheDesk, key: str, me: Who) -> Response:
    found = desk.find(key)
    if found.merged_into is not None:
        target = desk.key_of(desk.survivor(key))
        return RedirectResponse(f"/cases/{target}{of_redirect(request)}", 308)
    number, prefix = found.id, desk.prefix
    after = from_cursor(request.query_params.get("cursor"))

    def read(conn: Connection) -> tuple[Any, Any, dict[str, Any]]:
        page = timeline.page(conn, number, MAILS, after, prefix)
        return page, feed.of_case(conn, number, prefix, 40, by_people=True), _related_values(conn, found, prefix)

    (mails, position), events, related_values = desk.database.read(read)
    locale = renderer.locale(request)
    shown = case_values(desk, locale, desk.document(found), mails)
    _, made = desk.brief(number, "vendor", None)
    asked_for = {line["item"] for line in (*shown["needed"], *shown["helpful"])}
    return renderer.page(
        request,
        "case.html",
        **shown,
        **related_values,
        **flash_message(request),
        brief=brief_text.text(made, locale.zone),
        brief_language=made["lang"],
        can_ask={item for item in asked_for if related_values["often"][item] < MAX_TIMES_ASKED},
        history=history.entries(events, locale, shown["items"], prefix),
        vendors=vendor_names(desk, locale),
        me=me,
        later=to_cursor(position),
        earlier=after is not None,
    )


@router.get("/messages/{id}")
def read_message(request: Request, renderer: Renderer, desk: TheDesk, id: Id) -> Response:
    message = desk.database.read(lambda conn: timeline.find(conn, id, desk.prefix))
    why = desk.database.read(lambda conn: timeline.why(conn, id, desk.prefix))
    return renderer.page(request, "message.html", message=message, why=why)


def _related_values(conn: Connection, found: cases.StoredCase, prefix: str) -> dict[str, Any]:
    """Return the template values that are not in the document or the mails of a case."""
    # keys in a document may have an older prefix
    number, related = found.id, {key: int(key.rpartition("-")[2]) for key in found.document.get("related", [])}
    apart, titles = separated_cases(conn, number), cases.titles_of(conn, [*related.values()])
    return {
        "arrivals": timeline.arrivals(conn, number),
        "sent": [row for row in outbox.listing(conn, limit=20, case=number) if row["channel"] == "mail"],
        "noted": notes.of_case(conn, number, prefix),
        "often": sent_questions.times_asked(conn, number),
        "team": tokens.names(conn),
        "proposed": [cases.key_of(other, prefix) for other in related.values() if other not in apart],
        "newest": to_cursor(timeline.before_newest(conn, number, MAILS)),
        "titles": {key: titles[other] for key, other in related.items() if other in titles},
    }


def case_values(desk: Desk, locale: Locale, case: dict[str, Any], mails: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the template values that come from the document and the mails of a case."""
    names = {item: title.in_language(locale.language) for item, title in desk.rules.labels.items()}
    lines = [
        {**line, "label": names.get(line["item"]) or locale.label(line.get("label") or line["item"])}
        for line in case.get("checklist", [])
    ]
    labels = {"ask": locale.t("asks"), "why": locale.t("why", level=case["priority"])}
    labels |= {kind: locale.t(kind) for kind in ("heard", "parked")}
    by_message = highlights.of_case({**case, "checklist": lines}, labels)
    left, shown, marked = PAGE_LENGTH, [], {}
    for mail in mails:
        text = mail["text"].strip("\n")
        length = max(400, min(MAIL_LENGTH, left))
        left -= min(len(text), length)
        cut = text if len(text) <= length else text[:length].rstrip()
        marked[mail["id"]] = highlights.pieces(cut, by_message.get(mail["id"], ()))
        shown.append({**mail, "cut": len(text) > length, "quoted": mail["quoted_text"].strip("\n")[:QUOTED_LENGTH]})
    detail = case.get("priority_detail") or {}
    wanted = [line for line in lines if line["state"] == "missing"]
    # an answer to a request is undone at the request, not at the item
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
        "promises": [promise for promise in case.get("promises", []) if not promise["kept"]],
        "asks": sorted(case.get("asks", []), key=lambda ask: (ask["state"] != "open", ask.get("asked_at") or "")),
        "items": {line["item"]: line["label"] for line in lines},
        "was": shown_values(case),
        "mails": shown,
        "marked": marked,
        "outsiders": {entry["message"] for entry in case.get("not_counted", ()) if entry["why"] == "outsider"},
        "anchors": highlights.anchors(marked),
    }
