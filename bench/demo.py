"""``make demo``: sends eight mails to a running service by SMTP and prints their cases.

The mails in ``demo/`` contain placeholders for times. ``{rfc:-90}`` becomes the Date header of a mail that was written
90 minutes ago; ``gmail``, ``gmail_ja`` and ``ja`` are the formats of other programs. If you send the mails twice,
nothing is created twice, because the same mail is one message.
"""

import re
import smtplib
import sys
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from service.cli.cases import print_case
from service.errors import SodanError
from service.settings import Settings, load

MAILS = Path(__file__).parent / "demo"
PATIENCE = 30.0
DATE_FORMATS = {
    "rfc": "%a, %d %b %Y %H:%M:%S %z",
    "gmail": "%a, %-d %b %Y at %H:%M",
    "gmail_ja": "%Y年%-m月%-d日(曜) %H:%M",
    "ja": "%Y年%-m月%-d日 %H:%M",
}
"""Program → how it writes a time. 曜 is replaced by the day of the week in Japanese."""


def mails(now: datetime) -> dict[str, str]:
    """Return Message-ID → text of the mail."""

    def dated(found: re.Match[str]) -> str:
        at = now + timedelta(minutes=int(found[2]))
        return at.strftime(DATE_FORMATS[found[1]]).replace("曜", "月火水木金土日"[at.weekday()])

    texts = [re.sub(r"\{(\w+):(-\d+)\}", dated, file.read_text("utf-8")) for file in sorted(MAILS.glob("*.eml"))]
    ids = re.findall(r"^Message-ID: (\S+)", "\n".join(texts), re.MULTILINE)
    return dict(zip(ids, texts, strict=True))


def send(settings: Settings, texts: Iterable[str]) -> None:
    """Send the mails by SMTP to the first intake address."""
    intake = settings.intake[0]
    to = f"demo{intake}" if intake.startswith("@") else intake
    with smtplib.SMTP(settings.smtp_listen.host, settings.smtp_listen.port, timeout=20) as client:
        for text in texts:
            content = text.replace("\n", "\r\n").encode()
            client.sendmail("demo@localhost", [to], content, mail_options=["SMTPUTF8", "BODY=8BITMIME"])


def cases(client: httpx.Client, ids: Iterable[str]) -> list[dict[str, Any]]:
    """Wait until all mails are taken in. Return their cases, in the order of the mails."""
    keys: dict[str, None] = {}
    until = time.monotonic() + PATIENCE
    for message_id in ids:
        while not (found := client.get("/api/messages", params={"message_id": message_id}).json()["items"]):
            if time.monotonic() > until:
                raise TimeoutError(f"{message_id} was not taken in within {PATIENCE:.0f} s: does a worker run?")
            time.sleep(0.1)
        keys[found[0]["case"]] = None
    return [client.get(f"/api/cases/{key}").json() for key in keys]


def main() -> None:
    try:
        settings = load()
        made = mails(datetime.now(settings.zone).replace(microsecond=0))
        send(settings, made.values())
        with httpx.Client(base_url=f"http://{settings.http_listen}", timeout=20) as client:
            found = cases(client, made)
    except SodanError as error:
        sys.exit(str(error))
    except (OSError, smtplib.SMTPException, httpx.HTTPError) as error:  # TimeoutError is an OSError
        sys.exit(f"demo: {error}. Is the service running? `make run` starts it.")
    print(f"demo: {len(made)} mails sent, {len(found)} cases:\n", file=sys.stderr)
    for case in found:
        print_case(case, [], settings.zone, as_json=False)
    print(f"\nSee them at http://{settings.http_listen}/", file=sys.stderr)


if __name__ == "__main__":
    main()
