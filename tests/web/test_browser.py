"""The page in a browser (headless Chromium): JavaScript, keyboard, accessibility, and the width of a phone."""

import getpass
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

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


expect.set_options(timeout=30_000)  # ms; a busy machine may need more than the default of 5 s
EVERYTHING = """() => {
    for (const box of document.querySelectorAll(".pick input")) box.checked = true;
    for (const one of document.querySelectorAll("details")) { one.removeAttribute("name"); one.open = true; }
}"""
"""JavaScript that opens every form and selects every case. (Of forms with one name, a browser opens only one.)"""


@pytest.fixture(scope="module")  # its event loop must end before other tests of this process
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def desktop(browser: Browser, embedded: Running) -> Iterator[Page]:
    """A Japanese page on a desktop. Console errors, warnings and requests to other hosts fail the test."""
    page = browser.new_page(locale="ja-JP", base_url=embedded.url, viewport={"width": 1280, "height": 900})
    errors: list[str] = []
    urls: list[str] = []
    page.on("console", lambda line: errors.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: urls.append(request.url))
    yield page
    page.close()
    assert [url for url in urls if not url.startswith(embedded.url)] == errors == []


def violations(page: Page) -> list[str]:
    """Return the violations that axe finds. A report of passed rules would take longer than running them."""
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found.response["violations"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1280), ("dark", 390), pytest.param("dark", 1280, marks=pytest.mark.soak),
     pytest.param("light", 390, marks=pytest.mark.soak)],
)  # fmt: skip
def test_axe_finds_no_accessibility_problem_on_any_page(
    browser: Browser, embedded: Running, scheme: str, width: int
) -> None:
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


def test_the_overview_shows_no_cases_and_two_hundred_cases(desktop: Page, embedded: Running) -> None:
    desktop.goto("/")
    expect(desktop.get_by_text("まだケースはありません")).to_be_visible()
    seed(embedded.database, 200, now=datetime.now(UTC))
    desktop.reload()
    assert desktop.locator(".lane .card").count() == 72
    desktop.locator(".lane.team a.more").click()
    expect(desktop).to_have_url(re.compile(r"waiting_on=team"))
    on_first_page = desktop.locator(".card").count()
    desktop.get_by_role("link", name="次のページ").click()
    assert on_first_page + desktop.locator(".card").count() > 40


def test_keyboard_shortcuts_move_search_edit_and_assign(desktop: Page, embedded: Running) -> None:
    report, _, _ = embedded.deliver(REPORT, ASK, REFUND)
    desktop.goto("/")
    desktop.keyboard.press("?")
    expect(desktop.get_by_role("dialog", name="キーボード操作")).to_be_visible()
    desktop.keyboard.press("Escape")
    desktop.keyboard.press("/")
    expect(desktop.get_by_role("searchbox")).to_be_focused()
    desktop.keyboard.type("j")
    expect(desktop.get_by_role("searchbox")).to_have_value("j")
    desktop.goto("/")
    for key, card in (("j", 0), ("j", 1), ("k", 0)):
        desktop.keyboard.press(key)
        expect(desktop.locator(".card .title").nth(card)).to_be_focused()
    desktop.goto(f"/cases/{report}")
    desktop.keyboard.press("e")
    expect(desktop.locator("select[name=priority]")).to_be_focused()
    desktop.keyboard.press("Escape")
    expect(desktop.locator("select[name=priority]")).to_be_hidden()
    desktop.keyboard.press("a")
    expect(desktop.locator("#edit-owner summary")).to_contain_text(getpass.getuser())


def test_keyboard_shortcuts_are_switched_off_and_stay_off(desktop: Page, embedded: Running) -> None:
    embedded.deliver(REPORT)
    desktop.goto("/")
    desktop.get_by_role("button", name="キーボード操作").click()
    desktop.get_by_label("キーボード操作を使う").uncheck()
    desktop.keyboard.press("Escape")
    desktop.goto("/?status=open")
    desktop.keyboard.press("j")
    desktop.keyboard.press("?")
    expect(desktop.locator(".card .title")).not_to_be_focused()
    expect(desktop.get_by_role("dialog")).to_be_hidden()
    desktop.get_by_role("button", name="キーボード操作").click()
    desktop.get_by_label("キーボード操作を使う").check()
    desktop.keyboard.press("Escape")
    desktop.keyboard.press("j")
    expect(desktop.locator(".card .title")).to_be_focused()


