"""A server that speaks the chat API as endpoints do, well and badly: scripted, on a real port."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = dict[str, Any]
"""What is answered: ``status``, ``headers``, ``body`` (text), ``cut`` (bytes after which the connection ends)."""


@dataclass
class Endpoint:
    """``answers`` are given in turn, the last one again and again; ``asked`` holds each request."""

    answers: list[Answer | Callable[[dict[str, Any]], Answer]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def answer(self, request: dict[str, Any]) -> Answer:
        self.asked.append(request)
        given = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return given(request) if callable(given) else given


def statements(*found: dict[str, Any], **more: Any) -> Answer:
    """A good answer with these statements."""
    return says(json.dumps({"statements": list(found)}, ensure_ascii=False), **more)


def says(content: str | None, *, finish: str = "stop", tokens: tuple[int, int] = (1000, 50)) -> Answer:
    """An answer with this content."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "test-model",
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)},
    }
    return {"body": json.dumps(body)}


def refuses(status: int, message: str = "no", **headers: str) -> Answer:
    """An error as the API tells it."""
    error = {"error": {"message": message, "type": "error", "code": None, "param": None}}
    return {"status": status, "body": json.dumps(error), "headers": headers}


def slow(seconds: float, then: Answer) -> Callable[[dict[str, Any]], Answer]:
    """An answer after a while."""

    def answer(_request: dict[str, Any]) -> Answer:
        time.sleep(seconds)
        return then

    return answer


@contextmanager
def endpoint(*answers: Answer | Callable[[dict[str, Any]], Answer]) -> Iterator[Endpoint]:
    """A server on a free port, until the block ends."""
    state = Endpoint(list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            given = state.answer(request)
            body = str(given.get("body", "")).encode()
            self.send_response(given.get("status", 200))
            self.send_header("Content-Type", given.get("type", "application/json"))
            self.send_header("Content-Length", str(len(body)))
            for name, value in given.get("headers", {}).items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            with suppress(BrokenPipeError):  # who asked was killed
                self.wfile.write(body[: given.get("cut", len(body))])
            if "cut" in given:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
