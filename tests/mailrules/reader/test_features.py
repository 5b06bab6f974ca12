"""The features that the reader scores are those that training names."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.training.features import features_of
from mailrules.evaluation.judged import mail_text
from mailrules.reader.concepts import shipped_matcher
from mailrules.reader.feature_hashes import unit_hashes
from mailrules.reader.mailview import UnitCache, side_of, view_mail
from mailrules.reader.normal_forms import normal_forms
from mailrules.reader.unit_scores import mail_scores
from mailrules.reader.weights import shipped_weights
from mailrules.statement import MailText
from tests.mailrules.mails import mail

CORPUS = Path(__file__).resolve().parents[3] / "mailrules" / "corpus"
ODD = (
    "label bias\nno bias here. The label is bias.\n\n- İstanbul ﷺ k:ab P:x\n項目: 2件 　\nｱﾞ㈱ 10 000 ...\n- a\n"
    + "n't 'd x" * 90
)


def mails() -> Iterator[MailText]:
    for writer in ("en-ours", "ja-ours", "en-vendor2", "ja-vendor2"):
        for line in (CORPUS / f"{writer}.jsonl").read_text(encoding="utf-8").splitlines()[:12]:
            yield mail_text(json.loads(line))
    for text, subject in ((ODD, "再: テスト"), ("", "only a subject"), ("a", ""), ("", "")):
        yield mail(text, subject=subject, language="ja")


def test_the_reader_scores_the_features_that_training_names() -> None:
    weights = shipped_weights()
    for given in mails():
        view, side = view_mail(given, shipped_matcher()), side_of(given)
        features = features_of(view)
        scores, whole, _ = mail_scores(view, weights)
        named = weights.units[side].scores(unit_hashes([[*unit.own, *unit.placed] for unit in features]), len(features))
        assert np.allclose(scores, named, atol=1e-4), given.text
        named = weights.whole[side].scores(unit_hashes([[name for unit in features for name in unit.own]]), 1)[0]
        assert np.allclose(whole, named, atol=1e-4), given.text


def test_units_that_were_read_before_have_the_same_scores_in_another_mail() -> None:
    weights, cache = shipped_weights(), UnitCache(1000)
    for given in mails():
        view_mail(replace(given, text=given.text[len(given.text) // 3 :], subject=""), shipped_matcher(), cache)
        kept = mail_scores(view_mail(given, shipped_matcher(), cache), weights)
        new = mail_scores(view_mail(given, shipped_matcher()), weights)
        assert np.allclose(kept.units, new.units, atol=1e-5), given.text
        assert np.allclose(kept.whole, new.whole, atol=1e-5), given.text
        assert kept.rows.tolist() == new.rows.tolist(), given.text


def test_the_cache_of_units_keeps_those_that_were_used_last() -> None:
    [reading] = view_mail(mail("It is down."), shipped_matcher()).readings
    cache, keys = UnitCache(2), [(text, "", "", "ours") for text in "abc"]
    cache.keep({keys[0]: reading, keys[1]: reading})
    assert cache.known(keys[:1])
    cache.keep({keys[2]: reading})
    assert [*cache.known(keys)] == [keys[0], keys[2]]


def test_threads_read_japanese_at_the_same_time() -> None:
    sentences = ["本日9時からログインできません。", "印刷が始まらず、画面も固まります。" * 20]
    with ThreadPoolExecutor(8) as threads:
        found = [*threads.map(lambda _: tuple(normal_forms(sentences, japanese=True)), range(200))]
    assert len(set(found)) == 1
