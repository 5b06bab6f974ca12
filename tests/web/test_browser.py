"""The page in a browser (headless Chromium): as people use it, in Japanese and English, by keyboard, on a phone."""

import getpass
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import text

from tests.mails import ASK, LOGS, REFUND, REPORT
from tests.running import Running
from tests.seeding import seed

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium here; CI installs Debian's and runs these"
)
PATHS = (
    "/", "/?status=open", "/?q=zzz", "/cases/SD-1", "/cases/SD-2", "/messages/1", "/vendors", "/received", "/docs",
    "/login", "/cases/SD-999", "/merge?case=SD-1&case=SD-2",
)  # fmt: skip


EVERYTHING = """() => {
    for (const box of document.querySelectorAll(".pick input")) box.checked = true;
    for (const one of document.querySelectorAll("details")) { one.removeAttribute("name"); one.open = true; }
}"""
"""Show what opens: every form at once (of those with a name the browser opens one), and the bar for selected cases."""


@pytest.fixture(scope="module")  # its event loop must be gone before other tests of this process run theirs
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def sheet(browser: Browser, embedded: Running) -> Iterator[Page]:
    """A Japanese page on a desktop; whatever the console complains of fails the test."""
    page = browser.new_page(locale="ja-JP", base_url=embedded.url, viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    page.close()
    assert [url for url in asked if not url.startswith(embedded.url)] == complaints == []


def violations(page: Page) -> list[str]:
    """All rules run. Only violations are reported: a list of what passed takes longer than the rules."""
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found.response["violations"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1280), ("dark", 390), pytest.param("dark", 1280, marks=pytest.mark.soak),
     pytest.param("light", 390, marks=pytest.mark.soak)],
)  # fmt: skip
def test_axe_finds_no_accessibility_problem_on_any_page(browser: Browser, embedded: Running, scheme: str, width: int) -> None:
    embedded.deliver(REPORT, ASK, LOGS, REFUND)
    embedded.client.patch("/api/cases/SD-1", json={"priority": "P1"})
    page = browser.new_page(
        locale="ja-JP", base_url=embedded.url, viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
    )  # fmt: skip
    for path in PATHS:
        page.goto(path)
        page.evaluate(EVERYTHING)
        assert violations(page) == [], path
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} scrolls sideways at {width}"
    page.close()


def test_the_overview_shows_no_ten_and_two_hundred_cases(sheet: Page, embedded: Running) -> None:
    sheet.goto("/")
    expect(sheet.get_by_text("まだケースはありません")).to_be_visible()
    seed(embedded.database, 10, now=datetime.now(UTC))
    sheet.reload()
    assert sheet.locator(".lane .card").count() == 8
    for table in ("events", "attachments", "messages", "participants", "case_refs", "case_items_missing", "cases"):
        embedded.database.transact(lambda conn, table=table: conn.execute(text(f"DELETE FROM {table}")))  # type: ignore[misc]
    seed(embedded.database, 200, now=datetime.now(UTC))
    sheet.reload()
    assert sheet.locator(".lane .card").count() == 72
    sheet.locator(".lane.team a.more").click()
    expect(sheet).to_have_url(re.compile(r"waiting_on=team"))
    seen = sheet.locator(".card").count()
    sheet.get_by_role("link", name="次のページ").click()
    assert seen + sheet.locator(".card").count() > 40


def test_keyboard_shortcuts_move_search_edit_and_assign(sheet: Page, embedded: Running) -> None:
    report, _, _ = embedded.deliver(REPORT, ASK, REFUND)
    sheet.goto("/")
    sheet.keyboard.press("?")
    expect(sheet.get_by_role("dialog", name="キーボード操作")).to_be_visible()
    sheet.keyboard.press("Escape")
    sheet.keyboard.press("/")
    expect(sheet.get_by_role("searchbox")).to_be_focused()
    sheet.keyboard.type("j")
    expect(sheet.get_by_role("searchbox")).to_have_value("j")
    sheet.goto("/")
    for key, card in (("j", 0), ("j", 1), ("k", 0)):
        sheet.keyboard.press(key)
        expect(sheet.locator(".card .title").nth(card)).to_be_focused()
    sheet.goto(f"/cases/{report}")
    sheet.keyboard.press("e")
    expect(sheet.locator("select[name=priority]")).to_be_focused()
    sheet.keyboard.press("Escape")
    expect(sheet.locator("select[name=priority]")).to_be_hidden()
    sheet.keyboard.press("a")
    expect(sheet.locator("#edit-owner summary")).to_contain_text(getpass.getuser())


