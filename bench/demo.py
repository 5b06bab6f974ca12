"""``make demo``: sends eight mails to a running service by SMTP and prints the cases they became.

The mails in ``demo/`` carry places for times, so that ages look as they would: ``{rfc:-90}`` is the Date header of a
mail written 90 minutes ago; ``gmail``, ``gmail_ja`` and ``ja`` are the ways other programs write it.
Sending them twice makes nothing twice: the same mail is one message.
"""

from __future__ import annotations

import re
import smtplib
import sys
import time
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx

from service.cli.terminal.tables import print_case
from service.errors import SodanError
from service.settings import Settings, load

MAILS = Path(__file__).parent / "demo"
PATIENCE = 30.0
_DAYS = "月火水木金土日"


def written(way: str, at: datetime) -> str:
    """A time as one program or another writes it."""
    day = f"{at:%a}, {at.day} {at:%b} {at.year}"
    date = f"{at.year}年{at.month}月{at.day}日"
    return {
        "rfc": format_datetime(at),
        "gmail": f"{day} at {at:%H:%M}",
        "gmail_ja": f"{date}({_DAYS[at.weekday()]}) {at:%H:%M}",
        "ja": f"{date} {at:%H:%M}",
    }[way]


def mails(now: datetime) -> list[tuple[str, bytes]]:
    """Message-ID and content of each."""

    def dated(found: re.Match[str]) -> str:
        return written(found[1], now + timedelta(minutes=int(found[2])))

    made = []
    for file in sorted(MAILS.glob("*.eml")):
        text = re.sub(r"\{(\w+):(-\d+)\}", dated, file.read_text(encoding="utf-8"))
        message_id = re.search(r"^Message-ID: (\S+)", text, re.MULTILINE)
        assert message_id
        made.append((message_id[1], text.replace("\n", "\r\n").encode()))
    return made


def send(settings: Settings, made: list[tuple[str, bytes]]) -> None:
    """By SMTP, to the first intake address."""
    intake = settings.intake[0]
    to = f"demo{intake}" if intake.startswith("@") else intake
    with smtplib.SMTP(settings.smtp_listen.host, settings.smtp_listen.port, timeout=20) as client:
        for _, content in made:
            client.sendmail("demo@localhost", [to], content, mail_options=["SMTPUTF8", "BODY=8BITMIME"])


def cases(client: httpx.Client, made: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
    """The cases they became, in the order of the mails; waits until all are taken in."""
    keys: dict[str, None] = {}
    until = time.monotonic() + PATIENCE
    for message_id, _ in made:
        while not (found := client.get("/api/messages", params={"message_id": message_id}).json()["items"]):
            if time.monotonic() > until:
                raise TimeoutError(f"{message_id} was not taken in within {PATIENCE:.0f} s: does a worker run?")
            time.sleep(0.1)
        keys[found[0]["case"]] = None
    return [client.get(f"/api/cases/{key}").json() for key in keys]


def main() -> int:
    try:
        settings = load()
    except SodanError as error:
        print(error, file=sys.stderr)
        return 2
    url = f"http://{settings.http_listen}"
    made = mails(datetime.now(settings.zone).replace(microsecond=0))
    try:
        send(settings, made)
        with httpx.Client(base_url=url, timeout=20) as client:
            found = cases(client, made)
    except (OSError, smtplib.SMTPException, httpx.HTTPError, TimeoutError) as error:
        print(f"demo: {error}. Is the service running? `make run` starts it.", file=sys.stderr)
        return 1
    print(f"demo: {len(made)} mails sent, {len(found)} cases:\n", file=sys.stderr)
    for case in found:
        print_case(case, [], as_json=False)
    print(f"\nSee them at {url}/", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
