"""Tables of test cases, which lie beside the tests as YAML."""

from pathlib import Path
from typing import Any

import yaml


def table_beside(test: str, name: str) -> Any:
    """Read the file of this name in the folder of a test (its ``__file__``)."""
    return yaml.safe_load(Path(test).with_name(name).read_text(encoding="utf-8"))