def test_keyboard_shortcuts_are_switched_off_and_stay_off(sheet: Page, embedded: Running) -> None:
    embedded.deliver(REPORT)
    sheet.goto("/")
    sheet.get_by_role("button", name="キーボード操作").click()
    sheet.get_by_label("キーボード操作を使う").uncheck()
    sheet.keyboard.press("Escape")
    sheet.goto("/?status=open")
    sheet.keyboard.press("j")
    sheet.keyboard.press("?")
    expect(sheet.locator(".card .title")).not_to_be_focused()
    expect(sheet.get_by_role("dialog")).to_be_hidden()
    sheet.get_by_role("button", name="キーボード操作").click()
    sheet.get_by_label("キーボード操作を使う").check()
    sheet.keyboard.press("Escape")
    sheet.keyboard.press("j")
    expect(sheet.locator(".card .title")).to_be_focused()


def test_selected_cases_are_merged_and_the_merge_is_undone(sheet: Page, embedded: Running) -> None:
    report, ask, _ = embedded.deliver(REPORT, ASK, REFUND)
    sheet.goto("/?sort=opened")
    bar = sheet.get_by_role("form", name="選択したケース")
    expect(bar).to_be_hidden()
    sheet.keyboard.press("j")
    sheet.keyboard.press("x")
    expect(bar).to_contain_text("1 件を選択中")
    sheet.locator(f"#pick-{report}").check()
    sheet.locator(f"#pick-{ask}").check()
    embedded.client.patch(f"/api/cases/{ask}", json={"title": "別の件名"})
    expect(sheet.get_by_text("別の件名")).to_be_visible()  # the page follows, and keeps what is selected
    expect(bar).to_contain_text("3 件を選択中")
    sheet.locator(".card").first.locator(".pick input").uncheck()
    bar.get_by_role("button", name="統合…").click()
    sheet.locator(f"input[name=into][value={ask}]").check()
    sheet.get_by_role("button", name="統合", exact=True).click()
    expect(sheet).to_have_url(re.compile(rf"/cases/{ask}\?done=merged"))
    expect(sheet.locator(".done")).to_contain_text(f"{report} をここへ統合しました。")
    sheet.locator(".done").get_by_role("button", name="元に戻す").click()
    expect(sheet).to_have_url(re.compile(r"done=undone"))
    assert embedded.client.get(f"/api/cases/{report}").status_code == 200


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_field_has_the_focus_as_soon_as_its_form_opens(sheet: Page, embedded: Running, key: str) -> None:
    (report,) = embedded.deliver(REPORT)
    sheet.goto(f"/cases/{report}")
    name = "summary => { summary.click(); return document.activeElement.name; }"
    assert sheet.locator("#edit-title summary").evaluate(name) == "title"
    assert sheet.locator("#edit-priority summary").evaluate(name) == "priority"
    expect(sheet.locator("#edit-title")).not_to_have_attribute("open", "")
    sheet.locator("#edit-title summary").focus()
    sheet.keyboard.press(key)
    sheet.keyboard.type("2")
    expect(sheet.locator("input[name=title]")).to_have_value("2全社ポータルにサインインできません")
    expect(sheet).to_have_url(re.compile(f"/cases/{report}$"))
    sheet.keyboard.press("Escape")
    expect(sheet.locator("#edit-title summary")).to_be_focused()


