"""What judging costs: CPU of reading a mail by all shipped rules, beside parsing it, over mails of about 4 KB.

The mails are made here: a form, running sentences, an English inquiry, a vendor's answer, each filled up with plain
prose to the size wanted and read many times. Development mails of the corpus, joined to the same size, are read twice:
all their sentences are new, then known. Times are CPU milliseconds, medians.

`python -m bench.judging` prints the times alone.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from bench.figure import Outcome, figure, outcome
from bench.reading import standard
from mailrules.engine.judge import Rules
from mailrules.evaluation.judged import turn_of
from mailrules.library import load
from mailrules.thread import RuleInput, Side
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
CORPUS = Path(__file__).resolve().parent.parent / "mailrules" / "corpus"
WRITERS = ("en-dev4a", "en-dev5v", "ja-dev4a", "ja-dev5v")
WARMING_UP = 30
"""Mails read before the times count: caches of words and automata are empty at first."""

SAMPLES: tuple[tuple[str, Side, str, str], ...] = (
    ("form, ja", "requester", FORM, PROSE_JA),
    ("sentences, ja", "requester", RUNNING, PROSE_JA),
    ("inquiry, en", "team", ENGLISH, PROSE_EN),
    ("vendor, ja", "vendor", ANSWER, PROSE_JA),
)


def times(rules: Rules, side: Side, text: str, prose: str, rounds: int = ROUNDS) -> dict[str, float]:
    """Milliseconds of each step for one mail filled up with prose."""
    while len(text.encode()) < SIZE:
        text += prose
    turn = RuleInput("1", side, "someone@corp.example", text, "お知らせ", date=datetime(2026, 11, 10, tzinfo=UTC))
    raw = _mail(text)
    reading = rules.read(turn)
    return {
        "read": _median(lambda: rules.read(turn), rounds),
        "judged": _median(lambda: rules.judge((turn,), (reading,)), rounds),
        "parsed": _median(lambda: parse(raw), rounds),
        "standard": _median(lambda: standard(raw), rounds),
    }


def joined_mails(writer: str) -> Iterator[RuleInput]:
    """Mails of a development file, joined to the size wanted."""
    text = ""
    for line in (CORPUS / f"{writer}.jsonl").read_text(encoding="utf-8").splitlines():
        turn = turn_of(json.loads(line))
        text += turn.text + "\n"
        if len(text.encode()) >= SIZE:
            yield replace(turn, text=text.encode()[:SIZE].decode(errors="ignore"))
            text = ""


def first_and_second(rules: Rules, writer: str) -> tuple[float, float]:
    """Milliseconds of reading a mail whose sentences are new, and of reading it again."""
    took: list[tuple[float, float]] = []
    for turn in joined_mails(writer):
        started = time.process_time()
        rules.read(turn)
        between = time.process_time()
        rules.read(turn)
        took.append((between - started, time.process_time() - between))
    first, second = zip(*took[WARMING_UP:], strict=True)
    return statistics.median(first) * 1000, statistics.median(second) * 1000


def measure(seconds: float) -> Outcome:
    """All shipped rules over a mail of 4 KB, against the standard library parsing it; in about so many seconds."""
    rules = load()
    gc.collect()
    gc.freeze()  # as a worker does
    rounds = max(20, round(seconds * 6))
    figures = []
    for title, side, text, prose in SAMPLES:
        took = times(rules, side, text, prose, rounds)
        base = took["standard"]
        for step in ("read", "judged"):
            detail = {"ms": took[step], "base_ms": base}
            figures.append(
                figure(f"{title}: {step}", took[step] / base, against="CPU of the standard library", detail=detail)
            )
    return outcome(figures)


def _median(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    for _ in range(20):
        call()
    took = []
    for _ in range(rounds):
        started = time.process_time()
        call()
        took.append(time.process_time() - started)
    return statistics.median(took) * 1000


def _mail(text: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@corp.example", "b@corp.example", "お知らせ"
    message.set_content(text)
    return message.as_bytes()


if __name__ == "__main__":
    loaded = load()
    gc.collect()
    gc.freeze()
    for writer in WRITERS:
        print(f"{writer:14} new sentences %.2f  read again %.2f" % first_and_second(loaded, writer))
    for title, side, text, prose in SAMPLES:
        print(f"{title:14} " + "  ".join(f"{step} {ms:.2f}" for step, ms in times(loaded, side, text, prose).items()))
