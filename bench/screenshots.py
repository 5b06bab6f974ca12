"""``python -m bench.screenshots``: the pictures of the page in ``docs/``, of the mails of ``make demo``.

Needs Debian's Chromium (``apt install chromium fonts-noto-cjk``). Everything runs in a temporary folder.
"""

import sys
from datetime import datetime

import structlog
from playwright.sync_api import sync_playwright

from bench.demo import mails
from bench.harness import ROOT, empty, url_of
from service.intake import AppContext
from service.settings import load
from tests.running import running

SHOTS = (
    ("page-desktop", "/", 1280, 860, "light", "ja-JP"),
    ("page-case", "/cases/{first}", 1280, 1400, "light", "ja-JP"),
    ("page-dark", "/", 1280, 860, "dark", "en-US"),
    ("page-phone", "/", 390, 844, "light", "ja-JP"),
    ("page-case-phone", "/cases/{first}", 390, 844, "dark", "en-US"),
)


def main() -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with empty() as database, sync_playwright() as playwright:
        settings = load(_env_file=None, database_url=url_of(database))
        with running(database, AppContext.of(settings), settings) as up:
            first = up.deliver(*mails(datetime.now(settings.zone).replace(microsecond=0)).values())[0]
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            for name, path, width, height, scheme, locale in SHOTS:
                size = {"width": width, "height": height}
                page = browser.new_page(viewport=size, color_scheme=scheme, locale=locale, base_url=up.url)  # type: ignore[arg-type]
                page.goto(path.format(first=first))
                page.screenshot(path=ROOT / "docs" / f"{name}.png")
                print(f"docs/{name}.png", file=sys.stderr)
            browser.close()


if __name__ == "__main__":
    main()
