"""Mail as the IT team of a company sees it, conversation by conversation; and the CPU of placing it.

    python -m bench.desks [sqlite postgresql] [--mails 20000] [--batch 4]

takes the mails in and prints the CPU of placing a mail, thousand by thousand.

A mail every two minutes by its Date, from now on: a company with 2,000 cases a fortnight. Dates run ahead of the clock;
each mail is the newest when it comes. Conversations of five mails, many open at once: a user's report; the desk's
inquiry to a vendor, with a subject of its own; the vendor's receipt with its number; an engineer's answer, half of them
forwarded by the desk; the desk's answer to the user. Each mail quotes what it answers. Each case has a machine and an
error of its own, and words of the company, unevenly (Zipf). There are few of these, so that most are soon in many cases
and tell none from another. Sizes and kinds are those of ``bench.mix``; half is Japanese.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import islice

import cyclopts
from sqlalchemy import select

from bench.harness import DOMAIN, INTAKE, context, empty, pair_figures, table
from bench.mix import Made, forward, quote, text, whole
from bench.taking_in import Store
from service.store.database import Database
from service.store.tables import messages

USERS, DESKS, ENGINEERS = 3_000, 20, 15
EVERY = timedelta(minutes=2)
NEW = 1 / 5
"""Of all mails: one in five opens a conversation of five."""
GAPS = ((5, 60), (1, 4), (60, 600), (10, 60))
"""So many mails of others come before the next one of a conversation."""
TEAM = "desk.corp.example"
TEXTS = table("desks")
WORDS = TEXTS["words"].split()


class Conversation:
    """One case: who takes part, and what it is about. ``next`` writes its mails, one after the other."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.number, self.step, self._chance = number, 0, chance
        self._language = chance.choice(("ja", "en"))
        domain, product, ref = chance.choice(TEXTS["vendors"])
        self._people = {
            "user": f"user{chance.randrange(USERS)}@{DOMAIN}",
            "desk": f"desk{chance.randrange(DESKS)}@{TEAM}",
            "vendor": f"support@{domain}",
            "engineer": f"engineer{chance.randrange(ENGINEERS)}@{domain}",
            "intake": INTAKE,
        }
        code = f"E{chance.randrange(10**8):08d}"
        *words, name = (WORDS[int(len(WORDS) ** chance.random()) - 1] for _ in range(8))
        self._about = {"product": product, "ref": ref.format(number % 10**7), "code": code}
        self._about |= {"w": words, "machine": f"{name}-{number:06d}"}
        self._written: list[tuple[str, str, datetime]] = []
        """Body, author and time of each mail."""

    def next(self, now: datetime) -> Made:
        """The next mail, written now."""
        step, self.step = self.step, self.step + 1
        name, by, recipient, answers = TEXTS["steps"][step]
        author, to = self._people[by], self._people[recipient]
        subject, first = (one.format(**self._about) for one in TEXTS[self._language][name])
        body = text(self._chance, self._language, 2_600 if step == 0 else 900, first)
        body = body.replace("Outlook", self._about["product"]).replace("0x800CCC0E", self._about["code"])
        self._written.append((body, author, now))
        headers = {"Message-ID": self._id(step), "Date": format_datetime(now), "To": to}
        if to != INTAKE:
            headers["Cc"] = INTAKE
        if name == "answer" and self._chance.random() < 0.5:  # it came to the desk alone, which forwards it
            body = forward(self._language, body, now, sender=author, to=to, subject=subject)
            author, subject = to, f"FW: {subject}"
            headers = {"Message-ID": self._id(step, "-fw"), "Date": headers["Date"], "To": INTAKE}
        elif answers is not None:
            body += quote(self._language, *self._written[answers])
            headers |= {"In-Reply-To": self._id(answers), "References": self._id(answers)}
        if name == "receipt":
            headers["Auto-Submitted"] = "auto-replied"
        headers |= {"From": f"{TEXTS[self._language]['name']} <{author}>", "Subject": subject}
        return Made(headers["Message-ID"], whole(self._chance, headers, body))

    def _id(self, step: int, end: str = "") -> str:
        return f"<desk-{self.number}-{step}{end}@{DOMAIN}>"


def mails(count: int, begun: datetime) -> Iterator[Made]:
    """``count`` mails; the first is written at ``begun``, in the zone of the company: quotes name none."""
    chance = random.Random(1)
    open_ones: list[tuple[int, int, Conversation]] = []
    conversations = 0
    for number in range(count):
        if open_ones and chance.random() >= NEW:
            _, _, one = heapq.heappop(open_ones)
        else:
            one = Conversation(conversations, chance)
            conversations += 1
        yield one.next(begun + number * EVERY)
        if one.step <= len(GAPS):
            heapq.heappush(open_ones, (number + chance.randint(*GAPS[one.step - 1]), one.number, one))


def store(database: Database) -> Store:
    """A database of this company, whose clock goes on as its mail does."""
    return Store(database, context(team=f"@{TEAM}"), pace=EVERY)


def place(database: Database, kind: str, count: int, batch: int) -> None:
    """Take mails in by batches, print what each thousand costs, and how many are in the right case."""
    company = store(database)
    made = mails(count, company.now)
    done = 0
    while contents := [one.content for one in islice(made, 1000)]:
        done += len(contents)
        cpu = company.take_in(contents, batch).cpu
        locked, before = (1000 * cpu[stage] / len(contents) for stage in ("place", "prepare"))
        print(f"{kind} {done}: {locked + before:.2f} ms a mail, {locked:.2f} of it locked", flush=True)
    query = select(messages.c.message_id, messages.c.case_id).where(messages.c.message_id.like("<desk-%"))
    cases = {row.message_id: row.case_id for row in database.read(lambda conn: conn.execute(query).all())}
    precision, recall, *_ = pair_figures(cases, {one: one.split("-")[1] for one in cases})
    print(f"{kind}: pairs in one case: precision {precision:.4f}, recall {recall:.4f}")


def main(*kinds: str, mails: int = 20_000, batch: int = 4) -> None:
    for kind in kinds or ("sqlite",):
        with empty(kind) as database:
            place(database, kind, mails, batch)


if __name__ == "__main__":
    cyclopts.run(main)
