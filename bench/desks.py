"""The CPU of placing the mail of a company's IT team (``bench.mix``), thousand by thousand.

    python -m bench.desks [sqlite postgresql] [--mails 20000] [--batch 4]

Dates run ahead of the clock: each mail is the newest when it comes.
"""

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any

import cyclopts
from sqlalchemy import select

from bench.harness import empty
from bench.taking_in import Company
from service.store.tables import messages


def main(*kinds: str, mails: int = 20_000, batch: int = 4) -> None:
    """Take mails in by batches, print what each thousand costs, and how many are in the right case."""
    query = select(messages.c.message_id, messages.c.case_id).where(messages.c.message_id.like("<desk-%"))
    for kind in kinds or ("sqlite",):
        with empty(kind) as database:
            company = Company(database)
            for done in range(0, mails, 1000):
                count = min(1000, mails - done)
                cpu = company.take_in(count, batch).cpu
                locked, before = (1000 * cpu[stage] / count for stage in ("place", "prepare"))
                print(f"{kind} {done + count}: {locked + before:.2f} ms a mail, {locked:.2f} of it locked", flush=True)
            cases = {row.message_id: row.case_id for row in database.read(lambda conn: conn.execute(query).all())}
        precision, recall = pair_figures(cases, {one: one.split("-")[1] for one in cases})
        print(f"{kind}: pairs in one case: precision {precision:.4f}, recall {recall:.4f}")


def pair_figures(cases: Mapping[str, Hashable], labels: Mapping[str, str]) -> tuple[float, float]:
    """Return the precision and the recall of pairs of mails in one case."""

    def pairs(names: Counter[Any]) -> int:
        return sum(n * (n - 1) // 2 for n in names.values())

    found, wanted = pairs(Counter(cases.values())), pairs(Counter(labels[one] for one in cases))
    right = pairs(Counter((case, labels[one]) for one, case in cases.items()))
    return right / max(1, found), right / max(1, wanted)


if __name__ == "__main__":
    cyclopts.run(main)
