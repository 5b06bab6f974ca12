"""The history of a case as text: what a person changed, with the values before and after."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.store.cases import key_of
from service.web.localisation import Locale

UNDOABLE = ("case.merged", "message.moved", "case.split", "case.set")
NO_VALUE = "–"


def entries(
    events: Sequence[Mapping[str, Any]], locale: Locale, items: Mapping[str, str], prefix: str
) -> list[dict[str, Any]]:
    """Return the events with ``lines`` of text and ``undoable``. ``items``: item id → label."""
    by_id = {event["id"]: event for event in events}
    described = []
    for event in events:
        lines = _lines(event, locale, items, prefix)
        if event["kind"] == "undone":
            undone, kind = by_id.get(event["data"].get("event")), event["data"].get("kind")
            what = _lines(undone, locale, items, prefix)[0] if undone else locale.t(f"event.{kind}")
            lines = [locale.t("event.undone", what=what)]
        described.append({**event, "lines": lines, "undoable": event["kind"] in UNDOABLE and not event["undone_by"]})
    return described


def _lines(event: Mapping[str, Any], locale: Locale, items: Mapping[str, str], prefix: str) -> list[str]:
    kind, data = event["kind"], event["data"]
    if kind == "case.set":
        return _changes(data, locale, items) or [locale.t("event.case.set")]
    if kind == "case.merged":
        return [locale.t("event.merged", key=key_of(data["from"], prefix))]
    if kind in ("message.moved", "case.split"):
        source = ", ".join(key_of(number, prefix) for number in data["from"])
        return [locale.t("event.moved", n=len(data["messages"]), key=source)]
    if kind == "case.kept_apart":
        return [locale.t("event.kept_apart", key=key_of(data["other"], prefix))]
    return [locale.t(f"event.{kind}")]


def _changes(data: Mapping[str, Any], locale: Locale, items: Mapping[str, str]) -> list[str]:
    """Return one line for each value that was set: ``Priority: P3 → P1``."""
    was, lines = data.get("was") or {}, []
    for name, value in data["set"].items():
        if name in ("items", "asks"):
            before = was.get(name) or {}
            for id, new in (dict.fromkeys(before) if value is None else value).items():
                label = items.get(id, id) if name == "items" else locale.asked(id.partition("-")[2] or id, items)
                old_text, new_text = _state(before.get(id), locale, name), _state(new, locale, name, by_person=True)
                lines.append(_line(label, old_text, new_text))
        else:
            label = locale.t({"title": "set.title", "owner": "owner"}.get(name, f"f.{name}"))
            old_text = _value(name, was[name], locale) if name in was else ""
            new_text = locale.t("set.rules") if value is None and name != "owner" else _value(name, value, locale)
            if old_text == new_text:
                person = ((data.get("before") or {}).get(name) or {}).get("by")
                old_text = locale.t("event.by", value=old_text, who=person or locale.t("set.rules"))
            lines.append(_line(label, old_text, new_text))
    return lines


def _line(label: str, old: str, new: str) -> str:
    return f"{label}: {old} → {new}" if old else f"{label}: {new}"


def _value(name: str, value: Any, locale: Locale) -> str:
    if name == "owner":
        return str(value or locale.t("owner.none"))
    if value in (None, "", "none"):
        return locale.side(None) if name == "waiting_on" else NO_VALUE
    if name == "vendor":
        return locale.vendor(value)
    if name == "waiting_on":
        return locale.side(value)
    return locale.t(f"status.{value}") if name == "status" else str(value)


def _state(value: Any, locale: Locale, group: str, *, by_person: bool = False) -> str:
    """Return the text for a value of an item or a request. ``by_person``: a person set the value."""
    if value is None:
        return locale.t("set.rules") if by_person else ""
    if group == "asks":
        if isinstance(value, Mapping):
            return locale.t("event.answered", words=value["answer"])
        return locale.t(f"ask.{value}")
    if isinstance(value, Mapping):  # the value that the case showed
        text = value["state"] == "present" and value["value"]
        return locale.t("event.words", words=text) if text else locale.t(f"state.{value['state']}")
    return locale.t("state.waived") if value == "waived" else locale.t("event.words", words=value)
