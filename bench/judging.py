"""What judging costs: CPU of reading a mail by all shipped rules, beside parsing it, over mails of about 4 KB.

Run: ``.venv/bin/python bench/judging.py``. The mails are made here: a form, running sentences, an English inquiry, a
vendor's answer, each filled up with plain prose to the size wanted. Times are CPU milliseconds, medians of many rounds.
"""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from email.message import EmailMessage

from mailrules.library import load
from mailrules.thread import Side, Turn
from service.mail.parse import parse

FORM = """情シス ご担当者様

■発生日時: 2026年11月10日 9時15分頃
■対象システム: 受発注ポータル
■事象: 検索ボタンを押すと画面が白くなります
■エラー: HTTP 503
■影響範囲: 受注チーム 12名
■回避策: なし

"""
RUNNING = """営業企画の小川です。今朝9時過ぎから見積システムに入れません。「接続が拒否されました」と出ます。
課の5人とも同じです。再起動しても変わりませんでした。昨日までは普通に使えていました。

"""
ENGLISH = """Hi team,

Since 08:40 UTC today our staging gateway answers "504 Gateway Timeout" on every second call. We rebooted it once,
no change. About 30 users are affected, and there is no workaround. Could you tell us what to check next?

"""
ANSWER = """お世話になっております。サポートの平野でございます。
調査のため、下記についてご教示いただけますでしょうか。
・ファームウェアのバージョン
・事象発生時のログ

"""
PROSE_JA = "先週の打ち合わせでお話しした通り、来期の計画については関係部署と相談しながら順に進めてまいります。\n"
PROSE_EN = "As discussed last week, we will go through the plan for next year with the other departments one by one.\n"
SIZE = 4096
ROUNDS = 200


def main() -> None:
    started = time.process_time()
    rules = load()
    print(f"loading all shipped packs: {time.process_time() - started:.2f} s")
    samples: list[tuple[str, Side, str, str]] = [
        ("form, ja", "requester", FORM, PROSE_JA),
        ("sentences, ja", "requester", RUNNING, PROSE_JA),
        ("inquiry, en", "team", ENGLISH, PROSE_EN),
        ("vendor, ja", "vendor", ANSWER, PROSE_JA),
    ]
    for title, side, text, prose in samples:
        while len(text.encode()) < SIZE:
            text += prose
        turn = Turn("1", side, "someone@corp.example", text, "お知らせ", True, datetime(2026, 11, 10, tzinfo=UTC))
        raw = _mail(text)
        read = _median(lambda turn=turn: rules.read(turn))
        reading = rules.read(turn)
        judged = _median(lambda turn=turn, reading=reading: rules.judge((turn,), (reading,)))
        parsed = _median(lambda raw=raw: parse(raw))
        print(f"{title:14} read by rules {read:.2f} ms, case judged {judged:.2f} ms, parsed {parsed:.2f} ms")
    big = Turn("1", "requester", "someone@corp.example", (RUNNING + PROSE_JA) * 2600)
    started = time.process_time()
    rules.read(big)
    print(f"{len(big.text.encode()) / 1e6:.1f} MB of text: {time.process_time() - started:.2f} s")


def _median(call: object) -> float:
    assert callable(call)
    for _ in range(20):
        call()
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return statistics.median(times) * 1000


def _mail(text: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@corp.example", "b@corp.example", "お知らせ"
    message.set_content(text)
    return message.as_bytes()


if __name__ == "__main__":
    main()
