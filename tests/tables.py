"""Reads tables of test cases from YAML files next to the tests."""

from pathlib import Path
from typing import Any

import yaml


def table_beside(test: str, name: str) -> Any:
    """Return the content of the file ``name`` in the folder of a test. ``test``: the ``__file__`` of the test."""
    return yaml.safe_load(Path(test).with_name(name).read_text(encoding="utf-8"))
