"""Which items the embedded reader sees well enough to call them missing (`sees.yaml`)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml


@cache
def items_seen() -> dict[str, frozenset[str]]:
    """Language → items. Of all others "not seen" is not "missing"."""
    content = yaml.load(
        (files("mailrules") / "reader" / "sees.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader
    )
    return {language: frozenset(items) for language, items in content.items()}