def test_a_printed_case_has_no_controls(sheet: Page, embedded: Running) -> None:
    (key,) = embedded.deliver(ASK)
    sheet.goto(f"/cases/{key}")
    expect(sheet.locator("#notetext")).to_be_visible()
    sheet.emulate_media(media="print")
    shown = sheet.locator("input:visible, textarea:visible, select:visible, button:visible, .edit.link:visible")
    expect(shown).to_have_count(0)
    expect(sheet.locator(".timeline .text").first).to_be_visible()
    expect(sheet.locator("#edit-priority summary")).to_be_visible()


def test_a_card_shows_the_requester_and_missing_facts(sheet: Page, embedded: Running) -> None:
    (report,) = embedded.deliver(REPORT)
    case = embedded.get(f"/api/cases/{report}")
    sheet.goto("/")
    card = sheet.locator(".lane .card").first
    expect(card).to_contain_text(case["requester"]["name"] or case["requester"]["address"])
    if case["missing"]:
        expect(card.locator(".chips")).to_contain_text("あと必要な情報")
    tops = [sheet.locator(f".lane.{lane} .note").bounding_box() for lane in ("team", "vendor", "requester")]
    assert len({round(top["y"]) for top in tops if top}) == 1, "the lanes begin at the same height"


def test_the_page_updates_itself_after_new_mail(sheet: Page, embedded: Running) -> None:
    (key,) = embedded.deliver(ASK)
    sheet.goto("/")
    expect(sheet.locator(".lane.team .card")).to_have_count(1)
    with sheet.expect_response(re.compile(r"/$"), timeout=5000):
        embedded.deliver(LOGS)
    expect(sheet.locator(".lane.vendor .card")).to_have_count(1)
    sheet.goto(f"/cases/{key}")
    sheet.locator("details:not(.edit)").first.locator("summary").click()
    embedded.deliver(LOGS.replace("<logs@", "<more@").replace("添付いたします", "再度添付いたします"))
    expect(sheet.locator(".mail")).to_have_count(4)
    expect(sheet.locator("#said")).to_have_text("更新しました")


def test_an_update_does_not_change_a_field_in_use(sheet: Page, embedded: Running) -> None:
    (key,) = embedded.deliver(ASK)
    sheet.goto(f"/cases/{key}")
    sheet.get_by_text("別のケースに統合").click()
    box = sheet.get_by_label("統合先")
    box.fill("SD-12")
    embedded.deliver(LOGS)
    sheet.wait_for_timeout(900)
    expect(box).to_have_value("SD-12")
    expect(box).to_be_focused()


def test_the_brief_is_copied(sheet: Page, embedded: Running) -> None:
    (key,) = embedded.deliver(ASK)
    sheet.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sheet.goto(f"/cases/{key}")
    sheet.get_by_role("button", name="コピー").click()
    expect(sheet.locator("#said")).to_have_text("コピーしました")
    assert "2611170040001177" in sheet.evaluate("navigator.clipboard.readText()")


def test_pages_work_without_javascript(browser: Browser, embedded: Running) -> None:
    report, _ = embedded.deliver(REPORT, ASK)
    page = browser.new_page(locale="en-US", base_url=embedded.url, java_script_enabled=False)
    page.goto("/")
    page.locator(f'.lane a[href="/cases/{report}"]').click()
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    page.locator("#edit-priority summary").click()
    page.get_by_label("Priority").select_option("P3")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text(f"set by {getpass.getuser()}").last).to_be_visible()
    page.goto("/")
    for box in page.locator(".pick input").all():
        box.check()
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_role("status").first).to_contain_text("2 cases are resolved.")
    page.close()


def test_a_case_is_opened_by_keyboard_alone(sheet: Page, embedded: Running) -> None:
    (key,) = embedded.deliver(ASK)
    sheet.goto("/")
    sheet.keyboard.press("Tab")
    expect(sheet.get_by_role("link", name="本文へ移動")).to_be_focused()
    sheet.keyboard.press("Enter")
    for _ in range(8):
        sheet.keyboard.press("Tab")
        if sheet.evaluate("document.activeElement.className") == "title":
            break
    sheet.keyboard.press("Enter")
    expect(sheet).to_have_url(re.compile(f"/cases/{key}"))
