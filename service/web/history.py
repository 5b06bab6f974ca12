"""The history of a case as text: what a person changed, with the values before and after."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.store.cases import key_of
from service.web.reader import Reader

UNDOABLE = ("case.merged", "message.moved", "case.split", "case.set")
NOWHERE = "–"


def entries(
    events: Sequence[Mapping[str, Any]], reader: Reader, items: Mapping[str, str], prefix: str
) -> list[dict[str, Any]]:
    """Return the events with ``lines`` of text and ``undoable``. ``items``: item id → label."""
    by_id = {event["id"]: event for event in events}
    described = []
    for event in events:
        lines = _lines(event, reader, items, prefix)
        if event["kind"] == "undone":
            undone, kind = by_id.get(event["data"].get("event")), event["data"].get("kind")
            what = _lines(undone, reader, items, prefix)[0] if undone else reader.t(f"event.{kind}")
            lines = [reader.t("event.undone", what=what)]
        described.append({**event, "lines": lines, "undoable": event["kind"] in UNDOABLE and not event["undone_by"]})
    return described


def _lines(event: Mapping[str, Any], reader: Reader, items: Mapping[str, str], prefix: str) -> list[str]:
    kind, data = event["kind"], event["data"]
    if kind == "case.set":
        return _changes(data, reader, items) or [reader.t("event.case.set")]
    if kind == "case.merged":
        return [reader.t("event.merged", key=key_of(data["from"], prefix))]
    if kind in ("message.moved", "case.split"):
        source = ", ".join(key_of(number, prefix) for number in data["from"])
        return [reader.t("event.moved", n=len(data["messages"]), key=source)]
    if kind == "case.kept_apart":
        return [reader.t("event.kept_apart", key=key_of(data["other"], prefix))]
    return [reader.t(f"event.{kind}")]


def _changes(data: Mapping[str, Any], reader: Reader, items: Mapping[str, str]) -> list[str]:
    """Return one line for each value that was set: ``Priority: P3 → P1``."""
    was, lines = data.get("was") or {}, []
    for name, value in data["set"].items():
        if name in ("items", "asks"):
            before = was.get(name) or {}
            for id, new in (dict.fromkeys(before) if value is None else value).items():
                label = items.get(id, id) if name == "items" else reader.asked(id.partition("-")[2] or id, items)
                old_text, new_text = _state(before.get(id), reader, name), _state(new, reader, name, by_person=True)
                lines.append(_line(label, old_text, new_text))
        else:
            label = reader.t({"title": "set.title", "owner": "owner"}.get(name, f"f.{name}"))
            old_text = _value(name, was[name], reader) if name in was else ""
            new_text = reader.t("set.rules") if value is None and name != "owner" else _value(name, value, reader)
            if old_text == new_text:
                person = ((data.get("before") or {}).get(name) or {}).get("by")
                old_text = reader.t("event.by", value=old_text, who=person or reader.t("set.rules"))
            lines.append(_line(label, old_text, new_text))
    return lines


def _line(label: str, old: str, new: str) -> str:
    return f"{label}: {old} → {new}" if old else f"{label}: {new}"


def _value(name: str, value: Any, reader: Reader) -> str:
    if name == "owner":
        return str(value or reader.t("owner.none"))
    if value in (None, "", "none"):
        return reader.side(None) if name == "waiting_on" else NOWHERE
    if name == "vendor":
        return reader.vendor(value)
    if name == "waiting_on":
        return reader.side(value)
    return reader.t(f"status.{value}") if name == "status" else str(value)


def _state(value: Any, reader: Reader, group: str, *, by_person: bool = False) -> str:
    """Return the text for a value of an item or a request. ``by_person``: a person set the value."""
    if value is None:
        return reader.t("set.rules") if by_person else ""
    if group == "asks":
        if isinstance(value, Mapping):
            return reader.t("event.answered", words=value["answer"])
        return reader.t(f"ask.{value}")
    if isinstance(value, Mapping):  # the value that the case showed
        text = value["state"] == "present" and value["value"]
        return reader.t("event.words", words=text) if text else reader.t(f"state.{value['state']}")
    return reader.t("state.waived") if value == "waived" else reader.t("event.words", words=value)
