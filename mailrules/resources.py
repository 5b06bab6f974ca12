"""The YAML files of this package, except the vendor files (`library.py`)."""

from importlib.resources import files
from typing import Any

import yaml


def read_yaml(folder: str, name: str) -> Any:
    """Parse a YAML file of this package."""
    text = files("mailrules").joinpath(folder, name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.CSafeLoader)
