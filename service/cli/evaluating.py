"""`sodan eval`: measures how well a reader finds the labels of labelled mails."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from mailrules.catalogue.meanings import Catalogue
from mailrules.evaluation.figures import SETS, SINGLE, Outcome, compare, labelled_outcome
from mailrules.evaluation.judged import judged_outcome
from mailrules.reader import EmbeddedReader
from mailrules.reader.model_answer import READER, AnswerRefused, check, join
from mailrules.reader.model_request import request
from mailrules.statement import MailText, Reader, ReaderResult
from service.cli import start
from service.cli.mails import judge_files, judged, rules_of
from service.errors import Refused
from service.language_model import LanguageModel, ModelRefused, ModelUnavailable, Reply
from service.model_reader import answer_of, model_of
from service.settings import Settings

RETRIES = 4  # maximum number of retries if the server of the model does not respond
_SHARES = ("P1/P2 found", "P1/P2 found or to be triaged", "P1/P2 false alarms", "other mails to be triaged")


def eval_(
    paths: tuple[Path, ...],
    *,
    reader: Literal["embedded", "model"] = "embedded",
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Measure a reader on labelled mails: precision, recall and counts, by language.

    Args:
        paths: Corpus files (.jsonl), or folders with corpus files or with mails (NAME.eml) and their labels
            (NAME.json).
        reader: The reader to measure: embedded, or model (the language model of SODAN_MODEL_URL).
        as_json: Print all figures as one JSON object.
    """
    settings = start.settings()
    for path in paths:
        if not path.exists():
            raise Refused(f"{path} does not exist")
    model = _model(settings) if reader == "model" else None
    figures = compare(_pairs(paths, model, settings))
    if not figures:
        raise Refused(
            f"no labelled mail in {', '.join(map(str, paths))}: give .jsonl files, or NAME.eml with NAME.json"
        )
    if model is not None:
        tokens = sum(reply.tokens_in + reply.tokens_out for reply in model.replies)
        counts = f"{start.counted(len(model.replies), 'request')}, {start.counted(tokens, 'token')}"
        dropped, left = start.counted(sum(model.dropped), "statement"), start.counted(len(model.left), "mail")
        start.say(f"{model.version}: {counts}, {dropped} dropped, {left} read by the embedded reader instead")
    if as_json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    for language, figure in figures.items():
        print("\n".join(table(language, figure)) + "\n")


def _model(settings: Settings) -> ModelReader:
    if not settings.model_url:
        raise Refused("SODAN_MODEL_URL and SODAN_MODEL: --reader model needs both (docs/language-model.md)")
    catalogue = rules_of((), None).catalogue
    model = replace(model_of(settings), retries=RETRIES)
    return ModelReader(model, catalogue, EmbeddedReader(), settings.model_max_characters)


def table(language: str, figure: dict[str, Any]) -> list[str]:
    """Return the figures of one language as lines of text."""
    lines = [f"{language}: {start.counted(figure['mails'], 'mail')}"]
    for name in (*SINGLE, *_SHARES):
        lines.append(f"  {name:32} {_number(figure[name]['share'])}  of {figure[name]['count']}")
    lines += [f"  {name:32} {_row(figure[name])}" for name in (*SETS, "missing", "vendor mail that asks")]
    meanings = [f"    {meaning:30} {_row(row)}" for meaning, row in figure["meanings"].items()]
    return [*lines, "  by meaning:", *meanings]


def _row(row: dict[str, Any]) -> str:
    shown = "  ".join(f"{name} {_number(row[name])}" for name in ("precision", "recall", "f1"))
    return f"{shown}  of {row['count']}, given {row['given']}"


def _number(value: float | None) -> str:
    return "  – " if value is None else f"{value:.3f}"


def _pairs(paths: Sequence[Path], model: ModelReader | None, settings: Settings) -> Iterator[tuple[Outcome, Outcome]]:
    """Yield (found, labelled) results of each mail, in order. A language model gets several mails at the same time."""
    rules = rules_of((), None)
    by_model = rules if model is None else replace(rules, reader=model)
    alone = settings.model_copy(update={"team": (), "organisation": (), "packs": (), "site_file": None})

    def judge(file: Path) -> dict[str, Any]:
        return judged(file, str(file), by_model, alone, rules)

    def read(mail: dict[str, Any]) -> tuple[Outcome, Outcome]:
        return judged_outcome(model or rules.reader, mail, rules), labelled_outcome(mail)

    with ThreadPoolExecutor(1 if model is None else settings.model_concurrency) as threads:
        for path in paths:
            files = sorted(path.iterdir()) if path.is_dir() else [path]
            corpus = [file for file in files if file.suffix == ".jsonl"]
            lines = [line for file in corpus for line in file.read_text(encoding="utf-8").splitlines()]
            yield from threads.map(read, map(json.loads, lines))
            mails = [file for file in files if file.suffix == ".eml" and file.with_suffix(".json").exists()]
            by_rules = map(json.loads, judge_files(mails, alone, guess=True))
            results = by_rules if model is None else threads.map(judge, mails)
            labels = (json.loads(file.with_suffix(".json").read_text(encoding="utf-8")) for file in mails)
            yield from ((_outcome(result), _outcome(label)) for result, label in zip(results, labels, strict=True))


def _outcome(values: dict[str, Any]) -> Outcome:
    """Return the outcome that a judgement or the label of a mail states."""
    present = set(values.get("present", ()))
    return Outcome(
        language=values.get("language", "und"),
        side=values.get("author_role", "unknown"),
        kind=values.get("kind"),
        priority=values.get("priority", ""),
        needs_triage=bool(values.get("needs_triage")),
        asks_something=bool(values.get("asks_something") or values.get("asks")),
        sets={name: set(values.get(name, ())) for name in SETS},
        missing=tuple(values.get("missing", ())),
        told=present | set(values.get("unknown", ())),
    )


@dataclass
class ModelReader:
    """Reads with a language model as the service does, or else with the embedded reader. Thread-safe."""

    model: LanguageModel
    catalogue: Catalogue
    embedded: Reader
    characters: int  # maximum length of a mail that is sent to the model
    replies: list[Reply] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)  # number of statements in each answer that could not be used
    left: list[MailText] = field(default_factory=list)  # mails for which the model gave no usable answer
    name: str = READER
    version: str = field(init=False)

    def __post_init__(self) -> None:
        self.version = self.model.model

    def read(self, mail: MailText) -> ReaderResult:
        """Return the statements that the model found, with the values that the embedded reader found.

        Raises Refused if the model cannot be reached.
        """
        embedded = self.embedded.read(mail)
        if mail.automatic or not 0 < len(mail.text) <= self.characters:
            return embedded
        question = request(mail, self.catalogue)

        def ask(repair: str) -> Reply:
            reply = self.model.ask(question, repair=repair)
            self.replies.append(reply)
            return reply

        try:
            _, answer = answer_of(self.model, ask, lambda text: check(text, question, mail, self.catalogue))
        except ModelUnavailable as error:
            raise Refused(f"the language model failed: {error}") from None
        except (ModelRefused, AnswerRefused):
            self.left.append(mail)
            return embedded
        self.dropped.append(sum(answer.dropped.values()))
        return embedded._replace(statements=join(answer.statements, embedded.statements))
