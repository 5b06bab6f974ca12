"""The web pages as HTML: contents, forms, texts in both languages, and size."""

import ast
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from zoneinfo import ZoneInfo

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import insert, select, update
from sqlalchemy import text as sql

from mailrules.catalogue import load
from service.cases.placement import matcher, objections, placer
from service.store.database import Connection
from service.store.reviews import usual_times
from service.store.tables import case_links, cases, messages
from service.web import highlights
from service.web.localisation import WORDS, Locale, language_of
from service.web.page_rendering import HERE
from tests.mails import ASK, LOGS, REFUND, REPORT
from tests.outbound.desk import report
from tests.running import Running, running
from tests.seeding import seed

ROOT = Path(__file__).parents[2]
NOW, TOKYO = datetime(2026, 11, 24, 3, 0, tzinfo=UTC), ZoneInfo("Asia/Tokyo")
JA, EN = (Locale(language, NOW, TOKYO, lambda id, _: id) for language in ("ja", "en"))


def page(service: Running, path: str, language: str = "ja") -> str:
    answer = service.client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text


def tree(service: Running, path: str) -> LexborHTMLParser:
    return LexborHTMLParser(page(service, path))


def test_empty_pages_say_how_to_begin_and_what_is_not_configured(embedded: Running) -> None:
    assert "intake@corp.example" in page(embedded, "/")
    assert "SODAN_SMARTHOST と SODAN_FROM が未設定" in page(embedded, "/outbox")
    assert "No cases yet" in page(embedded, "/", "en-GB,en;q=0.9,ja;q=0.1")


def test_the_case_page_shows_the_facts_of_the_case(service: Running) -> None:
    (key,) = service.deliver(ASK)
    service.deliver(LOGS)
    text = page(service, f"/cases/{key}")
    words = ("マイクロソフトの対応待ちです", "2611170040001177", "signin.csv", "転送で届いたメール", "回答済み")
    assert [word for word in (*words, '<mark class="ask"', 'href="#ask-') if word not in text] == []
    assert page(service, f"/cases/{key}", "en").count("turn") > 0


def test_similar_cases_are_suggested_on_the_pages_of_both(embedded: Running) -> None:
    again = REPORT.replace("<report@", "<again@").replace("17 Nov", "27 Nov").replace("Subject: ", "Subject: 再: ")
    first, second = embedded.deliver(REPORT, again)
    titles = {key: embedded.get(f"/api/cases/{key}")["title"] for key in (first, second)}
    for one, other in ((first, second), (second, first)):
        case_page = tree(embedded, f"/cases/{one}")
        [link] = case_page.css(f'.suggested a[href="/cases/{other}"]')
        assert link.text() == f"{other} {titles[other]}"
        buttons = [button.attributes for button in case_page.css(".suggested button")]
        assert [(one["value"], one["class"]) for one in buttons] == [("accept", "even"), ("dismiss", "even")]
    [shown] = embedded.get(f"/api/cases/{first}")["suggestions"]
    assert ("weak evidence" in page(embedded, f"/cases/{first}", "en")) == (shown["score"] < 0.5)
    why = page(embedded, f"/messages/{shown['message']}")
    assert "; ".join(JA.translated(reason) for reason in shown["reasons"]) in why
    assert "共通する言葉: " in why


def test_cases_separated_by_a_person_are_related_but_not_proposed_for_a_merge(service: Running) -> None:
    words = ("宮本です。サインインログを添付いたします。", "別件で恐縮ですが、ライセンスの追加をお願いします。")
    topic = LOGS.replace("<logs@", "<topic@").replace(":00:00 +0900", ":30:00 +0900").replace(*words)
    first, _, split = service.deliver(ASK, LOGS, topic)
    (sent,) = service.get("/api/messages", message_id="<logs@corp.example>")["items"]
    moved = service.client.post(f"/api/messages/{sent['id']}/move", json={"to": "new"}).json()["case"]
    assert len({first, split, moved}) == 3
    assert {split, moved} <= set(service.get(f"/api/cases/{first}")["related"])
    for key in (first, split, moved):
        html = page(service, f"/cases/{key}")
        assert ("merge-into" in html, 'name="into"' in html) == (False, True)
    prefix = {"case_prefix": "IT"}
    with running(service.database, service.context, service.settings.model_copy(update=prefix)) as renamed:
        title = renamed.get(f"/api/cases/IT-{split.partition('-')[2]}")["title"]
        assert title in page(renamed, f"/cases/IT-{first.partition('-')[2]}")


