"""Texts of outgoing mail, from Jinja2 templates in Japanese and English."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, select_autoescape

from service.errors import Refused

SHIPPED = Path(__file__).parent / "templates"
MAX_QUESTIONS = 5  # in one mail
SIGNATURE = "-- "  # the line above a signature (RFC 3676 §4.3), which mail programs leave out in replies
_IN_CASE = {"name": "", "key": "SD-1", "title": "", "questions": [], "signature": ""}
_CASE = {"key": "SD-1", "title": "", "priority": "P1", "owner": "Mika", "waiting_since": "2026-11-04T00:00:00Z"}
_DIGEST = {"date": "2026-11-04", "turn": [_CASE], "later": [_CASE], "link": str}
_SAMPLES: dict[str, list[dict[str, Any]]] = {
    "acknowledgement": [_IN_CASE | {"excerpt": ""}, _IN_CASE | {"name": "Aiko", "excerpt": "?", "questions": ["?"]}],
    "questions": [_IN_CASE | {"text": ""}, _IN_CASE | {"name": "Aiko", "text": "?", "questions": ["?"]}],
    "reminder": [_IN_CASE, _IN_CASE | {"name": "Aiko", "questions": ["?"]}],
    "digest": [_DIGEST, _DIGEST | {"later": []}],
}
"""Template → values that ``check`` renders it with."""


@dataclass(frozen=True)
class Templates:
    """Renders the texts of outgoing mail."""

    custom: Path | None = None  # SODAN_TEMPLATES: a folder; its files replace shipped files with the same name

    def check(self) -> None:
        """Render all templates with samples, if there are custom templates. Raises Refused if a file has an error."""
        for language in ("ja", "en") if self.custom else ():
            for template, samples in _SAMPLES.items():
                for values in samples:
                    self.html(self.text(template, language, **values), language)
            self.question("", language)

    def text(self, template: str, language: str, **values: Any) -> str:
        """Render ``<language>/<template>.txt.j2`` as plain text. Raises Refused if the template has an error."""
        lines = self._render(f"{mail_language(language)}/{template}.txt.j2", **values).strip().splitlines()
        return "\n".join(_without_blank_runs(lines)) + "\n"

    def html(self, text: str, language: str) -> str:
        """Return a text as HTML. Blank lines separate paragraphs. Raises Refused if the template has an error."""
        paragraphs = [block for block in text.strip().split("\n\n") if block.strip()]
        return self._render("mail.html.j2", paragraphs=paragraphs, language=mail_language(language))

    def _render(self, file: str, **values: Any) -> str:
        try:
            return self._environment.get_template(file).render(**values)
        except Exception as error:  # any error of the file, or of an expression in the file
            raise Refused(f"SODAN_TEMPLATES: {file}: {error}".replace("\n", " ")) from None

    def question(self, item: str, language: str, label: str = "") -> str:
        """Return the question that asks for a checklist item. Without a question, return the label or the id."""
        return self._questions.get(item, {}).get(mail_language(language)) or label or item

    def questions(self, items: Sequence[str], language: str, labels: Mapping[str, str]) -> list[str]:
        """Return the questions for at most five items, in the order given."""
        return [self.question(item, language, labels.get(item, "")) for item in items[:MAX_QUESTIONS]]

    @cached_property
    def _environment(self) -> Environment:
        folders = [FileSystemLoader(folder) for folder in (self.custom, SHIPPED) if folder is not None]
        return Environment(
            loader=ChoiceLoader(folders),
            autoescape=select_autoescape(("html.j2",), default_for_string=False),
            undefined=StrictUndefined,
            auto_reload=False,  # files are not reloaded, because they are checked only at the start
            trim_blocks=True,
            lstrip_blocks=True,
        )

    @cached_property
    def _questions(self) -> dict[str, dict[str, str]]:
        """Item id → language → question."""
        questions: dict[str, dict[str, str]] = {}
        for folder in filter(None, (SHIPPED, self.custom)):
            file = folder / "questions.yaml"
            if file.is_file():
                try:
                    given = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
                    questions |= {str(item): dict(sentences) for item, sentences in dict(given).items()}
                except (yaml.YAMLError, TypeError, ValueError) as error:
                    raise Refused(f"SODAN_TEMPLATES: questions.yaml: {error}".replace("\n", " ")) from None
        return questions


def mail_language(language: str) -> str:
    """Return the language for mail to a person: ja for Japanese, en for all others."""
    return "ja" if language == "ja" else "en"


def _without_blank_runs(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if line.strip() or (kept and kept[-1]):
            kept.append(SIGNATURE if line.rstrip() == "--" else line.rstrip())
    return kept
