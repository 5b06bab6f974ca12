"""Real mail against its own headers: are mails of one thread in one case, and no others?

    python -m bench.archive FOLDER… [--batch 16] [--wrong]

Takes every ``.eml`` below the folders in, oldest first, with the default settings and roles. A header thread is what
Message-ID, In-Reply-To and References connect. Counted are pairs of mails: precision is the share of pairs in one case
that are in one thread, recall the share of pairs in one thread that are in one case. Copies count once.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from bench.stores import INTAKE, empty, worker
from service import intake, settings
from service.intake import AppContext
from service.mail.message import Mail
from service.mail.parse import parse
from service.store.spool import Envelope
from service.store.tables import messages


def threads(mails: Iterable[Mail]) -> dict[str, str]:
    """Message-ID → the name of its header thread."""
    parent: dict[str, str] = {}

    def root(one: str) -> str:
        parent.setdefault(one, one)
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for mail in mails:
        for other in (*mail.in_reply_to, *mail.references):
            parent[root(other)] = root(mail.message_id or "")
    return {one: root(one) for one in [*parent]}


def pairs(sizes: Iterable[int]) -> int:
    return sum(n * (n - 1) // 2 for n in sizes)


def figures(cases: Mapping[str, int], thread_of: Mapping[str, str]) -> tuple[float, float, int, int]:
    """Precision, recall, pairs in one case, pairs in one thread."""
    both: Counter[tuple[int, str]] = Counter()
    by_case: Counter[int] = Counter()
    by_thread: Counter[str] = Counter()
    for one, case in cases.items():
        thread = thread_of.get(one, one)
        both[case, thread] += 1
        by_case[case] += 1
        by_thread[thread] += 1
    good, found, wanted = pairs(both.values()), pairs(by_case.values()), pairs(by_thread.values())
    return good / max(1, found), good / max(1, wanted), found, wanted


def placed(contents: Sequence[bytes], batch: int) -> dict[str, tuple[int, str]]:
    """Take the mails in: case and kind of evidence of each delivered message, by Message-ID."""
    now = datetime.now(UTC)
    envelope = Envelope("import", "", (INTAKE,))
    with empty("sqlite") as database:
        reads = worker(database, AppContext.of(settings.load(_env_file=None, intake=INTAKE)), lambda: now, batch)
        for start in range(0, len(contents), batch):
            intake.receive(database, [(envelope, one) for one in contents[start : start + batch]], now)
            while reads.step():
                pass
        query = select(messages.c.message_id, messages.c.case_id, messages.c.placed_by)
        query = query.where(messages.c.origin == "delivered")
        rows = database.read(lambda conn: conn.execute(query).all())
    return {row.message_id: (row.case_id, row.placed_by) for row in rows}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--wrong", action="store_true", help="name what joined mails of several threads")
    asked = parser.parse_args()
    contents: dict[str, tuple[datetime, bytes]] = {}
    mails = []
    for file in sorted(one for folder in asked.folders for one in folder.glob("**/*.eml")):
        content = file.read_bytes()
        mail = parse(content)
        if mail.message_id and mail.message_id not in contents:
            mails.append(mail)
            contents[mail.message_id] = (mail.date or datetime(1990, 1, 1, tzinfo=UTC), content)
    ordered = [content for _, content in sorted(contents.values(), key=lambda pair: pair[0])]
    found = {one: where for one, where in placed(ordered, asked.batch).items() if one in contents}
    cases = {one: case for one, (case, _) in found.items()}
    thread_of = threads(mails)
    precision, recall, together, wanted = figures(cases, thread_of)
    print(f"{len(cases)} mails; pairs in one case {together}, in one thread {wanted}")
    print(f"precision {precision:.4f}, recall {recall:.4f}")
    if asked.wrong:
        members: dict[int, set[str]] = defaultdict(set)
        for one, case in cases.items():
            members[case].add(thread_of.get(one, one))
        mixed = {case for case, its in members.items() if len(its) > 1}
        print(Counter(evidence for case, evidence in found.values() if case in mixed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