def test_selected_cases_are_merged_and_the_merge_is_undone(desktop: Page, embedded: Running) -> None:
    report, ask, _ = embedded.deliver(REPORT, ASK, REFUND)
    desktop.goto("/?sort=opened")
    bar = desktop.get_by_role("form", name="選択したケース")
    expect(bar).to_be_hidden()
    desktop.keyboard.press("j")
    desktop.keyboard.press("x")
    expect(bar).to_contain_text("1 件を選択中")
    desktop.locator(f"#pick-{report}").check()
    desktop.locator(f"#pick-{ask}").check()
    embedded.client.patch(f"/api/cases/{ask}", json={"title": "別の件名"})
    expect(desktop.get_by_text("別の件名")).to_be_visible()  # the page updates itself and keeps the selection
    expect(bar).to_contain_text("3 件を選択中")
    desktop.locator(".card").first.locator(".pick input").uncheck()
    bar.get_by_role("button", name="統合…").click()
    desktop.locator(f"input[name=into][value={ask}]").check()
    desktop.get_by_role("button", name="統合", exact=True).click()
    expect(desktop).to_have_url(re.compile(rf"/cases/{ask}\?done=merged"))
    expect(desktop.locator(".done")).to_contain_text(f"{report} をここへ統合しました。")
    desktop.locator(".done").get_by_role("button", name="元に戻す").click()
    expect(desktop).to_have_url(re.compile(r"done=undone"))
    assert embedded.client.get(f"/api/cases/{report}").status_code == 200


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_field_has_the_focus_as_soon_as_its_form_opens(desktop: Page, embedded: Running, key: str) -> None:
    (report,) = embedded.deliver(REPORT)
    desktop.goto(f"/cases/{report}")
    name = "summary => { summary.click(); return document.activeElement.name; }"
    assert desktop.locator("#edit-title summary").evaluate(name) == "title"
    assert desktop.locator("#edit-priority summary").evaluate(name) == "priority"
    expect(desktop.locator("#edit-title")).not_to_have_attribute("open", "")
    desktop.locator("#edit-title summary").focus()
    desktop.keyboard.press(key)
    desktop.keyboard.type("2")
    expect(desktop.locator("input[name=title]")).to_have_value("2全社ポータルにサインインできません")
    expect(desktop).to_have_url(re.compile(f"/cases/{report}$"))
    desktop.keyboard.press("Escape")
    expect(desktop.locator("#edit-title summary")).to_be_focused()


@pytest.mark.parametrize("noted", [False, True])
def test_a_phone_shows_reason_brief_and_suggestions_before_the_mails(
    desktop: Page, embedded: Running, noted: bool
) -> None:
    again = REPORT.replace("<report@", "<again@").replace("17 Nov", "27 Nov").replace("Subject: ", "Subject: 再: ")
    key, _ = embedded.deliver(REPORT, again)
    if noted:
        embedded.client.post(f"/cases/{key}/notes", data={"text": "電話で確認中"})
    desktop.set_viewport_size({"width": 390, "height": 900})
    desktop.goto(f"/cases/{key}")
    order = ["why", "need", "notes", "brief", "suggested", "timeline", "clocks"]
    if not noted:
        order.sort(key=["notes", "clocks"].__contains__)  # an empty box for notes comes after the mails
    tops = [desktop.locator(f"#{name}").evaluate("one => one.getBoundingClientRect().y") for name in order]
    assert tops == sorted(tops)


def test_a_printed_case_has_no_controls(desktop: Page, embedded: Running) -> None:
    (key,) = embedded.deliver(ASK)
    desktop.goto(f"/cases/{key}")
    expect(desktop.locator("#notetext")).to_be_visible()
    desktop.emulate_media(media="print")
    shown = desktop.locator("input:visible, textarea:visible, select:visible, button:visible, .edit.link:visible")
    expect(shown).to_have_count(0)
    expect(desktop.locator(".timeline .text").first).to_be_visible()
    expect(desktop.locator("#edit-priority summary")).to_be_visible()


def test_the_page_updates_itself_after_new_mail(desktop: Page, embedded: Running) -> None:
    (key,) = embedded.deliver(ASK)
    desktop.goto("/")
    expect(desktop.locator(".lane.team .card")).to_have_count(1)
    with desktop.expect_response(re.compile(r"/$"), timeout=5000):
        embedded.deliver(LOGS)
    expect(desktop.locator(".lane.vendor .card")).to_have_count(1)
    desktop.goto(f"/cases/{key}")
    desktop.locator("details:not(.edit)").first.locator("summary").click()
    embedded.deliver(LOGS.replace("<logs@", "<more@").replace("添付いたします", "再度添付いたします"))
    expect(desktop.locator(".mail")).to_have_count(4)
    expect(desktop.locator("#said")).to_have_text("更新しました")


def test_an_update_does_not_change_a_field_in_use(desktop: Page, embedded: Running) -> None:
    (key,) = embedded.deliver(ASK)
    desktop.goto(f"/cases/{key}")
    desktop.get_by_text("別のケースに統合").click()
    box = desktop.get_by_label("統合先")
    box.fill("SD-12")
    embedded.deliver(LOGS)
    desktop.wait_for_timeout(900)
    expect(box).to_have_value("SD-12")
    expect(box).to_be_focused()


def test_the_brief_is_copied(desktop: Page, embedded: Running) -> None:
    (key,) = embedded.deliver(ASK)
    desktop.context.grant_permissions(["clipboard-read", "clipboard-write"])
    desktop.goto(f"/cases/{key}")
    desktop.get_by_role("button", name="コピー").click()
    expect(desktop.locator("#said")).to_have_text("コピーしました")
    assert "2611170040001177" in desktop.evaluate("navigator.clipboard.readText()")


def test_a_case_is_opened_by_keyboard_alone(desktop: Page, embedded: Running) -> None:
    (key,) = embedded.deliver(ASK)
    desktop.goto("/")
    desktop.keyboard.press("Tab")
    expect(desktop.get_by_role("link", name="本文へ移動")).to_be_focused()
    desktop.keyboard.press("Enter")
    for _ in range(8):
        desktop.keyboard.press("Tab")
        if desktop.evaluate("document.activeElement.className") == "title":
            break
    desktop.keyboard.press("Enter")
    expect(desktop).to_have_url(re.compile(f"/cases/{key}"))
