"""Webhooks: requests sent when something changes, signed as standardwebhooks.com specifies."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from service.api import schemas
from service.api.dependencies import TheDesk, must_be_admin
from service.api.paging import answer
from service.api.problems import documented
from service.api.webhook_delivery import check_url
from service.store import webhooks
from service.store.encryption import secret_box

Number = Annotated[int, Path(ge=1, le=2**62, description="Id of the webhook.")]


router = APIRouter(prefix="/api/webhooks", tags=["events"], dependencies=[Depends(must_be_admin)])


@router.get("", response_model=schemas.WebhookPage, responses=documented(503))
def list_webhooks(desk: TheDesk) -> Response:
    """List the webhooks, without their secrets. Needs a token with the scope admin, as all calls for webhooks."""
    return answer({"items": desk.database.read(webhooks.listing), "next": None})


@router.post("", status_code=201, response_model=schemas.MadeWebhook, responses=documented(400, 503))
def create_webhook(desk: TheDesk, body: schemas.NewWebhook) -> Response:
    """Create a webhook for events from now on. Only this response contains the secret of the signatures."""
    check_url(body.url, desk.settings.webhook_networks)
    now, box = desk.now(), secret_box(desk.settings)

    def make(conn: Any) -> dict[str, Any]:
        id, secret = webhooks.create(conn, box, body.url, body.kinds, now)
        return {**webhooks.find(conn, id), "secret": secret}

    made = desk.database.transact(make)
    return answer(made, {"Location": f"/api/webhooks/{made['id']}"}, 201)


@router.get("/{id}", response_model=schemas.Webhook, responses=documented(404, 503))
def read_webhook(desk: TheDesk, id: Number) -> Response:
    """Return one webhook: the last delivered event, and the last error."""
    return answer(desk.database.read(lambda conn: webhooks.find(conn, id)))


@router.delete("/{id}", status_code=204, responses=documented(404, 503))
def delete_webhook(desk: TheDesk, id: Number) -> Response:
    """Delete the webhook; it receives no more events."""
    desk.database.transact(lambda conn: webhooks.remove(conn, id))
    return Response(status_code=204)
