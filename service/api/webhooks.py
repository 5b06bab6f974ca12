"""Webhooks: requests sent when something changes, signed as standardwebhooks.com specifies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from service.api import schemas
from service.api.desk import Desk, must_be_admin
from service.api.paging import answer
from service.api.problems import documented
from service.api.webhook_delivery import check_url
from service.store import webhooks
from service.store.cases import stamp
from service.store.encryption import secret_box

Number = Annotated[int, Path(ge=1, le=2**62, description="Id of the webhook.")]


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/api/webhooks", tags=["events"])

    @router.get("", response_model=schemas.WebhookPage, responses=documented(503))
    def list_webhooks(request: Request) -> Response:
        """List the webhooks, without their secrets. Needs a token with the scope admin, as all calls for webhooks."""
        must_be_admin(request)
        return answer({"items": [_shown(row) for row in desk.database.read(webhooks.listing)], "next": None})

    @router.post("", status_code=201, response_model=schemas.MadeWebhook, responses=documented(400, 503))
    def create_webhook(request: Request, body: schemas.NewWebhook) -> Response:
        """Create a webhook for events from now on. Only this response contains the secret of the signatures."""
        must_be_admin(request)
        check_url(body.url, desk.settings.webhook_networks)
        now, box = desk.now(), secret_box(desk.settings)

        def make(conn: Any) -> dict[str, Any]:
            id, secret = webhooks.create(conn, box, body.url, body.kinds, now)
            return {**_shown(webhooks.find(conn, id)), "secret": secret}

        made = desk.database.transact(make)
        return answer(made, {"Location": f"/api/webhooks/{made['id']}"}, 201)

    @router.get("/{id}", response_model=schemas.Webhook, responses=documented(404, 503))
    def read_webhook(request: Request, id: Number) -> Response:
        """Return one webhook: the last delivered event, and the last error."""
        must_be_admin(request)
        return answer(_shown(desk.database.read(lambda conn: webhooks.find(conn, id))))

    @router.delete("/{id}", status_code=204, responses=documented(404, 503))
    def delete_webhook(request: Request, id: Number) -> Response:
        """Delete the webhook; it receives no more events."""
        must_be_admin(request)
        desk.database.transact(lambda conn: webhooks.remove(conn, id))
        return Response(status_code=204)

    return router


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: stamp(value) if isinstance(value, datetime) else value for name, value in row.items()}
