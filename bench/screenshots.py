"""``python -m bench.screenshots``: the pictures of the page in ``docs/``, of the mails of ``make demo``.

Needs Debian's Chromium (``apt install chromium fonts-noto-cjk``). Everything runs in a temporary folder.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import structlog
from playwright.sync_api import sync_playwright

from bench.demo import mails
from service.intake import AppContext
from service.settings import load
from service.store.database import Database
from service.store.migrate import migrate
from tests.running import running

DOCS = Path(__file__).parents[1] / "docs"
SHOTS = (
    ("page-desktop", "/", 1280, 860, "light", "ja-JP"),
    ("page-case", "/cases/{first}", 1280, 1400, "light", "ja-JP"),
    ("page-dark", "/", 1280, 860, "dark", "en-US"),
    ("page-phone", "/", 390, 844, "light", "ja-JP"),
    ("page-case-phone", "/cases/{first}", 390, 844, "dark", "en-US"),
)


def main() -> int:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory() as folder:
        settings = load(database_url=f"sqlite:///{folder}/shots.db")
        database = Database(settings.database_url)
        migrate(database)
        context = AppContext.of(settings)
        sent = [content.decode() for _, content in mails(datetime.now(settings.zone).replace(microsecond=0))]
        with running(database, replace(context), settings) as up, sync_playwright() as playwright:
            first = up.deliver(*(mail.replace("\r\n", "\n") for mail in sent))[0]
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            for name, path, width, height, scheme, locale in SHOTS:
                view = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,  # type: ignore[arg-type]
                    locale=locale,
                    base_url=up.url,
                )
                page = view.new_page()
                page.goto(path.format(first=first))
                page.screenshot(path=DOCS / f"{name}.png")
                view.close()
                print(f"docs/{name}.png", file=sys.stderr)
            browser.close()
        database.close()
    print(f"taken {datetime.now(UTC):%Y-%m-%d}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
