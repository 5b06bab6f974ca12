"""`sodan eval`: how well labelled mail is understood."""

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
    """Compare what the reader says of labelled mails with the labels: precision, recall, counts; ja and en apart.

    Parameters
    ----------
    paths
        Corpus files (.jsonl), or folders: of corpus files, or of mails (NAME.eml) with labels beside (NAME.json).
    reader
        Who reads the mails.
    as_json
        Print all figures as one JSON object.
    """
    from service.cli.terminal.evaluating import print_figures

    return print_figures(paths, reader=reader, as_json=as_json, settings=start.settings())
