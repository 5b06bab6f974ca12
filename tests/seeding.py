"""Writes cases and messages directly into the tables, for tests and benchmarks that read them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from service.store.database import Database
from service.store.tables import attachments, case_items_missing, case_refs, cases, events, messages, participants

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)

TITLES = (
    ("ja", "全社ポータルにサインインできない", "朝から全社ポータルに入れません。エラー 0x8004 が出ます。", "incident"),
    ("en", "Mail flow delayed to Osaka", "Outbound mail is delayed by two hours for 40 people.", "incident"),
    ("ja", "十月分の請求書と返金について", "返金の対象になるかご確認をお願いいたします。", "billing"),
    ("en", "How to rotate the API key of the gateway", "Which steps keep the old key valid for a day?", "howto"),
    ("ja", "新入社員のアカウント作成の申請", "12月1日入社の方のアカウントをお願いします。", "request"),
)
SIDES = ("team", "vendor", "requester", None)
VENDORS = ("microsoft", "aws", "redhat", "cisco", None)


def seed(database: Database, count: int, *, mails: int = 3, now: datetime = NOW, chunk: int = 2000) -> None:
    """Write ``count`` cases with all kinds and turns, each with ``mails`` messages. Case 1 is the oldest."""
    for first in range(1, count + 1, chunk):
        numbers = range(first, min(first + chunk, count + 1))
        database.transact(lambda conn, numbers=numbers: _put(conn, numbers, count, mails, now))  # type: ignore[misc]


def _put(conn: Connection, numbers: range, count: int, mails: int, now: datetime) -> None:
    made = [_case(number, now - timedelta(minutes=7 * (count - number)), mails) for number in numbers]
    file = {
        "filename": "画面.png", "content_type": "image/png", "size": 48_200, "sha256": "0" * 64,
        "spool_id": "none", "part": "1.2", "inline": False,
    }  # fmt: skip
    opened = {"kind": "case.opened", "who": "", "data": {}}
    rows = {
        cases: made,
        case_items_missing: [{"case_id": case["id"], "item": item} for case in made for item in case["missing"]],
        case_refs: [{"case_id": case["id"], **ref} for case in made for ref in case["vendor_refs"]],
        participants: [{"case_id": case["id"], **one} for case in made for one in case["document"]["participants"]],
        messages: [_message(case, at) for case in made for at in range(mails)],
        attachments: [{**file, "message_id": (case["id"] - 1) * mails + 1} for case in made],
        events: [{**opened, "case_id": case["id"], "at": case["opened_at"]} for case in made],
    }
    for table, given in rows.items():
        if given:
            conn.execute(insert(table), given)


def _case(number: int, updated: datetime, mails: int) -> dict[str, Any]:
    language, title, words, kind = TITLES[number % len(TITLES)]
    side, vendor = SIDES[number % len(SIDES)], VENDORS[number % len(VENDORS)]
    summary: dict[str, Any] = {
        "title": title, "status": "open" if side else ("resolved", "closed")[number % 2],
        "waiting_on": side, "waiting_since": updated if side else None,
        "priority": f"P{number % 4 + 1}", "kind": kind, "language": language, "vendor": vendor,
        "vendor_refs": [{"vendor": vendor, "ref": f"26{number:08d}"}] if vendor else [],
        "missing": ["occurred_at", "version"] if number % 3 == 0 else [],
        "open_asks": 1 if side == "team" else 0, "messages": mails,
        "opened_at": updated - timedelta(hours=3), "updated_at": updated,
    }  # fmt: skip
    document = _document(number, summary, words, (number - 1) * mails + 1)
    return {"id": number, **summary, "set_by_people": {}, "document": document, "judged_by": "core 1"}


def _document(number: int, summary: dict[str, Any], words: str, first_message: int) -> dict[str, Any]:
    first, missing = str(first_message), summary["missing"]
    return {
        "key": f"SD-{number}",
        **{name: _stamp(value) if isinstance(value, datetime) else value for name, value in summary.items()},
        "priority_detail": {
            "level": summary["priority"], "impact": "high", "urgency": "medium",
            "evidence": [{"rule": "impact-many", "message": first, "quote": words[:12]}],
            "heard": [{"quote": "【緊急】"}] if number % 2 else [], "set_by": "rules",
        },
        "checklist": [
            {"item": "symptom", "label": "事象(実際の動作)", "state": "present",
             "value": words, "message": first, "quote": words[:14]},
            {"item": "occurred_at", "label": "発生日時",
             "state": "missing" if missing else "present", "value": None if missing else "朝", "message": None,
             "quote": None},
            {"item": "version", "label": "バージョン",
             "state": "missing" if missing else "unknown", "value": None, "message": None, "quote": None},
        ],
        "asks": [_asked(summary, first_message)] if summary["vendor"] else [],
        "tone": [],
        "parked": [{"topic": "rca", "message": first, "quote": "再発防止策"}] if number % 5 == 0 else [],
        "problem": {"statement": words, "version": 1, "drift": False},
        "clocks": {"team": 3600, "vendor": 5400, "requester": 1800, "first_response": 3600, "turns": 1 + number % 3},
        "participants": [
            {"address": f"user{number % 50}@corp.example", "name": "北川 亮", "role": "requester"},
            {"address": "desk@corp.example", "name": "IT Desk", "role": "team"},
        ],
        "merged": [],
        "related": [],
        "judged_by": "core 1",
    }  # fmt: skip


def _asked(summary: dict[str, Any], first_message: int) -> dict[str, Any]:
    waits = summary["waiting_on"] == "team"
    return {
        "id": "1", "by": "vendor", "of": "team", "what": "logs", "quote": "ログをご提供ください",
        "message": str(first_message + min(1, summary["messages"] - 1)),
        "asked_at": _stamp(summary["opened_at"] + timedelta(hours=1)), "state": "open" if waits else "answered",
        "answered_at": None if waits else _stamp(summary["updated_at"]), "answered_by_message": None,
    }  # fmt: skip


def _message(case: dict[str, Any], at: int) -> dict[str, Any]:
    number = (case["id"] - 1) * case["messages"] + at + 1
    when = case["opened_at"] + timedelta(minutes=45 * at)
    _, _, words, _ = TITLES[case["id"] % len(TITLES)]
    role, origin, name, address = (
        ("requester", "delivered", "北川 亮", f"user{case['id'] % 50}@corp.example"),
        ("team", "delivered", "IT Desk", "desk@corp.example"),
        ("vendor", "forwarded", "Support", "support@vendor.example"),
    )[at % 3]
    return {
        "id": number, "case_id": case["id"], "origin": origin, "message_id": f"<m{number}@mail.example>",
        "author_name": name, "author_address": address, "author_role": role,
        "to": [{"name": "", "address": "intake@localhost"}],
        "subject": case["title"] if at == 0 else f"Re: {case['title']}",
        "date": when, "received_at": when,
        "text": f"お世話になっております。\n{words}\nよろしくお願いいたします。 ({number})",
        "quoted_text": "" if at == 0 else f"> {words}\n",
        "evidence": {"evidence": [{"kind": "reference", "value": "<m1@mail.example>"}], "runners_up": []},
        **{name: [] for name in ("in_reply_to", "refs", "cc", "defects")}, "headers": {},
    }  # fmt: skip


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
