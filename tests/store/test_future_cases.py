"""Judging cases before their mails are stored gives the same result as judging the stored cases."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from service import intake
from service.cases.placement.objections import NEW_TOPIC
from service.intake import Prepared
from service.store import links, placement, spool
from service.store.database import Database
from service.store.future_cases import with_ids
from service.store.learned_roles import learned
from service.store.message_rows import ReadMail
from service.store.spool import Claimed, Envelope
from service.store.tables import cases, events
from tests.flow.crew import context

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
OURS = context()
ENVELOPE = Envelope("smtp", "aiko@corp.example", ("help@intake.example",), peer="127.0.0.1")
HANDED = (
    "please see below\r\n\r\n-----Original Message-----\r\nFrom: AWS <no-reply-aws@amazon.com>\r\n"
    "Sent: Monday, March 2, 2026 9:20 AM\r\nTo: Aiko <aiko@corp.example>\r\nSubject: [CASE 176400000012345] RDS\r\n\r\n"
    "Could you please send us the PostgreSQL logs?"
)


def mail(name: str, text: str, parent: str = "", author: str = "aiko", subject: str = "RDS is down") -> bytes:
    ids = [f"<{name}@corp.example>" for name in parent.split()]
    answers = f"In-Reply-To: {ids[-1]}\r\nReferences: {' '.join(ids)}\r\n" if ids else ""
    return (
        f"From: {author}@corp.example\r\nTo: help@intake.example\r\nSubject: {subject}\r\n{answers}"
        f"Message-ID: <{name}@corp.example>\r\nDate: Mon, 02 Mar 2026 09:30:00 +0900\r\n\r\n{text}\r\n"
    ).encode()


REPORT = mail("report", 'Nobody can place orders. The log says "message":"-1" and an escape, \\u0000.')
FORWARD = mail("fw", HANDED, subject="FW: [CASE 176400000012345] RDS")
ANSWER = mail("answer", "There is no workaround. We restarted it twice.", "report")
SAME_WORDS = mail("other", "Nobody can place orders since the printer stopped.", author="ken", subject="Orders")
OTHER_MATTER = mail("badge", "My badge opens no door of the warehouse.", author="mio", subject="Badge")
KETTLE = mail("kettle", "The kettle of floor six leaks.", author="jo", subject="Kettle")
LEAVES = mail(
    "leaves", "Works again, thanks a lot.\r\nOur new trainee Jo Park starts on Monday and needs a login and a mailbox.",
    "report", subject="Re: RDS is down",
)  # fmt: skip


def read(database: Database, *contents: bytes) -> list[ReadMail]:
    intake.receive(database, [(ENVELOPE, content) for content in contents], NOW)
    claimed: list[Claimed] = database.transact(partial(spool.claim, by="w", now=NOW, lease=timedelta(60), limit=9))
    roles = OURS.roles(database.read(learned))
    return [intake.understand(one, OURS, roles) for one in claimed]


def prepare(database: Database, mails: Sequence[ReadMail], before: Prepared | None = None) -> Prepared:
    return database.read(partial(intake.prepare, read_mails=mails, context=OURS, now=NOW, before=before))


def write(database: Database, prepared: Prepared, *, decide_again: bool = True) -> list[int]:
    save = partial(intake.take_in, prepared=prepared, context=OURS, by="w", now=NOW, decide_again=decide_again)
    return database.transact(save)


def take(database: Database, *contents: bytes) -> Prepared:
    prepared = prepare(database, read(database, *contents))
    write(database, prepared)
    return prepared


def documents(database: Database) -> dict[int, Any]:
    query = select(cases.c.id, cases.c.document).where(cases.c.merged_into.is_(None))
    return {row.id: row.document for row in database.read(lambda conn: conn.execute(query).all())}


def judged_again(database: Database) -> dict[int, Any]:
    numbers = sorted(documents(database))
    database.transact(lambda conn: intake.rejudge(conn, numbers, OURS, now=NOW))
    return documents(database)


@pytest.mark.parametrize(
    "batches",
    [
        [(REPORT,), (ANSWER,), (FORWARD,), (SAME_WORDS,)],
        [(REPORT, FORWARD, ANSWER, SAME_WORDS)],
        [(ANSWER, SAME_WORDS), (FORWARD, REPORT)],
    ],
)
def test_a_case_judged_before_the_write_equals_the_stored_case_judged_again(
    database: Database, batches: list[tuple[bytes, ...]]
) -> None:
    for contents in batches:
        assert take(database, *contents).judged
    found = documents(database)
    assert len(found) >= 2
    assert "\\u0000" in str(found)
    kinds = database.read(lambda conn: conn.execute(select(events.c.kind)).scalars().all())
    assert kinds.count("case.opened") == len(found), "each case is saved once, with one event"
    assert found == judged_again(database)


def test_a_merge_of_a_related_case_causes_a_new_judgement(database: Database) -> None:
    for one in (REPORT, OTHER_MATTER, KETTLE):
        take(database, one)
    database.transact(lambda conn: links.relate(conn, [(1, 3, None, NEW_TOPIC)]))
    mine = read(database, mail("more", "The kettle leaks still.", "kettle", author="jo", subject="Re: Kettle"))
    prepared = prepare(database, mine)
    database.transact(lambda conn: links.merge_cases(conn, 1, 2, NOW))
    write(database, prepared)
    assert documents(database)[3] == judged_again(database)[3]


def test_a_case_that_another_worker_changed_is_judged_with_the_mails_of_both(database: Database) -> None:
    take(database, REPORT)
    mine, other = read(database, ANSWER), read(database, mail("more", "All shops are affected.", "report"))
    prepared = [prepare(database, read_mails) for read_mails in (mine, other)]
    assert [write(database, one) for one in prepared] == [[1], [1]]
    found = documents(database)
    assert found[1]["messages"] == 3
    assert found == judged_again(database)


def test_an_outdated_decision_is_not_written_and_only_its_outdated_parts_are_repeated(database: Database) -> None:
    mine = read(database, ANSWER, OTHER_MATTER)
    prepared = prepare(database, mine)
    take(database, REPORT)
    with pytest.raises(placement.Outdated):
        write(database, prepared, decide_again=False)
    assert len(documents(database)) == 1
    again = prepare(database, mine, before=prepared)
    assert [*again.judged] == [1, -2]
    assert again.judged[-2] is prepared.judged[-2]
    assert write(database, again) == [1, 2]
    assert documents(database) == judged_again(database)


def test_a_value_that_a_person_sets_meanwhile_is_kept(database: Database) -> None:
    take(database, REPORT)
    mine = read(database, ANSWER)
    prepared = prepare(database, mine)
    by_ken = cases.update().values(set_by_people={"title": {"value": "Shop", "by": "ken", "at": NOW.isoformat()}})
    database.transact(lambda conn: conn.execute(by_ken))
    judged_again(database)
    write(database, prepared)
    [document] = documents(database).values()
    assert (document["title"], document["messages"]) == ("Shop", 2)


@pytest.mark.parametrize("batches", [[(REPORT,), (LEAVES,)], [(LEAVES,), (REPORT,)], [(REPORT, LEAVES)]])
def test_a_reply_about_another_matter_can_resolve_the_case_of_its_thread(
    database: Database, batches: list[tuple[bytes, ...]]
) -> None:
    for contents in batches:
        take(database, *contents)
    found = documents(database)
    states = {case["title"][:3]: (case["status"], case["waiting_on"]) for case in found.values()}
    assert states == {"RDS": ("resolved", None), "Our": ("open", "team")}
    assert found == judged_again(database)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("Yes, forty new orders were booked since noon. Thanks!", "resolved"),
        ("Thanks, I will try it after lunch.", "open"),
        ("Some orders are booked again, thanks, but the web shop is still down.", "open"),
    ],
)
def test_such_a_reply_resolves_it_by_the_outcome_that_it_gives_thanks_for(
    database: Database, outcome: str, status: str
) -> None:
    more = "One more thing: our new trainee Jo Park starts on Monday and needs a login and a mailbox."
    take(database, REPORT)
    take(database, mail("more", f"{outcome} {more}", "report", subject="Re: RDS is down"))
    assert [case["status"] for case in documents(database).values()] == [status, "open"]


def test_such_a_reply_resolves_only_the_newest_case_of_its_references(database: Database) -> None:
    login = "On a different topic: our new trainee Jo Park starts on Monday and needs a login and a mailbox."
    printer = "Works again, thanks a lot.\r\nAnother matter: the printer on the third floor is jammed and shows E13."
    take(database, REPORT)
    take(database, mail("login", login, "report", subject="Re: RDS is down"))
    take(database, mail("printer", printer, "report login", subject="Re: RDS is down"))
    assert [case["status"] for case in documents(database).values()] == ["open", "resolved", "open"]


def test_only_ids_are_replaced_in_a_document() -> None:
    said = 'it logs "message":"-1" and "id":"-1-logs"'
    document = {"message": "-1", "quote": said, "value": "-1", "asks": [{"id": "-12-logs", "message": "-12"}]}
    found = msgspec.json.decode(with_ids(document, {-1: 7, -12: 8}))
    assert found == {"message": "7", "quote": said, "value": "-1", "asks": [{"id": "8-logs", "message": "8"}]}
