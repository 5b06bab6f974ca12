"""Every example and near-miss that stands beside a shipped rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailrules.examples import try_examples
from mailrules.judge import Rules
from mailrules.library import Library, build, collect
from mailrules.patterns import compile_pattern
from mailrules.schema import schema
from service.terminal.rules import run_lint

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def library() -> Library:
    return collect()


@pytest.fixture(scope="module")
def rules(library: Library) -> Rules:
    return build(library)


@pytest.mark.slow
def test_every_example_fires_and_every_near_miss_is_silent(library: Library, rules: Rules) -> None:
    tried = list(try_examples(library, rules))
    assert len(tried) > 1500
    assert [one for one in tried if not one.ok] == []


@pytest.mark.slow
def test_every_rule_has_an_example_and_a_near_miss_and_can_hold(capsys: pytest.CaptureFixture[str]) -> None:
    """By the command itself: it prints nothing, warnings included, and ends with 0."""
    assert run_lint((), None) == 0
    assert capsys.readouterr().out == ""


def test_every_pattern_compiles(library: Library) -> None:
    """Loading only parses them: one that is too large would be found by the first mail that needs it."""
    tried = 0
    for signal, _ in library.signals.values():
        for pattern in (*signal.patterns, *signal.not_, *signal.not_after, *signal.not_before):
            compile_pattern(pattern, signal.case)
            tried += 1
    assert tried > 2000


def test_the_checklist_is_the_one_of_the_domain(rules: Rules) -> None:
    assert len(rules.checklist.items) >= 33
    incident = rules.checklist.required("incident", "requester", installed=False)
    assert incident == ["product", "symptom", "occurred_at", "error_message", "impact_scope", "device_id"]
    towards_vendor = rules.checklist.required("incident", "team", installed=True)
    assert towards_vendor[:2] == ["product", "version"]
    assert "contact" not in towards_vendor  # of a P1 without one the notes of the case speak


def test_at_least_forty_vendors_are_known(rules: Rules) -> None:
    assert len(rules.vendors.profiles) >= 40
    assert rules.vendor_of("someone@support.microsoft.com") == "microsoft"
    assert rules.vendor_name("microsoft", "ja")


@pytest.mark.parametrize("of", ["pack", "site"])
def test_the_schemas_for_editors_are_current(of: str) -> None:
    """`.venv/bin/python -m mailrules.schema pack > docs/pack.schema.json` renews it, and so for the site file."""
    assert (ROOT / "docs" / f"{of}.schema.json").read_text(encoding="utf-8") == schema(of)
