"""A crowd of like cases: what many have tells none of them from the others, whoever comes first."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

from service.case.reach import CROWD
from service.mail.message import Mail
from service.store.database import Database
from tests.case.filing import ACME, DESK, Filing, mail
from tests.store.desk import Desk

HOUR = 60


def many() -> list[Mail]:
    """One report with its inquiry, then a crowd with the same trouble, then an inquiry that fits all of them."""
    told = "acme drive shows QX_41 on opening Budget"
    mails = [
        mail("first", "anna@lab.test", "acme drive", f"{told}, screen one.", 0, to=(DESK,)),
        mail("asked", DESK, "Access denied", f"{told} for one of ours.", 2 * HOUR, to=(ACME,)),
    ]
    for number in range(CROWD + 2):
        text = f"{told}, desk {number}."
        mails.append(mail(f"r{number}", f"user{number}@lab.test", "acme drive", text, (5 + number) * HOUR, to=(DESK,)))
    return [*mails, mail("late", DESK, "Denied for many", f"{told} for all of ours.", 40 * HOUR, to=(ACME,))]


def test_what_few_had_joins_and_what_a_crowd_has_joins_nothing_in_any_order(
    sqlite_template: Path, tmp_path: Path
) -> None:
    wanted = {frozenset({"first", "asked"}), frozenset({"late"})}
    wanted |= {frozenset({f"r{number}"}) for number in range(CROWD + 2)}
    for seed in range(4):
        mails = many()
        if seed:
            Random(seed).shuffle(mails)
        filing = Filing()
        filing.deliver(*mails)
        assert filing.partition() == wanted
        shutil.copy(sqlite_template, tmp_path / f"{seed}.db")
        database = Database(f"sqlite:///{tmp_path / f'{seed}.db'}")
        desk = Desk(database)
        for one in mails:
            desk.take(one)
        found = desk.partition()
        database.close()
        assert found == wanted
