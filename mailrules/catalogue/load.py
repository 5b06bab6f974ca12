"""Loads the catalogue: one YAML file per family, one entry per meaning."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from mailrules.catalogue.meanings import ENOUGH, FAMILIES, Catalogue, read_meanings


@cache
def load() -> Catalogue:
    """Return the shipped catalogue. Raises CatalogueError."""
    catalogue = Catalogue()
    for family in FAMILIES:
        file = Path(__file__).with_name(f"{family}.yaml")
        written = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        catalogue = catalogue.extended(read_meanings(written, file.name, family, enough=ENOUGH), file.name)
    return catalogue
