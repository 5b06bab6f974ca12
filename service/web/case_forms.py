"""The HTML forms that change one case, for example its values, items and requests."""

from collections.abc import Mapping
from typing import Any, get_args

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.cases.state import Level, SideToAct, Status
from service.desk import Desk
from service.errors import Conflict, NotFound, Refused
from service.store.cases import StoredCase
from service.web.deceptive import visible
from service.web.flash_message import IDS
from service.web.localisation import Locale
from service.web.page_rendering import Id, Posted, Renderer, TheDesk, Who, back_to

FIELDS = ("status", "priority", "title", "vendor", "waiting_on", "owner")
CHOICES = {"status": get_args(Status), "priority": get_args(Level), "waiting_on": get_args(SideToAct)}


router = APIRouter(include_in_schema=False)


def set_values(desk: Desk, key: str, wanted: Mapping[str, Any], who: str, was: Mapping[str, str | None]) -> Response:
    """Set values of a case. Raises Conflict if a value has changed since the form was opened.

    ``was``: the values at that time, by name.
    """

    def check(case: StoredCase) -> None:
        shown = shown_values(case.document)
        if any(text is not None and _one_line(text) != shown.get(name, "") for name, text in was.items()):
            raise Conflict("error.changed")

    event, _ = desk.set_values(desk.number_of(key), wanted, who, check)
    return back_to(f"/cases/{key}", "set", undo=[event])


@router.post("/cases/{key}/set")
def set_by_hand(desk: TheDesk, key: str, who: Who, posted: Posted) -> Response:
    wanted = changed_fields(desk, posted)
    return set_values(desk, key, wanted, who, {name: posted.get(f"was_{name}") for name in wanted})


@router.post("/cases/{key}/items/{item}")
def set_item(desk: TheDesk, key: str, item: str, who: Who, posted: Posted) -> Response:
    value = posted.get("value", "").strip()[:2000] or None
    return set_values(desk, key, {"items": {item: value}}, who, {f"items.{item}": posted.get("was")})


@router.post("/cases/{key}/asks/{ask}")
def set_ask(desk: TheDesk, key: str, ask: str, who: Who, posted: Posted) -> Response:
    text = posted.get("answer", "").strip()[:2000]
    value = ({"answer": text} if text else "answered") if posted.get("value") == "answered" else None
    return set_values(desk, key, {"asks": {ask: value}}, who, {f"asks.{ask}": posted.get("was")})


@router.post("/cases/{key}/notes")
def note(desk: TheDesk, key: str, who: Who, posted: Posted) -> Response:
    number = desk.survivor(key)
    desk.note(number, posted.get("text", "").strip()[:20_000], who)
    return back_to(f"/cases/{desk.key_of(number)}", "noted")


@router.get("/cases/{key}/ask")
def show_draft(request: Request, renderer: Renderer, desk: TheDesk, key: str) -> Response:
    number, query = desk.survivor(key), request.query_params
    made = desk.draft_questions(number, query.getlist("item"), query.get("text", ""))
    return renderer.page(request, "ask.html", key=desk.key_of(number), made=made)


@router.post("/cases/{key}/ask")
def ask(desk: TheDesk, key: str, who: Who, posted: Posted) -> Response:
    number, items = desk.survivor(key), [item for item in posted.get("items", "").split(",") if item]
    _, entry = desk.ask(number, items, posted.get("text", ""), None, who)
    return back_to(f"/cases/{desk.key_of(number)}", "drafted" if entry["state"] == "draft" else "asked")


@router.post("/cases/{key}/merge")
def merge(desk: TheDesk, key: str, who: Who, posted: Posted) -> Response:
    number, into = desk.number_of(key), desk.survivor(posted.get("into", "").strip())
    event, _ = desk.merge(number, into, who)
    return back_to(f"/cases/{desk.key_of(into)}", "merged", undo=[event], key=key)


@router.post("/cases/{key}/suggestions/{id}")
def decide(desk: TheDesk, key: str, id: Id, who: Who, posted: Posted) -> Response:
    number = desk.number_of(key)
    if posted.get("value") == "accept":
        event, case = desk.accept(number, id, who)
        return back_to(f"/cases/{desk.key_of(case)}", "accepted", undo=[event])
    desk.dismiss(number, id, who)
    return back_to(f"/cases/{desk.key_of(number)}", "dismissed")


@router.post("/messages/{id}/move")
def move(desk: TheDesk, id: Id, who: Who, posted: Posted) -> Response:
    to = posted.get("to", "").strip()
    event, case = desk.move(id, None if to.lower() == "new" else desk.survivor(to), who)
    return back_to(f"/cases/{desk.key_of(case)}", "moved", undo=[event])


@router.post("/corrections/{ids}/undo")
def undo(desk: TheDesk, ids: str, who: Who) -> Response:
    """Undo one correction, or several (``41.42``) together. The last correction is undone first."""
    if not IDS.fullmatch(ids):
        raise NotFound("there is no such correction")
    events = {int(id) for id in ids.split(".")}
    touched = desk.undo(list(events), who)
    alone = touched and len(events) == 1
    return back_to(f"/cases/{desk.key_of(touched[0])}" if alone else "/", "undone")


def shown_values(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of a case in the format of its forms, such as ``items.ITEM`` → value."""
    shown = {name: document.get(name) or "" for name in FIELDS}
    for line in document.get("checklist", ()):
        shown[f"items.{line['item']}"] = f"{line['state']} {line.get('value') or ''}"
    for ask in document.get("asks", ()):
        shown[f"asks.{ask['id']}"] = f"{ask['state']} {ask.get('answer') or ''}"
    return {name: _one_line(text) for name, text in shown.items()}


def _one_line(text: str) -> str:
    """Return a text as templates show it, on one line, because browsers change line breaks in values."""
    return " ".join(visible(text).split())


def changed_fields(desk: Desk, given: Mapping[str, str]) -> dict[str, Any]:
    """Return field → value for the fields that a form sets. None: the rules decide again. Raises Refused."""
    wanted: dict[str, Any] = {}
    for name in FIELDS:
        if given.get("automatic") == name:
            wanted[name] = None
        elif name in given:
            value = given[name].strip()[:500] or None
            if value and value not in CHOICES.get(name, (value,)):
                raise Refused(f"{name}: {value[:40]} is not a possible value")
            wanted[name] = value if name != "vendor" else vendor_id(desk, value) if value else "none"
    if not wanted:
        raise Refused("nothing to set")
    return wanted


def vendor_names(desk: Desk, locale: Locale) -> list[str]:
    """Return the names of all vendors that rules know, for a field that suggests them."""
    return sorted({locale.vendor(id) for id in desk.rules.vendors.profiles})


def vendor_id(desk: Desk, text: str) -> str:
    """Return the id of the vendor with this id or name; the text itself for an unknown vendor."""
    rules = desk.rules
    for id in rules.vendors.profiles:
        if text.casefold() in (id, *(rules.vendor_name(id, lang).casefold() for lang in ("ja", "en"))):
            return id
    return text[:64]
