"""Cases are judged before their mails are stored: the result is what judging the stored case gives."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import pytest
from sqlalchemy import select

from service import intake
from service.cases.placement.objections import NEW_TOPIC
from service.intake import ReadMail
from service.store import links, placement, spool
from service.store.database import Connection, Database
from service.store.spool import Claimed, Envelope
from service.store.tables import cases, events
from tests.flow.crew import context
from tests.store.desk import letter

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OURS = context()
ENVELOPE = Envelope("smtp", "aiko@corp.example", ("help@intake.example",), peer="127.0.0.1")
HANDED = (
    "please see below\n\n-----Original Message-----\nFrom: AWS <no-reply-aws@amazon.com>\n"
    "Sent: Monday, November 23, 2026 9:20 AM\nTo: Aiko <aiko@corp.example>\nSubject: [CASE 176400000012345] RDS\n\n"
    "Could you please send us the PostgreSQL logs?"
)


def mail(name: str, text: str, parent: str = "", author: str = "aiko", subject: str = "RDS is down") -> bytes:
    ids = [f"<{name}@x.test>" for name in parent.split()]
    answers = {"In_Reply_To": ids[-1], "References": " ".join(ids)} if ids else {}
    return letter(name, f"{author}@corp.example", "help@intake.example", subject, text, 0, **answers)


REPORT = mail("report", 'Nobody can place orders. The log says "message":"-1".')
FORWARD = mail("fw", HANDED, subject="FW: [CASE 176400000012345] RDS")
ANSWER = mail("answer", "There is no workaround. We restarted it twice.", "report")
SAME_WORDS = mail("other", "Nobody can place orders since the printer stopped.", author="ken", subject="Orders")
OTHER_MATTER = mail("badge", "My badge opens no door of the warehouse.", author="mio", subject="Badge")


def read(database: Database, *contents: bytes) -> list[ReadMail]:
    intake.receive(database, [(ENVELOPE, content) for content in contents], NOW)
    claimed: list[Claimed] = database.transact(partial(spool.claim, by="w", now=NOW, lease=timedelta(60), limit=9))
    roles = OURS.roles(database.read(placement.learned))
    return [intake.understand(one, OURS, roles) for one in claimed]


def prepare(database: Database, read_mails: Sequence[ReadMail]) -> intake.Prepared:
    return database.read(partial(intake.prepare, read_mails=read_mails, context=OURS, now=NOW))


def write(database: Database, read_mails: Sequence[ReadMail], prepared: intake.Prepared | None) -> list[int]:
    save = partial(intake.take_in, read_mails=read_mails, context=OURS, by="w", now=NOW, prepared=prepared)
    return database.transact(save)


def take(database: Database, *contents: bytes) -> intake.Prepared:
    read_mails = read(database, *contents)
    prepared = prepare(database, read_mails)
    write(database, read_mails, prepared)
    return prepared


def documents(conn: Connection) -> dict[int, object]:
    return {row.id: row.document for row in conn.execute(select(cases.c.id, cases.c.document))}


def judged_again(database: Database) -> dict[int, object]:
    def run(conn: Connection) -> dict[int, object]:
        intake.rejudge(conn, sorted(documents(conn)), OURS, now=NOW)
        return documents(conn)

    return database.transact(run)


@pytest.mark.parametrize(
    "batches",
    [
        [(REPORT,), (ANSWER,), (FORWARD,), (SAME_WORDS,)],
        [(REPORT, FORWARD, ANSWER, SAME_WORDS)],
        [(ANSWER, SAME_WORDS), (FORWARD, REPORT)],
    ],
)
def test_a_case_is_what_judging_its_stored_mails_gives(database: Database, batches: list[tuple[bytes, ...]]) -> None:
    for contents in batches:
        assert take(database, *contents).judged
    found = database.read(documents)
    assert len(found) >= 2
    assert found == judged_again(database)


def test_a_mail_that_quotes_a_json_escape_is_taken_in(database: Database) -> None:
    take(database, mail("escape", "The log says: unsupported Unicode escape sequence \\u0000 cannot be converted."))
    found = database.read(documents)
    assert "\\u0000" in str(found[1])
    assert found == judged_again(database)


def test_a_case_that_was_set_apart_from_a_merged_one_is_judged_again(database: Database) -> None:
    take(database, REPORT)
    take(database, OTHER_MATTER)
    take(database, mail("third", "The kettle of floor six leaks.", author="jo", subject="Kettle"))
    database.transact(lambda conn: links.relate(conn, [(1, 3, None, NEW_TOPIC)]))
    mine = read(database, mail("more", "The kettle leaks still.", "third", author="jo", subject="Re: Kettle"))
    prepared = prepare(database, mine)
    database.transact(lambda conn: links.merge_cases(conn, 1, 2, NOW))
    write(database, mine, prepared)
    stored = database.read(documents)[3]
    database.transact(lambda conn: intake.rejudge(conn, [3], OURS, now=NOW))
    assert stored == database.read(documents)[3]


def test_a_case_that_another_worker_changed_meanwhile_is_judged_with_all_its_mails(database: Database) -> None:
    take(database, REPORT)
    mine, other = read(database, ANSWER), read(database, mail("more", "All shops are affected.", "report"))
    prepared = [prepare(database, read_mails) for read_mails in (mine, other)]
    assert [write(database, *one) for one in zip((mine, other), prepared, strict=True)] == [[1], [1]]
    [document] = database.read(documents).values()
    assert document["messages"] == 3  # type: ignore[index]
    assert {1: document} == judged_again(database)


def test_an_outdated_decision_is_not_written_and_only_what_changed_is_judged_again(database: Database) -> None:
    mine = read(database, ANSWER, OTHER_MATTER)
    prepared = prepare(database, mine)
    take(database, REPORT)
    save = partial(intake.take_in, read_mails=mine, context=OURS, by="w", now=NOW, prepared=prepared, anew=False)
    with pytest.raises(placement.Outdated):
        database.transact(save)
    assert len(database.read(documents)) == 1
    again = database.read(partial(intake.prepare, read_mails=mine, context=OURS, now=NOW, before=prepared))
    assert [*again.judged] == [1, -2]
    assert again.judged[-2] is prepared.judged[-2]
    assert write(database, mine, again) == [1, 2]
    assert database.read(documents) == judged_again(database)


def test_a_value_set_meanwhile_is_kept(database: Database) -> None:
    take(database, REPORT)
    mine = read(database, ANSWER)
    prepared = prepare(database, mine)

    def set_title(conn: Connection) -> None:
        conn.execute(cases.update().values(set_by_people={"title": {"value": "Shop", "by": "ken"}}))
        intake.rejudge(conn, [1], OURS, now=NOW)

    database.transact(set_title)
    write(database, mine, prepared)
    [document] = database.read(documents).values()
    assert (document["title"], document["messages"]) == ("Shop", 2)  # type: ignore[index]


LOGIN = "ur new trainee Jo Park starts on Monday and needs a login and a mailbox."
LEAVES = mail("leaves", f"Works again, thanks a lot.\nO{LOGIN}", "report", subject="Re: RDS is down")


@pytest.mark.parametrize("batches", [[(REPORT,), (LEAVES,)], [(LEAVES,), (REPORT,)], [(REPORT, LEAVES)]])
def test_a_reply_that_begins_another_matter_solves_the_case_that_it_leaves(
    database: Database, batches: list[tuple[bytes, ...]]
) -> None:
    for contents in batches:
        take(database, *contents)
    found = database.read(documents)
    stands = {case["title"][:3]: (case["status"], case["waiting_on"]) for case in found.values()}  # type: ignore[index]
    assert stands == {"RDS": ("resolved", None), "Our": ("open", "team")}
    assert found == judged_again(database)


def test_the_news_of_such_a_reply_is_for_the_case_that_it_answers_and_for_no_older_one_of_its_thread(
    database: Database,
) -> None:
    login = f"On a different topic: o{LOGIN}"
    printer = "Works again, thanks a lot.\nAnother matter: the printer on the third floor is jammed and shows E13."
    take(database, REPORT)
    take(database, mail("login", login, "report", subject="Re: RDS is down"))
    take(database, mail("printer", printer, "report login", subject="Re: RDS is down"))
    assert [case["status"] for case in database.read(documents).values()] == ["open", "resolved", "open"]  # type: ignore[index]


def test_each_case_is_saved_once_with_one_event(database: Database) -> None:
    take(database, REPORT, SAME_WORDS)
    take(database, ANSWER)
    kinds = database.read(lambda conn: conn.execute(select(events.c.kind).order_by(events.c.id)).scalars().all())
    assert kinds == ["case.opened", "case.opened", "case.changed"]


def test_only_ids_are_replaced_in_a_document() -> None:
    said = 'it logs "message":"-1" and "id":"-1-logs"'
    document = {"message": "-1", "quote": said, "value": "-1", "asks": [{"id": "-12-logs", "message": "-12"}]}
    found = msgspec.json.decode(placement.with_ids(document, {-1: 7, -12: 8}))
    assert found == {"message": "7", "quote": said, "value": "-1", "asks": [{"id": "8-logs", "message": "8"}]}
