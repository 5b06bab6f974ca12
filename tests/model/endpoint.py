"""A server with the chat API on a real port, which gives the answers that a test lists."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.mailbox.provider import Answer, http_server

Request = dict[str, Any]


@dataclass
class Endpoint:
    """``answers`` are given in turn, the last one again and again. ``asked`` contains the requests."""

    answers: tuple[Answer | Callable[[Request], Answer], ...]
    asked: list[Request] = field(default_factory=list)
    url: str = ""

    def answer(self, _method: str, _path: str, _headers: Any, body: bytes) -> Answer:
        request = json.loads(body)
        self.asked.append(request)
        given = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return given(request) if callable(given) else given


@contextmanager
def endpoint(*answers: Answer | Callable[[Request], Answer]) -> Iterator[Endpoint]:
    """Run a server until the end of the block."""
    state = Endpoint(answers)
    with http_server(state.answer) as port:
        state.url = f"http://127.0.0.1:{port}/v1"
        yield state


def statements(*found: dict[str, Any]) -> Answer:
    """Return a valid answer with these statements."""
    return says(json.dumps({"statements": list(found)}, ensure_ascii=False))


def says(content: str | None, *, finish: str = "stop") -> Answer:
    """Return an answer with this content."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content}}
    usage = {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050}
    given = {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": "test-model"}
    return 200, {**given, "choices": [choice], "usage": usage}, {}


def refuses(status: int, message: str = "no", retry_after: str | None = None) -> Answer:
    """Return an error of the API."""
    error = {"error": {"message": message, "type": "error", "code": None, "param": None}}
    return status, error, {"Retry-After": retry_after} if retry_after else {}


def interrupted(answer: Answer, after: int) -> Answer:
    """Return the answer of a server that closes the connection after so many bytes of it."""
    status, content, headers = answer
    body = json.dumps(content).encode()
    return status, body[:after], {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}


def slow(seconds: float, answer: Answer) -> Callable[[Request], Answer]:
    """Return an answer that comes after so many seconds."""

    def wait(_request: Request) -> Answer:
        time.sleep(seconds)
        return answer

    return wait
