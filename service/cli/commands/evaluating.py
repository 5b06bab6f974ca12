"""`sodan eval`: measures reading quality on labelled mail."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from service.cli.commands import start


def evaluate(
    paths: tuple[Path, ...],
    *,
    reader: Literal["embedded", "model"] = "embedded",
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Measure a reader on labelled mails: precision, recall and counts, by language.

    Parameters
    ----------
    paths
        Corpus files (.jsonl), or folders with corpus files or with mails (NAME.eml) and their labels (NAME.json).
    reader
        The reader to measure: embedded, or model (the language model of SODAN_MODEL_URL).
    as_json
        Print all figures as one JSON object.
    """
    from service.cli.terminal.evaluating import print_figures

    return print_figures(paths, reader=reader, as_json=as_json, settings=start.settings())
