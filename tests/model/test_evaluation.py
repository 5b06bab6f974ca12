"""`sodan eval --reader model`: the configured language model reads labelled mail."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.cli.evaluating import ModelReader, eval_
from service.errors import Refused
from service.language_model import LanguageModel
from tests.mailrules.mails import READER, RULES
from tests.model.endpoint import endpoint, refuses, says, statements
from tests.model.mails import mail

LABELLED = {
    "id": "x1", "lang": "en", "side": "requester", "to": "team", "opens": True, "automatic": None, "files": [],
    "subject": "Tills", "kind": "incident", "priority": "P1", "acts": ["report"], "tone": [], "parked": [],
    "units": [
        {"t": "The wombat of the till gnaws.", "l": ["item:symptom", "impact:high", "act:report", "kind:incident"]},
        {"t": "The customers go home.", "l": ["urgency:high"]},
    ],
}  # fmt: skip
SAID = [
    {"unit": 1, "meaning": meaning, "state": "value", "quote": "The wombat of the till gnaws."}
    for meaning in ("kind.incident", "item.symptom", "impact.high", "act.report")
] + [{"unit": 2, "meaning": "urgency.high", "state": "value", "quote": "The customers go home."}]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus of two mails: one by a person, and one by a machine, which is not sent to the model."""
    machine = {**LABELLED, "id": "x2", "automatic": "auto_reply"}
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(mail) + "\n" for mail in (LABELLED, machine)), encoding="utf-8")
    return file


def figures(paths: tuple[Path, ...], url: str, capfd: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SODAN_MODEL_URL", url)
        patch.setenv("SODAN_MODEL", "test-model")
        eval_(paths, reader="model", as_json=True)
    output = capfd.readouterr()
    return json.loads(output.out), output.err


def test_the_figures_describe_the_statements_of_the_model(corpus: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with endpoint(statements(*SAID)) as up:
        found, summary = figures((corpus,), up.url, capfd)
    assert len(up.asked) == 1, "automatic mail is not sent"
    assert found["en"]["mails"] == 2
    assert found["en"]["meanings"]["impact.high"]["recall"] == 0.5
    assert found["en"]["meanings"]["impact.high"]["precision"] == 1.0
    usage = "1 request, 1050 tokens, 0 statements dropped, 0 mails read by the embedded reader instead"
    assert summary == f"sodan: test-model: {usage}\n"


def test_the_model_also_reads_mail_with_a_label_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = "\r\n".join(unit["t"] for unit in LABELLED["units"])  # type: ignore[attr-defined]
    head = "From: a@corp.example\r\nTo: intake@corp.example\r\nSubject: Tills\r\nMessage-ID: <1@corp.example>"
    (tmp_path / "one.eml").write_text(f"{head}\r\n\r\n{text}\r\n", newline="")
    label = {"kind": "incident", "priority": "P1", "author_role": "requester", "language": "en", "present": ["symptom"]}
    (tmp_path / "one.json").write_text(json.dumps(label))
    with endpoint(statements(*SAID)) as up:
        found, _ = figures((tmp_path,), up.url, capfd)
    assert len(up.asked) == 1
    assert found["all"]["priority"] == {"share": 1.0, "count": 1}


def test_the_embedded_reader_reads_mail_for_which_the_answer_is_unusable(
    corpus: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with endpoint(says("I am sorry.")) as up:
        _, summary = figures((corpus,), up.url, capfd)
    assert len(up.asked) == 1
    assert "1 mail read by the embedded reader instead" in summary


def test_the_error_without_a_model_names_the_setting(corpus: Path) -> None:
    with pytest.raises(Refused, match="SODAN_MODEL_URL"):
        eval_((corpus,), reader="model")


def test_temporary_errors_are_retried_and_an_unreachable_endpoint_is_an_error() -> None:
    def reader(url: str) -> ModelReader:
        return ModelReader(LanguageModel(url, "m", retries=2), RULES.catalogue, READER, 9999)

    with endpoint(refuses(429, "slow down", "0.01"), refuses(500), statements()) as up:
        busy = reader(up.url)
        busy.read(mail())
    assert (len(up.asked), len(busy.replies)) == (3, 1)
    with pytest.raises(Refused, match="the language model failed"):
        reader("http://127.0.0.1:9/v1").read(mail())
