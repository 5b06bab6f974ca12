"""The CPU of placing the mail of a company's IT team (``bench.mix``), thousand by thousand.

    python -m bench.desks [sqlite postgresql] [--mails 20000]

Dates run ahead of the clock: each mail is the newest when it comes.
"""

import cyclopts
from sqlalchemy import select

from bench.harness import empty
from bench.taking_in import Company
from service.store.tables import messages

BATCH = 4


def main(*kinds: str, mails: int = 20_000) -> None:
    """Take mails in, print what each thousand costs, and how many cases contain exactly what belongs together."""
    query = select(messages.c.message_id, messages.c.case_id).where(messages.c.message_id.like("<desk-%"))
    for kind in kinds or ("sqlite",):
        with empty(kind) as database:
            company = Company(database)
            for done in range(0, mails, 1000):
                count = min(1000, mails - done)
                cpu = company.take_in(count, BATCH).cpu
                locked, before = (1000 * cpu[stage] / count for stage in ("place", "prepare"))
                print(f"{kind} {done + count}: {locked + before:.2f} ms a mail, {locked:.2f} of it locked", flush=True)
            rows = database.read(lambda conn: conn.execute(query).all())
        pairs = {(name.split("-")[1], case) for name, case in rows}  # conversation and case
        conversations, cases = ({*one} for one in zip(*pairs, strict=True))
        print(f"{kind}: {len(conversations)} conversations in {len(cases)} cases, {len(pairs)} parts of conversations")


if __name__ == "__main__":
    cyclopts.run(main)