def test_the_ask_button_is_visible_only_if_a_fact_can_be_chosen(embedded: Running) -> None:
    asked, report = embedded.deliver(REFUND, REPORT)
    for key, offered in ((asked, False), (report, True)):
        case = tree(embedded, f"/cases/{key}")
        assert len(case.css("form#ask > button")) == offered
        assert len(case.css("form#ask > details > button")) == (not offered)


def test_a_page_has_at_most_100_kb_and_loads_nothing_from_other_sites(embedded: Running) -> None:
    seed(embedded.database, 400, mails=6, now=datetime.now(UTC))
    static = sum(len(embedded.client.get(f"/static/{name}").content) for name in ("page.css", "page.js", "icon.svg"))
    for path in ("/", "/?status=open", "/cases/SD-400", "/docs", "/vendors", "/received", "/login"):
        text = page(embedded, path)
        assert len(text.encode()) + static <= 100_000, path
        assert not re.findall(r"""(?:src|href|action)=["'](?:https?:)?//""", text), path


def test_a_huge_mail_is_shortened_on_the_page(embedded: Running) -> None:
    (key,) = embedded.deliver(REPORT.replace("<report@", "<huge@") + "ログの行です\n" * 60_000)
    text = page(embedded, f"/cases/{key}")
    assert len(text.encode()) < 80_000
    assert "全文を見る" in text


def test_forms_set_waive_merge_and_undo(service: Running) -> None:
    report, ask = service.deliver(REPORT, ASK)
    done = service.client.post(f"/cases/{report}/set", data={"priority": "P4"})
    assert done.status_code == 303
    assert done.headers["location"].startswith(f"/cases/{report}?done=set&undo=")
    assert service.get(f"/api/cases/{report}")["priority"] == "P4"
    missing = service.get(f"/api/cases/{report}")["missing"][0]
    service.client.post(f"/cases/{report}/items/{missing}", data={"value": "waived"})
    assert missing not in service.get(f"/api/cases/{report}")["missing"]
    merged = service.client.post(f"/cases/{report}/merge", data={"into": ask})
    assert merged.headers["location"].startswith(f"/cases/{ask}?done=merged&undo=")
    after = page(service, merged.headers["location"])
    action = re.search(r'action="(/corrections/\d+/undo)"', after)
    assert action
    assert service.client.get(f"/cases/{report}").headers["location"] == f"/cases/{ask}"
    assert service.client.post(action[1]).status_code == 303
    assert service.client.get(f"/cases/{report}").status_code == 200


def test_a_form_with_outdated_values_is_refused(embedded: Running) -> None:
    key, other = embedded.deliver(ASK, REPORT)
    answer = embedded.client.post(f"/cases/{other}/set", data={"priority": "P1", "was_priority": "P4"})
    assert (answer.status_code, "この値が変わりました" in answer.text) == (409, True)
    words = ("サインインログをご提供いただけますでしょうか", "ありがとうございます")
    embedded.deliver(ASK.replace("<ask@", "<again@").replace(*words))
    ask = embedded.get(f"/api/cases/{key}")["asks"][0]["id"]
    both = LexborHTMLParser("".join(page(embedded, f"/cases/{case}") for case in (key, other)))
    forms = {form.attributes["action"]: form for form in both.css("form") if form.css_first("input[name=was]")}
    request, fact = f"/cases/{key}/asks/{ask}", f"/cases/{other}/items/device_id"
    assert {request, fact} <= forms.keys()
    for action, value in ((request, {"value": "answered", "answer": "電話で回答"}), (fact, {"value": "値\n2 行目"})):
        hidden = forms[action].css_first("input[name=was]")
        assert hidden is not None
        data = {"was": hidden.attributes["value"] or "", **value}
        assert embedded.client.post(str(action), data=data).status_code == 303
        late = embedded.client.post(str(action), data=data)
        assert (late.status_code, "この値が変わりました" in late.text) == (409, True)


def test_pages_say_what_to_do_if_the_database_cannot_be_read(embedded: Running) -> None:
    embedded.database.transact(lambda conn: conn.execute(sql("ALTER TABLE cases RENAME TO elsewhere")))
    for path in ("/", "/cases/SD-1", "/?status=open"):
        answer = embedded.client.get(path, headers={"Accept-Language": "ja"})
        assert (answer.status_code, "sodan migrate を実行してください" in answer.text) == (503, True), path
    assert embedded.client.get("/login").status_code == 200


