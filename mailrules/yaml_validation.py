"""Parses and validates the YAML of packs and of the site file. An error is one line."""

import re
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from mailrules.site import Site

_Model = TypeVar("_Model", bound=BaseModel)
_WORDS = {
    "extra_forbidden": "unknown field",
    "time_parsing": "expected a time such as 09:00",
    "time_type": "expected a time such as 09:00",
    "date_parsing": "expected a date such as 2026-12-29",
    "date_from_datetime_parsing": "expected a date such as 2026-12-29",
    "model_type": "expected fields, each as name: value",
    "model_attributes_type": "expected fields, each as name: value",
    "dict_type": "expected fields, each as name: value",
}
"""pydantic error type → message for the authors of packs."""


class PackError(ValueError):
    """A pack or site file that cannot be used. The text is one line: ``file:line: rule: message``.

    ``line``: None if the problem is the whole file.
    """

    def __init__(self, file: Path | str, line: int | None, rule: str, message: str) -> None:
        self.file, self.line, self.rule, self.message = str(file), line, rule, " ".join(message.split())
        super().__init__(
            f"{self.file}{'' if line is None else f':{line}'}: {rule + ': ' if rule else ''}{self.message}"
        )


def validated(model: type[_Model], file: Path, text: str) -> _Model:
    """Parse the text of a pack or of a site file; an empty site file gives the defaults. Raises PackError."""
    data = load_yaml(file, text)
    try:
        return model.model_validate({} if data is None and model is Site else data)
    except ValidationError as error:
        first = error.errors()[0]
    line, rule = _place(text, first["loc"])
    where = ".".join(str(step) for step in first["loc"] if isinstance(step, str))
    words = _WORDS.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        words += near(str(first["loc"][-1]), set(_fields(model)))
    raise PackError(file, line, rule, f"{where}: {words}" if where else words)


def load_yaml(file: Path, text: str) -> Any:
    """Parse YAML into plain values. Raises PackError."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader: plain values only
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise PackError(file, mark.line + 1 if mark else 1, "", f"this is not valid YAML: {problem}") from None


def line_of(text: str, steps: Sequence[str | int]) -> int:
    """Return the line number of a value. The path to the value consists of field names and list indexes."""
    return _place(text, steps)[0]


def near(name: str, known: Collection[str]) -> str:
    """Return ``; did you mean 'phrases'?`` if a similar name is known, otherwise ""."""
    found = get_close_matches(name.lower(), known, n=1, cutoff=0.75)
    return f"; did you mean {found[0]!r}?" if found else ""


class _Loader(yaml.CSafeLoader):
    """Loads YAML 1.2 scalars (core schema, §10.3). ``no``, ``off`` and ``12:30`` are strings."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the library's own way
        first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in ("null", "float", "merge")]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))


def _fields(model: type[BaseModel]) -> Iterator[str]:
    """Yield the field names of the model and of all models in it."""
    schema = model.model_json_schema()
    for part in (schema, *schema.get("$defs", {}).values()):
        yield from part.get("properties", {})


def _place(text: str, steps: Sequence[str | int]) -> tuple[int, str]:
    """Return the line and the rule id at a path. Parses the text again, because only this parser keeps line numbers."""
    node: Any = yaml.compose(text, Loader=_Loader)
    line, rule = 1, ""
    for step in steps:
        rule = _id_of(node) or rule
        if isinstance(node, yaml.MappingNode):
            key, node = next(((k, v) for k, v in node.value if k.value == str(step)), (None, None))
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            key = node = node.value[step]
        else:
            break
        if key is None:
            break
        line = key.start_mark.line + 1
    return line, _id_of(node) or rule


def _id_of(node: Any) -> str:
    """Return the ``id`` of a mapping node, or ""."""
    if not isinstance(node, yaml.MappingNode):
        return ""
    return next((str(value.value) for key, value in node.value if key.value == "id"), "")
