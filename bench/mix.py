"""Generates the mail of a company's IT team. The same seed gives the same mails.

The Date headers are two minutes apart: the company has 2,000 cases in two weeks. A conversation has five mails: a
user's report; the team's inquiry to a vendor, with a subject of its own; the vendor's receipt with its case number; an
engineer's answer, half of them forwarded by the team; the team's answer to the user. After the first 400 mails, 70 to
100 conversations are open at once. Each mail quotes the mail that it answers. Each case has its own machine and error.
The other words are those of the company, with a Zipf distribution. They are so few that most occur in many cases.

60 % are text of 1 to 6 KB, 30 % HTML with a text alternative of about 30 KB, 10 % have an attachment; half Japanese.
"""

import heapq
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import NamedTuple

from bench.harness import DOMAIN, INTAKE, TEAM, table

BEGUN = datetime(2026, 3, 2, tzinfo=UTC)
EVERY = timedelta(minutes=2)
GAPS = ((5, 60), (1, 4), (60, 600), (10, 60))  # number of mails between two mails of a conversation
TEXTS = table("mix")
WORDS = TEXTS["words"].split()
POLICY = SMTP.clone(cte_type="8bit")


class Made(NamedTuple):
    """A generated mail."""

    message_id: str
    content: bytes


def mails(count: int, begun: datetime = BEGUN, seed: int = 0) -> Iterator[Made]:
    """Yield ``count`` mails. The first is written at ``begun``, in the time zone of the company.

    A new conversation begins if no mail of another conversation is due. So the mix does not depend on ``count``.
    """
    chance, number = random.Random(seed + 1), seed * 100_000
    open_ones: list[tuple[int, int, Conversation]] = []
    for written in range(count):
        if open_ones and open_ones[0][0] <= written:
            _, _, one = heapq.heappop(open_ones)
        else:
            one = Conversation(number, chance)
            number += 1
        yield one.next(begun + written * EVERY)
        if one.step <= len(GAPS):
            heapq.heappush(open_ones, (written + chance.randint(*GAPS[one.step - 1]), one.number, one))


class Conversation:
    """The participants and the matter of one case. ``next`` writes its mails one after the other."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.number, self.step, self._chance = number, 0, chance
        self._texts = TEXTS[chance.choice(("ja", "en"))]
        domain, product, ref = chance.choice(TEXTS["vendors"])
        self._people = {
            "user": f"user{chance.randrange(3_000)}@{DOMAIN}",
            "desk": f"desk{chance.randrange(20)}@{TEAM}",
            "vendor": f"support@{domain}",
            "engineer": f"engineer{chance.randrange(15)}@{domain}",
            "intake": INTAKE,
        }
        code = f"E{chance.randrange(10**8):08d}"
        *words, name = (WORDS[int(len(WORDS) ** chance.random()) - 1] for _ in range(8))
        self._about = {"product": product, "ref": ref.format(number % 10**7), "code": code}
        self._about |= {"w": words, "machine": f"{name}-{number:06d}"}
        self._written: list[tuple[str, str, datetime]] = []  # body, author and time of each mail

    def next(self, now: datetime) -> Made:
        """Return the next mail, written at ``now``."""
        step, self.step = self.step, self.step + 1
        name, by, recipient, answers = TEXTS["steps"][step]
        author, to = self._people[by], self._people[recipient]
        subject, first = (one.format(**self._about) for one in self._texts[name])
        body = self._body(first, 2_600 if step == 0 else 900)
        self._written.append((body, author, now))
        headers = {"Message-ID": self._id(step), "Date": format_datetime(now), "To": to}
        if to != INTAKE:
            headers["Cc"] = INTAKE
        if name == "answer" and self._chance.random() < 0.5:  # it came to the desk alone, which forwards it
            body = self._texts["forward"].format(body=body, at=now, sender=author, to=to, subject=subject)
            author, subject = to, f"FW: {subject}"
            headers = {"Message-ID": self._id(step, "-fw"), "Date": headers["Date"], "To": INTAKE}
        elif answers is not None:
            body += self._quote(*self._written[answers])
            headers |= {"In-Reply-To": self._id(answers), "References": self._id(answers)}
        if name == "receipt":
            headers["Auto-Submitted"] = "auto-replied"
        headers |= {"From": f"{self._texts['name']} <{author}>", "Subject": subject}
        return Made(headers["Message-ID"], _whole(self._chance, headers, body))

    def _id(self, step: int, end: str = "") -> str:
        return f"<desk-{self.number}-{step}{end}@{DOMAIN}>"

    def _body(self, first: str, size: int) -> str:
        """Return a text of about ``size`` bytes in UTF-8 after a first paragraph."""
        paragraphs, space = [self._texts["greeting"], first], "" if self._texts is TEXTS["ja"] else " "
        while size > 0:
            paragraphs.append(space.join(self._chance.choices(self._texts["sentences"], k=3)))
            size -= len(paragraphs[-1].encode()) + 2
        body = "\n\n".join([*paragraphs, self._texts["end"]])
        return body.replace("Outlook", self._about["product"]).replace("0x800CCC0E", self._about["code"])

    def _quote(self, body: str, author: str, at: datetime) -> str:
        """Return the quote that a mail program adds below an answer."""
        lines = "\n".join(f"> {line}" for line in body.split("\n")[:40])
        return f"\n\n{self._texts['quote'].format(at=at, author=author)}\n{lines}\n"


def _whole(chance: random.Random, headers: Mapping[str, str], body: str) -> bytes:
    """Return the bytes of a mail: as text, with an HTML alternative, or with an attachment."""
    message = EmailMessage(POLICY)
    for name, value in headers.items():
        message[name] = value
    message.set_content(body, cte="8bit")
    kind = chance.random()
    if kind >= 0.9:
        message.add_attachment(chance.randbytes(20_000), "application", "octet-stream", filename="trace.log.gz")
    elif kind >= 0.6:
        message.add_alternative(_html(body), subtype="html", cte="8bit")
    if message.is_multipart():
        message.set_boundary("=_mix")
    return message.as_bytes()


def _html(text: str) -> str:
    """Return the text as HTML of at least 26 KB, with a long style sheet, as mail programs write it."""
    style, line = TEXTS["html"]["style"], TEXTS["html"]["line"]
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").split("\n")
    lines = "\n".join(line.format(line=one or "&nbsp;") for one in escaped)
    padding = style * max(1, (26_000 - len(lines.encode())) // len(style))
    return f"<html><head><style>{padding}</style></head><body>{lines}</body></html>"
