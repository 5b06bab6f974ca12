"""The history of a case in words: what a person changed, from what, to what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.store.cases import key_of
from service.web.reader import Reader

UNDOABLE = ("case.merged", "message.moved", "case.split", "case.set")
NOWHERE = "–"


def entries(
    events: Sequence[Mapping[str, Any]], reader: Reader, items: Mapping[str, str], prefix: str
) -> list[dict[str, Any]]:
    """Return the events with ``lines`` in the reader's language. ``items``: item id → label."""
    by_id = {event["id"]: event for event in events}
    made = []
    for event in events:
        lines = _lines(event, reader, items, prefix)
        if event["kind"] == "undone":
            of = by_id.get(event["data"].get("event"))
            first = _lines(of, reader, items, prefix)[0] if of else reader.t(f"event.{event['data'].get('kind')}")
            lines = [reader.t("event.undone", what=first)]
        made.append({**event, "lines": lines, "undoable": event["kind"] in UNDOABLE and not event["undone_by"]})
    return made


def _lines(event: Mapping[str, Any], reader: Reader, items: Mapping[str, str], prefix: str) -> list[str]:
    kind, data = event["kind"], event["data"]
    if kind == "case.set":
        return _changes(data, reader, items) or [reader.t("event.case.set")]
    if kind == "case.merged":
        return [reader.t("event.merged", key=key_of(data["from"], prefix))]
    if kind in ("message.moved", "case.split"):
        source = ", ".join(key_of(one, prefix) for one in data["from"])
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
            for one, new in (dict.fromkeys(before) if value is None else value).items():
                label = items.get(one, one) if name == "items" else reader.asked(one.partition("-")[2] or one, items)
                old, now = _row(before.get(one), reader, name), _row(new, reader, name, chosen=True)
                lines.append(_line(label, old, now))
        else:
            label = reader.t({"title": "set.title", "owner": "owner"}.get(name, f"f.{name}"))
            old = _value(name, was[name], reader) if name in was else ""
            now = reader.t("set.rules") if value is None and name != "owner" else _value(name, value, reader)
            lines.append(_line(label, reader.t("event.by_rules", value=old) if old == now else old, now))
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


def _row(value: Any, reader: Reader, group: str, *, chosen: bool = False) -> str:
    """Return the state of an item or a request in words; ``chosen``: as a person set it."""
    if value is None:
        return reader.t("set.rules") if chosen else ""
    if group == "asks":
        if isinstance(value, Mapping):
            return reader.t("event.answered", words=value["answer"])
        return reader.t(f"ask.{value}")
    if isinstance(value, Mapping):  # as the case showed it
        given = value["state"] == "present" and value["value"]
        return reader.t("event.words", words=given) if given else reader.t(f"state.{value['state']}")
    return reader.t("state.waived") if value == "waived" else reader.t("event.words", words=value)
