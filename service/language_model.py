"""The only module that calls a language model, through the OpenAI chat API.

Endpoints enforce the form of an answer in different ways. sodan tries a JSON schema, then JSON mode, then plain text,
and remembers the first that the endpoint accepts. If an answer in plain text is not usable, the model can correct it
once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mailrules.reader.model_request import Request
from service.rate import retry_after

if TYPE_CHECKING:
    import openai  # loading takes a second, so only the functions that call the model import it

Form = Literal["schema", "json", "text"]
FORMS: tuple[Form, ...] = ("schema", "json", "text")
_REFUSED = (401, 403, 404)  # statuses for a wrong key, a forbidden or an unknown model


class ModelUnavailable(Exception):
    """The endpoint gave no usable response. ``retry_after``: the seconds that it asks to wait, or None."""

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class ModelRefused(Exception):
    """The endpoint refuses this request permanently. A retry will not help."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The text of an answer, and its usage."""

    text: str
    tokens_in: int
    tokens_out: int
    seconds: float
    model: str  # the name that the endpoint uses


@dataclass
class LanguageModel:
    """One endpoint and one model. Thread-safe."""

    url: str
    model: str
    key: str = field(default="", repr=False)
    seconds: float = 60.0  # timeout of one request
    retries: int = 0  # retries after a temporary failure (the service uses its queue instead)
    _form: Form = "schema"
    _temperature: bool = True  # whether to send a temperature; reasoning models refuse it

    def ask(self, request: Request, *, repair: str = "") -> Reply:
        """Return the answer.

        ``repair``: the error in the last answer. Raises ModelUnavailable (retry) or ModelRefused.
        """
        import openai

        while True:
            form = self._form
            try:
                return self._ask(request, form, repair)
            except openai.BadRequestError as error:
                if self._temperature and "temperature" in str(error):
                    self._temperature = False
                elif form != "text" and _is_about_form(error):
                    self._form = FORMS[FORMS.index(form) + 1]
                else:
                    raise ModelRefused(_words(error)) from error

    @property
    def answers_freely(self) -> bool:
        """Whether the endpoint does not enforce the form of an answer, so that the model can correct an answer once."""
        return self._form == "text"

    def _ask(self, request: Request, form: Form, repair: str) -> Reply:
        import openai

        messages: list[Any] = list(request.messages)
        if form != "schema":
            messages[0] = {**messages[0], "content": messages[0]["content"] + _answer_instruction(request)}
        if repair:
            messages.append({"role": "user", "content": f"{repair} Answer again, with nothing but the JSON object."})
        given: dict[str, Any] = {"temperature": 0} if self._temperature else {}
        if form == "schema":
            schema = {"name": "statements", "strict": True, "schema": dict(request.schema)}
            given["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif form == "json":
            given["response_format"] = {"type": "json_object"}
        began = time.monotonic()
        try:
            with openai.OpenAI(
                base_url=self.url, api_key=self.key or "none", timeout=self.seconds, max_retries=self.retries
            ) as client:
                answer = client.chat.completions.create(model=self.model, messages=messages, **given)
        except openai.BadRequestError:
            raise
        except openai.APIStatusError as error:
            advice = "; check SODAN_MODEL_URL, SODAN_MODEL and SODAN_MODEL_KEY" if error.status_code in _REFUSED else ""
            wait = retry_after(error.response.headers)
            raise ModelUnavailable(f"{error.status_code}: {_words(error)}{advice}", wait) from error
        except openai.APIError as error:
            raise ModelUnavailable(_words(error)) from error
        except ValueError as error:  # a body that is not JSON
            raise ModelUnavailable(
                f"the response does not have the format of the chat API ({type(error).__name__}); check SODAN_MODEL_URL"
            ) from error
        return _reply(answer, time.monotonic() - began)


def _reply(answer: Any, seconds: float) -> Reply:
    choices = getattr(answer, "choices", None)
    if not choices:
        raise ModelUnavailable("the response contains no answer")
    content = choices[0].message.content if choices[0].message is not None else None
    if choices[0].finish_reason == "length":
        raise ModelUnavailable("the answer was truncated")
    if not content:
        raise ModelUnavailable("the answer is empty")
    usage = answer.usage
    return Reply(
        text=content,
        tokens_in=usage.prompt_tokens if usage else 0,
        tokens_out=usage.completion_tokens if usage else 0,
        seconds=seconds,
        model=str(answer.model or ""),
    )


def _answer_instruction(request: Request) -> str:
    """Return the text that tells the model which JSON to answer, for requests without a JSON schema."""
    meanings = request.schema["properties"]["statements"]["items"]["properties"]["meaning"]["enum"]
    return (
        '\n\nThe answer is one JSON object and nothing else: {"statements": [{"unit": 1, "meaning": "'
        f'{meanings[0]}", "state": "value", "quote": "words of that unit"}}, …]}}'
    )


def _is_about_form(error: openai.BadRequestError) -> bool:
    words = str(error).casefold()
    return any(word in words for word in ("response_format", "json_schema", "json_object", "schema", "grammar"))


def _words(error: Exception) -> str:
    """Return the error as one short line, without the request."""
    return " ".join(str(error).split())[:200] or type(error).__name__