def raised(*modules: str) -> list[str]:
    """Return the texts of the errors that these modules raise and a page shows, with ``7`` for each value."""
    kinds = ("Refused", "NotFound", "Conflict", "AlreadyMerged", "Unavailable")
    found = []
    for module in modules:
        for node in ast.walk(ast.parse((ROOT / "service" / f"{module}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) in kinds:
                text = node.exc.args[0]
                parts = text.values if isinstance(text, ast.JoinedStr) else [text]
                found.append("".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in parts))
    return found


def is_reason(value: object) -> bool:
    return isinstance(value, str) and " " in value and "\n" not in value and value[0].islower()


def test_every_error_that_a_page_can_show_has_a_japanese_text() -> None:
    texts = raised(
        "store/corrections", "store/undo", "store/suggestions", "store/outbox", "store/spool", "store/cases",
        "store/cursor", "outbound/questions", "desk", "web/case_forms", "web/lanes", "web/pages", "web/bulk_changes",
    )  # fmt: skip
    assert len(texts) > 20
    reasons = ["the author is sodan itself", "the sender of the mail is not verified", "words: a, b", "person: a"]
    reasons += [text.format("12") for text in matcher.SAID.values()]
    reasons += [text for module in (objections, placer) for text in vars(module).values() if is_reason(text)]
    assert {objections.SETTLED, placer.NO_MERGE} <= {*reasons}
    shown = [text for text in (*texts, *reasons) if not text.startswith("error.") and text != "7"]
    assert [text for text in shown if JA.translated(text) == text] == []
    assert JA.translated("the database is busy") != "the database is busy"
    assert EN.translated("the database is busy") == "the database is busy"
    sent = JA.translated("outbox entry 5 is sent; only a draft or a failed mail can be sent")
    assert sent.startswith("送信メール 5 ")


def test_a_card_shows_the_age_of_a_case_and_the_usual_duration(embedded: Running) -> None:
    seed(embedded.database, 60, now=datetime.now(UTC))
    for times, expected in (((7200,) * 5, {"P2": 7200}), ((7200,) * 4, {}), ((20,) * 5, {})):

        def resolved(conn: Connection, times: tuple[int, ...] = times) -> None:
            numbers = conn.execute(select(cases.c.id).order_by(cases.c.id)).scalars().all()
            conn.execute(update(cases).values(status="open", priority="P2", updated_at=datetime.now(UTC)))
            for number, seconds in zip(numbers, times, strict=False):
                clocks = {"clocks": {"team": seconds, "vendor": 0, "requester": None}}
                conn.execute(update(cases).where(cases.c.id == number).values(status="resolved", document=clocks))

        embedded.database.transact(resolved)
        usual = embedded.database.read(lambda conn: usual_times(conn, datetime.now(UTC)))
        assert usual == expected
    case = {"status": "open", "priority": "P2", "opened_at": "2026-11-24T00:00:00Z"}
    assert replace(JA, usual_times=lambda: {"P2": 7200.0}).open_for(case) == "経過 3時間(通常 2時間)"
    assert replace(EN, usual_times=lambda: {"P1": 60.0}).open_for(case) == "open for 3 h"
    assert "経過 " in page(embedded, "/")


def test_each_value_has_a_form_and_the_history_shows_old_and_new_values(embedded: Running) -> None:
    (key,) = embedded.deliver(REPORT)
    case = embedded.get(f"/api/cases/{key}")
    head = tree(embedded, f"/cases/{key}").css_first(".casehead")
    assert head is not None
    new = {"priority": "P4", "status": "resolved", "vendor": "マイクロソフト", "title": "ポータル障害", "owner": "佐藤"}
    for name, value in new.items():
        (was,) = head.css(f"#edit-{name} input[name=was_{name}]")
        data = {name: value, f"was_{name}": was.attributes["value"] or ""}
        answer = embedded.client.post(f"/cases/{key}/set", data=data)
        assert answer.status_code == 303, answer.text
    after = embedded.get(f"/api/cases/{key}")
    assert [after[name] for name in new] == [*(new | {"vendor": "microsoft"}).values()]
    text = page(embedded, f"/cases/{key}")
    lines = [f"優先度: {case['priority']} → P4", "状態: 対応中 → 解決済み", "ベンダー: – → マイクロソフト"]
    for line in (*lines, f"件名: {case['title']} → ポータル障害", "担当: なし → 佐藤"):
        assert f"<div>{line}</div>" in text
    embedded.client.post(f"/cases/{key}/set", data={"vendor": ""})
    assert embedded.get(f"/api/cases/{key}")["vendor"] is None
    embedded.client.post(f"/cases/{key}/set", data={"automatic": "priority"})
    assert "優先度: P4 → 自動" in page(embedded, f"/cases/{key}")
    assert embedded.get(f"/api/cases/{key}")["priority"] == case["priority"]
    assert embedded.client.post(f"/cases/{key}/set", data={"priority": "P9"}).status_code == 400


def test_cases_are_filtered_by_the_name_of_a_vendor(embedded: Running) -> None:
    asked, other = embedded.deliver(ASK, REFUND)
    for name in ("マイクロソフト", "microsoft", "MICROSOFT"):
        found = tree(embedded, f"/?vendor={name}")
        assert [link.attributes["href"] for link in found.css(".card .title")] == [f"/cases/{asked}"]
        [field] = found.css('.filters input[name="vendor"]')
        assert field.attributes["value"] == "マイクロソフト"
    names = [option.text() for option in tree(embedded, "/").css("datalist#vendors option")]
    assert "マイクロソフト" in names
    assert other not in page(embedded, "/?vendor=microsoft")


def test_a_vendor_without_a_vendor_file_is_shown_by_its_mail_domain(embedded: Running) -> None:
    sender = "s.miyamoto@corp.example"  # in the team, because this person forwarded ASK
    inquiry = report(sender=sender, subject="Gate 4", body="The gate does not open. Please check the gate server.")
    embedded.deliver(ASK)
    (key,) = embedded.deliver(inquiry.replace("To: ", "To: support@gate.example\nCc: "))
    assert "gate.exampleの対応待ちです" in page(embedded, f"/cases/{key}")
    card = tree(embedded, "/?q=Gate").css_first(".card .meta")
    assert card is not None
    assert "gate.example" in card.text()


def test_a_bulk_change_names_the_cases_that_it_could_not_change(service: Running) -> None:
    report, ask, refund = service.deliver(REPORT, ASK, REFUND)
    service.client.post(f"/cases/{refund}/merge", data={"into": ask})
    chosen = {"case": [report, refund, "SD-999", ask], "do": "assign", "owner": "佐藤", "back": "/?status=open"}
    done = service.client.post("/selected", data=chosen)
    assert done.headers["location"].startswith("/?status=open&done=assigned&undo=")
    assert [service.get(f"/api/cases/{key}")["owner"] for key in (report, ask)] == ["佐藤", "佐藤"]
    html = page(service, done.headers["location"])
    assert "2 件の担当を変更しました。" in html
    assert f'<a href="/cases/{refund}">{refund}</a>: すでに別のケースに統合されています' in html
    assert '<a href="/cases/SD-999">SD-999</a>: 見つかりません' in html
    action = re.search(r'action="(/corrections/[\d.]+/undo)"', html)
    assert action
    assert service.client.post(action[1]).headers["location"] == "/?done=undone"
    assert [service.get(f"/api/cases/{key}")["owner"] for key in (report, ask)] == [None, None]
    assert service.client.post("/selected", data={"case": report, "do": "assign", "owner": " "}).status_code == 400
    for many, text in ((101, "100"), (201, "200")):  # the limits of cases and of fields of a form
        most = service.client.post("/selected", data={"case": [f"SD-{n}" for n in range(many)], "do": "take"})
        assert (most.status_code, text in most.text) == (400, True)
    away = service.client.post("/selected", data={"case": report, "do": "take", "back": "//evil.example/"})
    assert away.headers["location"].startswith("/?done=assigned")


@pytest.mark.both_databases
def test_lanes_show_who_has_to_act_and_p1_cases_first(service: Running) -> None:
    report, ask = service.deliver(REPORT, ASK)
    case = service.get(f"/api/cases/{report}")
    assert (case["priority"], "device_id" in case["missing"]) == ("P1", True)
    overview = tree(service, "/")
    assert len(overview.css(f'a[href="/cases/{report}"]')) == 1
    first = overview.css_first(".lane.team .card")
    assert first is not None
    assert f"/cases/{report}" in (first.html or "")
    text = page(service, "/")
    for words in ("情シスの対応待ち", "ベンダーの対応待ち", "端末名・ホスト名・シリアル", "対応中の P1 <b>1 件</b>"):
        assert words in text
    assert f"/cases/{ask}" not in page(service, "/?status=open&priority=P1")


def test_a_long_case_links_to_its_newest_mails_and_has_the_whole_brief(embedded: Running) -> None:
    (key,) = embedded.deliver(ASK)
    began = datetime(2026, 11, 18, tzinfo=ZoneInfo("Asia/Tokyo"))
    times = [began + timedelta(hours=number) for number in range(210)]
    replies = [LOGS.replace("17 Nov 2026 13:00", f"{time:%d Nov 2026 %H:%M}") for time in times]
    for old, new in (("<logs@", "<reply{}@"), ("signin.csv", "trace{}.csv"), ("50053", "{}")):
        replies = [reply.replace(old, new.format(number)) for number, reply in enumerate(replies)]
    assert {*embedded.deliver(*replies)} == {key}
    first = tree(embedded, f"/cases/{key}")
    [newest] = [link for link in first.css("a.more") if link.text() == "最新のメールを見る"]
    last = tree(embedded, newest.attributes["href"] or "")
    shown = [datetime.fromisoformat(time.attributes["datetime"] or "") for time in last.css(".timeline h3 time")]
    assert shown == times[-25:]
    assert "最新のメールを見る" not in [link.text() for link in last.css("a.more")]
    whole = embedded.client.get(f"/api/cases/{key}/brief", params={"format": "text"}).text
    assert all(f"trace{number}.csv" in whole for number in range(210))
    assert [brief.text() for page in (first, last) for brief in page.css("#brieftext")] == [whole, whole]


def test_a_case_with_nothing_in_common_is_not_called_similar(embedded: Running) -> None:
    _, other = embedded.deliver(ASK, REFUND)
    [mail] = embedded.get(f"/api/cases/{other}/messages")["items"]
    [compared] = embedded.get(f"/api/messages/{mail['id']}/why")["runners_up"]
    assert compared["words"] == ""

    def score(conn: Connection) -> None:  # the sides and times of mails alone can give a high score
        evidence = conn.execute(select(messages.c.evidence).where(messages.c.id == int(mail["id"]))).scalar_one()
        evidence["runners_up"][0]["score"] = 0.861
        conn.execute(update(messages).where(messages.c.id == int(mail["id"])).values(evidence=evidence))

    embedded.database.transact(score)
    assert embedded.get(f"/api/messages/{mail['id']}/why")["runners_up"][0]["score"] == 0.861
    shown = page(embedded, f"/messages/{mail['id']}")
    assert "共通点は見つかりませんでした" in shown
    assert "内容が似ている" not in shown
    assert "0.861" not in shown


def test_an_error_page_is_in_the_readers_language_and_links_back(embedded: Running) -> None:
    (key,) = embedded.deliver(REPORT)
    for path, given, language, status, text in (
        (f"/cases/{key}/merge", {"into": "SD-99"}, "ja", 404, "ケース SD-99 はありません。"),
        (f"/cases/{key}/suggestions/9", {"value": "accept"}, "ja", 404, "その候補はありません。"),
        (f"/cases/{key}/merge", {"into": key}, "ja", 409, "自分自身に統合することはできません"),
        (f"/cases/{key}/merge", {"into": key}, "en", 409, "cannot be merged into itself"),
    ):
        referer = f"{embedded.url}/cases/{key}?done=set"
        answer = embedded.client.post(path, data=given, headers={"Accept-Language": language, "Referer": referer})
        assert (answer.status_code, text in answer.text) == (status, True), answer.text
        assert f'href="/cases/{key}"' in answer.text
    for referer, links in (
        (f"{embedded.url}/messages/7", ["/messages/7", "/"]),
        ("https://evil.example/cases", ["/"]),
        (f"{embedded.url}//evil.example/", ["/"]),
        ("", ["/"]),
    ):
        headers = {"Accept": "text/html", "Referer": referer}
        answer = embedded.client.post("/messages/999/move", data={"to": key}, headers=headers)
        assert answer.status_code == 404, answer.text
        assert [link.attributes["href"] for link in LexborHTMLParser(answer.text).css("main .empty a")] == links
    headers = {"Accept-Language": "ja"}
    assert "そのメールはありません。" in embedded.client.get("/messages/999", headers=headers).text
    unknown = embedded.client.get("/cases/SD-9", headers=headers)
    assert "<p>ケース SD-9 はありません。</p><p>上の検索欄から探してください。</p>" in unknown.text
    assert (unknown.status_code, 'href="/cases/SD-9"' in unknown.text) == (404, False)


@pytest.mark.parametrize(
    ("accept", "chosen", "language"),
    [("ja-JP,ja;q=0.9,en;q=0.8", None, "ja"), ("en-US,en;q=0.9,ja;q=0.8", None, "en"), ("fr-FR", None, "en"),
     ("", None, "ja"), ("ja;q=0, en;q=0.1", None, "en"), ("en", "ja", "ja"), ("x;q=zzz,,;;", None, "en")],
)  # fmt: skip
def test_the_language_is_the_chosen_one_or_that_of_the_browser(accept: str, chosen: str | None, language: str) -> None:
    assert language_of(accept, chosen) == language


def test_every_text_exists_in_both_languages_with_the_same_placeholders() -> None:
    for name, words in WORDS.items():
        ja, en = words["ja"], words["en"]
        assert ja, name
        assert en, name
        assert set(re.findall(r"\{(\w+)\}", ja)) == set(re.findall(r"\{(\w+)\}", en)), name


def test_every_text_that_templates_use_exists() -> None:
    used = set()
    for file in (HERE / "templates").rglob("*.html"):
        used |= set(re.findall(r"""\bt\("([\w.-]+)"[,)]""", file.read_text(encoding="utf-8")))
    doubts = ("dmarc-failed", "sender-unverified", "outsider")
    notes = ("p1-without-contact", "p1-without-owner", "overdue-promise", "call", "reminded", *doubts)
    used |= {f"note.{note}" for note in notes}
    used |= {f"what.{meaning.partition('.')[2]}" for meaning in load().meanings if meaning.startswith("ask.")}
    assert used - set(WORDS) == set()
    assert JA.t("no.such.word") == "word"


def test_durations_times_and_sizes_are_formatted_by_language() -> None:
    assert [JA.length(seconds) for seconds in (5, 60, 3720, 90000, 864000 + 3600)] == [
        "1分未満", "1分", "1時間2分", "1日1時間", "10日",
    ]  # fmt: skip
    assert EN.length(3720) == "1 h 2 min"
    assert JA.moment("2026-11-24T01:30:00Z") == "11/24(火) 10:30"
    assert EN.moment("2025-11-24T01:30:00Z") == "Mon 24 Nov 2025 10:30"
    assert JA.size(999) == "999 B"
    assert JA.size(48_200) == "48 KB"


def test_highlights_do_not_change_the_text() -> None:
    text = "朝からポータルに入れません。エラー 0x8004 です。"
    quotes = {
        "item-symptom": "ポータルに入れません", "why-0": "入れません。エラー", "item-error": "0x8004",
        "heard-0": "not there", "item-empty": "",
    }  # fmt: skip
    made = highlights.pieces(
        text, [highlights.Highlight("item", quote, "", anchor) for anchor, quote in quotes.items()]
    )
    assert "".join(part for part, _ in made) == text
    assert highlights.anchors({"1": made}) == {"item-symptom", "why-0", "item-error"}


def test_points_to_check_are_at_the_top_of_the_case_page(embedded: Running) -> None:
    body, utf_8 = "全社でログインできません。回避策はありません。", "Content-Type: text/plain; charset=utf-8\n"
    (key,) = embedded.deliver(report(subject="全社停止", body=body, headers=utf_8))
    assert embedded.get(f"/api/cases/{key}")["notes"] == ["p1-without-contact", "p1-without-owner"]
    assert len(tree(embedded, f"/cases/{key}").css("ul.minded li")) == 2


def test_the_page_offers_to_ask_for_the_impact_if_it_is_unknown(embedded: Running) -> None:
    (key,) = embedded.deliver(report(subject="Badge", body="The badge reader is dark."))

    def unsaid(conn: Connection) -> None:
        document = conn.execute(select(cases.c.document)).scalars().one()
        lines = [{**line, "state": "not_needed"} for line in document["checklist"]]
        changed = {**document, "needs_triage": True, "missing": [], "questions": [], "checklist": lines}
        conn.execute(update(cases).values(document=changed))

    embedded.database.transact(unsaid)
    page = embedded.client.get(f"/cases/{key}", params={"lang": "en"}).text
    assert "The impact is not clear yet." in page
    assert "Everything needed is there" not in page
    offered = page.index('id="ask-impact_scope"')
    assert offered < page.index('id="ask-business_impact"') < page.index("Ask for other facts")
    assert page.count('id="ask-impact_scope"') == 1


def test_a_withdrawn_request_is_not_called_answered(embedded: Running) -> None:
    (key,) = embedded.deliver(ASK)
    [request] = embedded.get(f"/api/cases/{key}")["asks"]
    embedded.client.patch(f"/api/cases/{key}", json={"asks": {request["id"]: "withdrawn"}})
    shown = tree(embedded, f"/cases/{key}").css_first(".asks li.withdrawn")
    assert shown is not None
    assert ("取り下げ" in shown.text(), "回答済み" in shown.css_first(".meta").text()) == (True, False)  # type: ignore[union-attr]
    assert re.search(r"が入力\s+取り消す", shown.text())


def test_the_history_shows_who_set_a_value_that_is_saved_again(embedded: Running) -> None:
    (key,) = embedded.deliver(REPORT)
    level = embedded.get(f"/api/cases/{key}")["priority"]
    for _ in range(2):
        embedded.client.post(f"/cases/{key}/set", data={"priority": level})
    who = embedded.get(f"/api/cases/{key}")["set_by"]["priority"]
    text = page(embedded, f"/cases/{key}")
    assert text.index(f"優先度: {level}({who}) → {level}") < text.index(f"優先度: {level}(自動) → {level}")


def test_cases_marked_as_not_the_same_are_not_related(service: Running) -> None:
    again = REPORT.replace("<report@", "<again@").replace("17 Nov", "27 Nov").replace("Subject: ", "Subject: 再: ")
    first, second = service.deliver(REPORT, again)
    [found] = service.get(f"/api/cases/{first}")["suggestions"]
    link = {"case_id": int(first[3:]), "other_id": int(second[3:]), "why": objections.SETTLED}
    back = {**link, "case_id": link["other_id"], "other_id": link["case_id"]}
    service.database.transact(lambda conn: conn.execute(insert(case_links), [link, back]) and None)
    service.client.post(f"/cases/{first}/suggestions/{found['id']}", data={"value": "dismiss"})
    service.deliver(LOGS.replace("<logs@", "<more@").replace("<ask@", "<again@"))
    assert [service.get(f"/api/cases/{key}")["related"] for key in (first, second)] == [[], []]
    assert f'href="/cases/{second}"' not in page(service, f"/cases/{first}")


def test_the_api_page_shows_code_without_backticks(embedded: Running) -> None:
    text = page(embedded, "/docs")
    assert "`" not in text
    assert "<code>resolved</code>" in text or "<code>null</code>" in text


def test_a_read_token_gets_no_form_to_merge_cases(service: Running) -> None:
    keys = service.deliver(REPORT, ASK)
    reader = {"Authorization": f"Bearer {service.token('viewer', 'read')}", "Accept-Language": "en"}
    refused = service.client.get("/merge", params={"case": keys}, headers=reader)
    assert (refused.status_code, "the scope write" in refused.text) == (400, True)
    assert 'action="/merge"' not in refused.text


def test_only_a_mail_that_arrived_twice_is_said_to_have_arrived_twice(service: Running) -> None:
    body = """Any news?

        On Wed, 4 Nov 2026 at 10:00, Aiko Tanaka <aiko@corp.example> wrote:
        > Outlook cannot send mail since 9:00 today."""
    headers = "In-Reply-To: <r1@corp.example>\n"
    answer = report(2, subject="Re: Outlook", body=dedent(f"        {body}"), headers=headers)
    key, _ = service.deliver(report(), answer)
    assert service.get("/api/messages", message_id="<r1@corp.example>")["items"][0]["deliveries"] == 2
    assert "arrived" not in page(service, f"/cases/{key}", "en")
    service.deliver(report(), report())
    assert "arrived 3 times, shown once" in page(service, f"/cases/{key}", "en")


def test_the_page_says_that_the_team_owes_the_answer_to_a_request(embedded: Running) -> None:
    (key,) = embedded.deliver(ASK)
    for path in ("/", f"/cases/{key}"):
        assert "情シスが未回答の依頼 1 件" in page(embedded, path)
        assert "the IT team owes 1 answer" in page(embedded, path, "en")
