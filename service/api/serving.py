"""Serves the application with uvicorn until SIGTERM or SIGINT."""

import errno
import socket
from datetime import datetime

import uvicorn
from fastapi import FastAPI

from service.api.connections import LimitedHttpProtocol
from service.errors import Refused
from service.process import announce, report
from service.settings import Listen
from service.store import tokens
from service.store.database import Database


class Server(uvicorn.Server):
    """A uvicorn server that reports to the watchdog that its event loop runs."""

    async def on_tick(self, counter: int) -> bool:
        report()
        return await super().on_tick(counter)


def must_be_safe(listen: Listen, database: Database, now: datetime) -> None:
    """Raise Refused if the server can be reached from the network, but no token exists that protects it."""
    if not listen.loopback and not database.read(lambda conn: tokens.any_valid(conn, now)):
        raise Refused(
            f"SODAN_HTTP_LISTEN: {listen} can be reached from the network, but there is no token: "
            "create one first with `sodan token create NAME --scope admin`"
        )


def bind(listen: Listen) -> socket.socket:
    """Return the listening socket. Raises Refused if the address of SODAN_HTTP_LISTEN cannot be used."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((listen.host, listen.port))
    except OSError as error:
        listening.close()
        used = "another process uses this address; stop it, or set another port"
        why = used if error.errno == errno.EADDRINUSE else error.strerror or error
        raise Refused(f"SODAN_HTTP_LISTEN: cannot listen on {listen}: {why}") from None
    listening.set_inheritable(True)
    return listening


def serve(app: FastAPI, listening: socket.socket, *, stop_seconds: float) -> None:
    """Serve the application until the process gets SIGTERM or SIGINT. Open event streams are closed first."""
    host, port = listening.getsockname()[:2]
    announce(f"HTTP on http://{Listen(str(host), int(port))}")
    config = uvicorn.Config(
        app,
        http=LimitedHttpProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, int(min(stop_seconds, 5))),
        h11_max_incomplete_event_size=64 * 1024,
        limit_concurrency=1000,  # a second limit: LimitedHttpProtocol stays below it
    )
    Server(config).run(sockets=[listening])
