"""What follows when mails were taken in, in the same transaction: what is to be sent, and what is to be read again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from service import second_reading
from service.intake import House, Understood
from service.outbound import setup
from service.settings import Settings
from service.store.database import Connection
from service.worker import After


def after_judging(settings: Settings, house: House) -> After | None:
    """All of it in one call; None where nothing is set up. Raises Refused where a setting is wrong."""
    steps = [step for step in (setup.after_judging(settings, house), second_reading.after_judging(settings)) if step]
    if not steps:
        return None

    def after(conn: Connection, understood: Sequence[Understood], case_ids: Sequence[int], now: datetime) -> None:
        for step in steps:
            step(conn, understood, case_ids, now)

    return after
