"""docs/evidence.md says what the code does: every kind in its order, every example run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from service.case.group import Kind
from service.mail.message import Mail
from tests.case.filing import Filing, inside, mail

PAGE = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")
BLOCK = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES: list[dict[str, Any]] = yaml.safe_load(BLOCK[1] if BLOCK else "[]")


def test_every_kind_of_evidence_has_its_line_in_order_of_strength() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(get_args(Kind))


def test_what_a_runner_up_may_hear_is_explained() -> None:
    from service.case import grouping

    source = Path(grouping.__file__ or "").read_text(encoding="utf-8")
    for words in (
        "begins a new topic",
        "settled too long ago",
        "a stranger claims it",
        "a stranger quotes it",
        "life of their own",
    ):
        assert words in source
        assert words.removeprefix("begins ").lower() in PAGE.lower()


@pytest.mark.parametrize("example", EXAMPLES, ids=[e["kind"] for e in EXAMPLES])
def test_the_examples_are_true(example: dict[str, Any]) -> None:
    filing = Filing()
    written: dict[str, Mail] = {}
    for name, fields in example["mails"].items():
        written[name] = _mail(name, fields, written)
        filing.deliver(written[name])
    last = list(written)[-1]
    expect = example["expect"]
    assert filing.why(last).kind == example["kind"]
    if "with" in expect:
        assert filing.case_of(last) == filing.case_of(expect["with"])
    else:
        assert filing.case_of(last) != filing.case_of(expect["apart"])


def _mail(name: str, fields: list[Any], written: dict[str, Mail]) -> Mail:
    author, when, subject, text, to, *rest = fields
    words = rest[0].split() if rest else []
    if words[:1] == ["quotes"]:
        earlier = written[words[1]]
        assert earlier.from_ is not None
        quoted = inside(earlier.from_.address, earlier.reply_text, 0)
        return mail(name, author, subject, text, when, to=(to,), history=(quoted,))
    return mail(name, author, subject, text, when, to=(to,), parent=words[0] if words else None, refs=words[1:])
