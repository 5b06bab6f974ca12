"""Texts of outgoing mail: Jinja2 templates in Japanese and English, and own templates from SODAN_TEMPLATES."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, TemplateError, select_autoescape

from service.errors import Refused

SHIPPED = Path(__file__).parent / "templates"
MAX_QUESTIONS = 5
SIGNATURE = "-- "
"""The line above a signature (RFC 3676 §4.3); mail programs leave out what follows it in replies."""


@dataclass(frozen=True)
class Templates:
    """Renders templates. Files in the folder ``own`` replace shipped ones of the same name; None: shipped ones only."""

    own: Path | None = None

    def text(self, template: str, language: str, **values: Any) -> str:
        """Render ``<language>/<template>.txt.j2`` as plain text.

        Raises Refused, naming the file, if it has an error.
        """
        file = f"{spoken(language)}/{template}.txt.j2"
        try:
            lines = self._environment.get_template(file).render(**values).strip().splitlines()
        except TemplateError as error:
            raise Refused(f"SODAN_TEMPLATES: {file}: {error}") from None
        return "\n".join(_without_blank_runs(lines)) + "\n"

    def html(self, text: str, language: str) -> str:
        """Return the text as simple HTML, with one paragraph per block of lines."""
        paragraphs = [block for block in text.strip().split("\n\n") if block.strip()]
        return self._environment.get_template("mail.html.j2").render(paragraphs=paragraphs, language=spoken(language))

    def question(self, item: str, language: str, label: str = "") -> str:
        """Return the question for an item; without one, ``label``, or the item's id if ``label`` is empty."""
        return self._questions.get(item, {}).get(spoken(language)) or label or item

    def questions(self, items: Sequence[str], language: str, labels: Mapping[str, str]) -> list[str]:
        """Return the questions for at most five items, in the order given."""
        return [self.question(item, language, labels.get(item, "")) for item in items[:MAX_QUESTIONS]]

    @cached_property
    def _environment(self) -> Environment:
        folders = [FileSystemLoader(folder) for folder in (self.own, SHIPPED) if folder is not None]
        return Environment(
            loader=ChoiceLoader(folders),
            autoescape=select_autoescape(("html.j2",), default_for_string=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    @cached_property
    def _questions(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for folder in (SHIPPED, self.own):
            file = folder / "questions.yaml" if folder is not None else None
            if file is not None and file.is_file():
                try:
                    found |= yaml.safe_load(file.read_text(encoding="utf-8")) or {}
                except (yaml.YAMLError, TypeError) as error:
                    raise Refused(f"SODAN_TEMPLATES: questions.yaml: {error}".replace("\n", " ")) from None
        return found


def spoken(language: str) -> str:
    """Return the language of outgoing mail: ja or en."""
    return "ja" if language == "ja" else "en"


def _without_blank_runs(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if line.strip() or (kept and kept[-1]):
            kept.append(SIGNATURE if line.rstrip() == "--" else line.rstrip())
    return kept
