"""Serves the application with uvicorn until SIGTERM or SIGINT."""

from __future__ import annotations

import errno
import json
import socket
import sys
from datetime import datetime

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.api.problems import MEDIA_TYPE
from service.errors import Refused
from service.settings import Listen
from service.store import tokens
from service.store.database import Database


class Spoken(H11Protocol):
    """HTTP/1.1 whose every error is a problem, also where a request is none and no route ever sees it."""

    def send_400_response(self, msg: str) -> None:
        """Such as ``?q=返金`` as it is written: an address is ASCII (RFC 3986 §2)."""
        detail = "not HTTP (RFC 9112); in an address anything but ASCII is percent-encoded: ?q=%E8%BF%94%E9%87%91"
        body = json.dumps({"type": "about:blank", "title": "Bad Request", "status": 400, "detail": detail}).encode()
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def must_be_safe(listen: Listen, database: Database, now: datetime) -> None:
    """Raises Refused where anybody in the network could come in without a token."""
    if not listen.loopback and not database.read(lambda conn: tokens.any_valid(conn, now)):
        raise Refused(
            f"SODAN_HTTP_LISTEN: {listen} is not loopback, and there is no token: "
            "make one first with `sodan token create NAME --scope admin`"
        )


def bind(listen: Listen) -> socket.socket:
    """The listening socket. Raises Refused, naming the setting, where the address cannot be had."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((listen.host, listen.port))
    except OSError as error:
        made.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be listened on ({error.strerror})"
        raise Refused(f"SODAN_HTTP_LISTEN: {listen} {why}") from None
    made.set_inheritable(True)
    return made


def serve(app: FastAPI, listening: socket.socket, *, stop_seconds: float) -> None:
    """Answer until told to stop; open event streams are ended first."""
    host, port = listening.getsockname()[:2]
    print(f"sodan: HTTP on http://{Listen(str(host), int(port))}", file=sys.stderr, flush=True)
    config = uvicorn.Config(
        app,
        http=Spoken,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, int(min(stop_seconds, 5))),
        h11_max_incomplete_event_size=64 * 1024,
        limit_concurrency=1000,
    )
    uvicorn.Server(config).run(sockets=[listening])
