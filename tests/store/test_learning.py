"""Somebody who is in no setting, and shows by a forward to be of the team: the same comes of every order."""

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from service import intake
from service.intake import AppContext
from service.store import placement, spool
from service.store.database import Database
from service.store.spool import Envelope
from service.store.tables import cases, messages

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NOTED = """From: Ken <ken@corp.example>
To: intake@corp.example
Subject: FortiGate drops VPN
Message-ID: <noted@corp.example>
Date: Mon, 23 Nov 2026 09:00:00 +0900

For the record: FortiGate 200F drops all tunnels since 8:30. Opened ticket number 10998877 with them.
"""
FORWARD = """From: Ken <ken@corp.example>
To: intake@corp.example
Subject: FW: Your SAP case
Message-ID: <fw@corp.example>
Date: Mon, 23 Nov 2026 12:00:00 +0900

FYI

-----Original Message-----
From: SAP Support <support@sap.com>
Sent: Monday, November 23, 2026 11:00 AM
To: Ken <ken@corp.example>
Subject: Your SAP case

We are looking at the transport error and come back to you tomorrow.
"""
ANSWER = """From: Fortinet Support <support@fortinet.com>
To: intake@corp.example
Subject: Fortinet Ticket #10998877 : tunnels
Message-ID: <answer@fortinet.com>
Date: Mon, 23 Nov 2026 15:00:00 +0900

Please send us the debug log.
"""
MAILS = (NOTED, FORWARD, ANSWER)


@pytest.mark.parametrize("batch", [1, 9])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_the_team_wrote_is_read_as_the_teams(
    sqlite: Database, context: AppContext, order: tuple[int, ...], batch: int
) -> None:
    envelope = Envelope("smtp", "x@corp.example", ("intake@corp.example",), peer="127.0.0.1")
    for place, number in enumerate(order):
        intake.receive(sqlite, [(envelope, MAILS[number].encode())], NOW + timedelta(seconds=place))
    later = NOW + timedelta(minutes=1)
    while claimed := sqlite.transact(lambda conn: spool.claim(conn, "w", later, timedelta(60), batch)):
        roles = context.roles(sqlite.read(placement.learned))
        read_mails = [intake.understand(one, context, roles) for one in claimed]
        sqlite.transact(partial(intake.take_in, read_mails=read_mails, context=context, by="w", now=later))

    def found(conn: Any) -> dict[str, Any]:
        rows = conn.execute(
            select(messages.c.message_id, messages.c.case_id, messages.c.author_role, messages.c.vendor)
        )
        return {row.message_id: row for row in rows if row.message_id}

    there = sqlite.read(found)
    noted, forward, answer = (
        there[f"<{name}>"] for name in ("noted@corp.example", "fw@corp.example", "answer@fortinet.com")
    )
    assert (noted.author_role, forward.author_role, noted.vendor) == ("team", "team", "fortinet")
    assert noted.case_id == answer.case_id != forward.case_id
    document = sqlite.read(
        lambda conn: conn.execute(select(cases.c.document).where(cases.c.id == noted.case_id)).scalar_one()
    )
    assert document["vendor_refs"] == [{"vendor": "fortinet", "ref": "10998877"}]
    assert document["waiting_on"] == "team"
