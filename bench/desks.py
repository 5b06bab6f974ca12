"""Mail as the desk of a house sees it, conversation by conversation.

A mail every two minutes by its Date, from now on: a company with 2,000 cases a fortnight, so that a mail meets no more
others than in life, however fast it comes. Dates run ahead of the clock; each mail is the newest when it comes.

Conversations of five mails, many open at once: a user's report; the desk's inquiry to a vendor, with a subject of its
own; the vendor's receipt with its number; an engineer's answer, half of them handed on by the desk; the desk's answer
to the user. Each mail quotes what it answers, as clients do. Each case has a machine and an error of its own, and words
of the house, unevenly (Zipf). There are few of these, so that most are soon in many cases and tell none from another:
what words cost that a handful of cases share, ``bench.growth`` measures. Sizes and kinds are those of ``bench.mix``;
half is Japanese.

    python -m bench.desks [--mails 20000] [--batch 4] [sqlite postgresql]

takes them in and prints the CPU of placing a mail, thousand by thousand.
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations, islice

from sqlalchemy import select

from bench.filling import a_word, zipf
from bench.mix import Made, encoded, text, whole
from bench.stores import DOMAIN, INTAKE, context, empty
from bench.taking_in import Stages, receive, take_in
from service.store.database import Database
from service.store.tables import messages

USERS, DESKS, ENGINEERS = 3_000, 20, 15
WORDS = 100
EVERY = timedelta(minutes=2)
NEW = 1 / 5
"""Of all mails: one in five opens a conversation of five."""
GAPS = ((5, 60), (1, 4), (60, 600), (10, 60))
"""So many mails of others come before the next one of a conversation."""
VENDORS = (
    ("okta.com", "Okta Verify", "0{:07d}"),
    ("redhat.com", "OpenShift", "0{:07d}"),
    ("paloaltonetworks.com", "GlobalProtect", "0{:07d}"),
    ("box.com", "Box Drive", "1{:07d}"),
    ("zoom.us", "Zoom Rooms", "2{:07d}"),
    ("slack.com", "Slack Connect", "3{:07d}"),
    ("fortinet.com", "FortiGate", "4{:07d}"),
    ("cisco.com", "Webex", "69{:07d}"),
    ("dell.com", "PowerEdge", "19{:07d}"),
)
TEAM = "desk.corp.example"


class Conversation:
    """One case: who takes part, and what it is about. ``next`` writes its mails, one after the other."""

    def __init__(self, number: int, prefix: str, chance: random.Random) -> None:
        self.number, self.step = number, 0
        self._prefix, self._chance = prefix, chance
        self._japanese = chance.random() < 0.5
        self._user = f"user{chance.randrange(USERS)}@{DOMAIN}"
        self._desk = f"desk{chance.randrange(DESKS)}@{TEAM}"
        domain, self._product, ref = chance.choice(VENDORS)
        self._vendor = f"support@{domain}"
        self._engineer = f"engineer{chance.randrange(ENGINEERS)}@{domain}"
        self._ref = ref.format(number % 10**7)
        self._code = f"E{chance.randrange(10**8):08d}"
        self._words = [a_word(zipf(chance, WORDS)) for _ in range(7)]
        self._machine = f"{a_word(zipf(chance, WORDS))}-{number:06d}"
        self._written: list[tuple[datetime, str, str]] = []

    def next(self, now: datetime) -> Made:
        """The next mail, written now."""
        step, self.step = self.step, self.step + 1
        author, to, subject, own, answers = (
            self._report,
            self._inquiry,
            self._receipt,
            self._answer,
            self._told,
        )[step]()
        handed_on = step == 3 and self._chance.random() < 0.5
        size = 2_600 if step == 0 else 900
        body = text(self._chance, self._japanese, size, own)
        body = body.replace("Outlook", self._product).replace("0x800CCC0E", self._code)
        self._written.append((now, author, body))
        sender = author
        if handed_on:  # it came to the desk alone
            body, sender, to = self._forwarded(now, subject, body), self._desk, INTAKE
            subject = f"FW: {subject}"
        elif answers is not None:
            body += self._quoted(answers)
        head = [
            f"From: {encoded('担当' if self._japanese else 'Staff')} <{sender}>",
            f"To: {to}",
            *([f"Cc: {INTAKE}"] if to != INTAKE else []),
            f"Subject: {encoded(subject)}",
            f"Message-ID: {self._id(step, handed_on)}",
            f"Date: {now.strftime('%a, %d %b %Y %H:%M:%S %z')}",
            *([f"In-Reply-To: {self._id(answers)}"] if answers is not None and not handed_on else []),
            *([f"References: {self._id(answers)}"] if answers is not None and not handed_on else []),
            *(["Auto-Submitted: auto-replied"] if step == 2 else []),
            "MIME-Version: 1.0",
        ]
        return Made(self._id(step, handed_on), sender, whole(self._chance, head, body))

    def _id(self, step: int, handed_on: bool = False) -> str:
        return f"<{self._prefix}-{self.number}-{step}{'-fw' if handed_on else ''}@{DOMAIN}>"

    # ── author, recipient, subject, first sentences, the step it answers ─────────────────────────────────────────────

    def _report(self) -> tuple[str, str, str, str, int | None]:
        a, b, c, d, e, *_ = self._words
        if self._japanese:
            subject = f"{self._product}が{a}で止まる {self._machine}"
            own = f"{self._machine}で{self._product}を使うと{self._code}が出て{b}、{c}、{d}ができません。{e}も。"
        else:
            subject = f"{self._product} stops at {a} on {self._machine}"
            own = f"On {self._machine} {self._product} shows {self._code} and {b}, {c} and {d} fail. So does {e}."
        return self._user, INTAKE, subject, own, None

    def _inquiry(self) -> tuple[str, str, str, str, int | None]:
        a, b, *_, f, g = self._words
        if self._japanese:
            subject = f"{self._product} {self._code} {a} {f}"
            own = f"弊社の{self._machine}で{self._code}が発生し、{a}と{b}が{g}できません。原因をご教示ください。"
        else:
            subject = f"{self._product}: {self._code} with {a} and {f}"
            own = f"One of ours sees {self._code} on {self._machine} with {a} and {b} {g}. Please tell us the cause."
        return self._desk, self._vendor, subject, own, None

    def _numbered(self) -> str:
        return f"{self._inquiry()[2]} [Case {self._ref}]"

    def _receipt(self) -> tuple[str, str, str, str, int | None]:
        own = f"受け付けました。ケース番号 {self._ref}" if self._japanese else f"We opened case {self._ref}."
        return self._vendor, self._desk, self._numbered(), own, 1

    def _answer(self) -> tuple[str, str, str, str, int | None]:
        own = (
            f"{self._code}の調査のため{self._machine}のログの送付をお願いいたします。{self._words[5]}も確認します。"
            if self._japanese
            else f"Please send us the logs of {self._machine} for {self._code}. We look at {self._words[5]} too."
        )
        return self._engineer, self._desk, f"Re: {self._numbered()}", own, 1

    def _told(self) -> tuple[str, str, str, str, int | None]:
        own = (
            f"メーカーから{self._machine}のログを求められています。本日中にお送りいただけますか。"
            if self._japanese
            else f"The maker asks for the logs of {self._machine}. Can you send them today?"
        )
        return self._desk, self._user, f"Re: {self._report()[2]}", own, 0

    # ── what stands below ────────────────────────────────────────────────────────────────────────────────────────────

    def _quoted(self, step: int) -> str:
        at, author, body = self._written[step]
        said = (
            f"{at:%Y年%m月%d日 %H:%M} <{author}>:"
            if self._japanese
            else f"On {at:%a, %b %d, %Y} at {at:%H:%M}, <{author}> wrote:"
        )
        return f"\n\n{said}\n" + "\n".join(f"> {line}" for line in body.split("\n")[:40]) + "\n"

    def _forwarded(self, now: datetime, subject: str, body: str) -> str:
        labels = ("差出人", "送信日時", "宛先", "件名") if self._japanese else ("From", "Sent", "To", "Subject")
        at = f"{now:%Y年%m月%d日 %H:%M}" if self._japanese else f"{now:%A, %B %d, %Y %I:%M %p}"
        values = (f"Support <{self._engineer}>", at, self._desk, subject)
        block = "\n".join(f"{label}: {value}" for label, value in zip(labels, values, strict=True))
        intro = "転送します。ご確認ください。" if self._japanese else "FYI, please see below."
        mark = "-----元のメッセージ-----" if self._japanese else "-----Original Message-----"
        return f"{intro}\n\n{mark}\n{block}\n\n{body}\n"


def mails(count: int, begun: datetime, seed: int = 1, prefix: str = "desk") -> Iterator[Made]:
    """``count`` mails; the first is written at ``begun``, in the zone of the house: quotes name none."""
    chance = random.Random(seed)
    open_ones: list[tuple[int, int, Conversation]] = []
    conversations = 0
    for number in range(count):
        if open_ones and chance.random() >= NEW:
            _, _, one = heapq.heappop(open_ones)
        else:
            one = Conversation(conversations, prefix, chance)
            conversations += 1
        yield one.next(begun + number * EVERY)
        if one.step <= len(GAPS):
            heapq.heappush(open_ones, (number + chance.randint(*GAPS[one.step - 1]), one.number, one))


# ── what placing costs ───────────────────────────────────────────────────────────────────────────────────────────────


def right(database: Database, prefix: str) -> tuple[float, float]:
    """Precision and recall of pairs of mails in one case."""
    query = select(messages.c.message_id, messages.c.case_id).where(messages.c.message_id.like(f"<{prefix}-%"))
    rows = database.read(lambda conn: conn.execute(query).all())
    wanted: dict[str, list[int]] = {}
    for row in rows:
        wanted.setdefault(row.message_id.split("-")[1], []).append(row.case_id)
    found: dict[int, int] = {}
    for row in rows:
        found[row.case_id] = found.get(row.case_id, 0) + 1
    good = sum(a == b for cases in wanted.values() for a, b in combinations(cases, 2))
    there = sum(n * (n - 1) // 2 for n in found.values())
    pairs = sum(len(cases) * (len(cases) - 1) // 2 for cases in wanted.values())
    return good / max(1, there), good / max(1, pairs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("databases", nargs="*", default=["sqlite"])
    parser.add_argument("--mails", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=4)
    asked = parser.parse_args()
    ours = context(team=f"@{TEAM}")
    for kind in asked.databases:
        with empty(kind) as database:
            stages, now = Stages(), datetime.now(UTC)
            waiting = mails(asked.mails, now)
            for number in range(1, asked.mails // asked.batch + 1):
                now += asked.batch * EVERY
                receive(database, [one.content for one in islice(waiting, asked.batch)], now, stages)
                take_in(database, ours, now, stages, asked.batch)
                if number * asked.batch % 1000 == 0:
                    locked = stages.spent["place"]  # CPU seconds of a thousand mails are milliseconds of one
                    done, each = number * asked.batch, locked + stages.spent["prepare"]
                    print(f"{kind} {done}: {each:.2f} ms a mail, {locked:.2f} of it locked", flush=True)
                    stages = Stages()
            precision, recall = right(database, "desk")
            print(f"{kind}: pairs in one case: precision {precision:.4f}, recall {recall:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
