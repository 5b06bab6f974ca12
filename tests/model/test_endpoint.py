"""Requests to the endpoint of a language model, and the errors of endpoints."""

from typing import Any

import pytest

from service.language_model import LanguageModel, ModelRefused, ModelUnavailable
from tests.mailbox.provider import Answer
from tests.model.endpoint import endpoint, interrupted, refuses, says, slow, statements
from tests.model.mails import asked, mail

REQUEST = asked(mail())


def model(url: str, seconds: float = 20.0) -> LanguageModel:
    return LanguageModel(url, "test-model", "secret-key", seconds)


def test_the_request_contains_a_schema_and_the_reply_states_its_usage() -> None:
    with endpoint(statements()) as up:
        reply = model(up.url).ask(REQUEST)
    assert (reply.tokens_in, reply.tokens_out, reply.model) == (1000, 50, "test-model")
    [sent] = up.asked
    assert sent["response_format"]["type"] == "json_schema"
    assert sent["response_format"]["json_schema"]["schema"] == REQUEST.schema
    assert [one["role"] for one in sent["messages"]] == ["system", "user"]
    assert not sent.get("stream")


def test_an_endpoint_without_schemas_gets_requests_for_json_and_then_for_text() -> None:
    no_schema = refuses(400, "response_format json_schema is not supported")
    no_json = refuses(400, "response_format is not supported by this model")
    with endpoint(no_schema, no_json, statements(), statements()) as up:
        one = model(up.url)
        assert one.ask(REQUEST).text
        assert one.answers_freely
        assert one.ask(REQUEST).text
    forms = [sent.get("response_format", {}).get("type") for sent in up.asked]
    assert forms == ["json_schema", "json_object", None, None]
    assert "nothing else" in up.asked[-1]["messages"][0]["content"]


def test_a_model_without_temperature_gets_a_request_without_it() -> None:
    with endpoint(refuses(400, "Unsupported value: 'temperature' does not support 0"), statements()) as up:
        assert model(up.url).ask(REQUEST).text
    assert ["temperature" in sent for sent in up.asked] == [True, False]


@pytest.mark.parametrize(
    ("answer", "reason", "retry_after"),
    [
        (refuses(429, "slow down", "7"), "429", 7.0),
        (refuses(429, "slow down"), "429", None),
        (refuses(429, "slow down", "Wed, 21 Oct 2026 07:28:00 GMT"), "429", None),
        (refuses(429, "slow down", "999999"), "429", 3600.0),
        (refuses(429, "slow down", "inf"), "429", 3600.0),
        (refuses(500, "oops"), "500", None),
        (refuses(503, "loading", "2"), "503", 2.0),
        (refuses(401, "bad key"), "SODAN_MODEL_URL", None),
        (refuses(404, "no such model"), "SODAN_MODEL_URL", None),
        ((200, b"<html>proxy</html>", {"Content-Type": "text/html"}), "chat API|contains no answer", None),
        ((200, b"{not json", {"Content-Type": "application/json"}), "does not have the format of the chat API", None),
        (interrupted(statements(), 40), "(?i)connection|peer", None),
        ((200, {"choices": []}, {}), "contains no answer", None),
        (says(None), "empty", None),
        (says('{"statements": [', finish="length"), "truncated", None),
    ],
)
def test_a_request_without_a_usable_response_can_be_retried(
    answer: Answer, reason: str, retry_after: float | None
) -> None:
    with endpoint(answer) as up, pytest.raises(ModelUnavailable, match=reason) as away:
        model(up.url).ask(REQUEST)
    assert away.value.retry_after == retry_after
    assert "secret-key" not in str(away.value)
    assert "受注" not in str(away.value)


def test_a_request_that_is_too_long_is_refused_permanently() -> None:
    with endpoint(refuses(400, "maximum context length exceeded")) as up, pytest.raises(ModelRefused, match="context"):
        model(up.url).ask(REQUEST)


def test_a_timeout_or_a_refused_connection_can_be_retried() -> None:
    with endpoint(slow(3.0, statements())) as up, pytest.raises(ModelUnavailable, match=r"(?i)time"):
        model(up.url, seconds=0.3).ask(REQUEST)
    with pytest.raises(ModelUnavailable):
        model("http://127.0.0.1:9/v1").ask(REQUEST)


def test_the_request_for_a_repair_states_the_error() -> None:
    with endpoint(statements()) as up:
        model(up.url).ask(REQUEST, repair="The answer is not JSON.")
    text: Any = up.asked[0]["messages"][-1]["content"]
    assert text.startswith("The answer is not JSON.")
