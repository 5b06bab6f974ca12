"""Webhooks: requests sent when something changes, signed as standardwebhooks.com specifies."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from service.api.case_schema import Out, doc, page_of
from service.api.dependencies import TheDesk, must_be_admin
from service.api.paging import answer
from service.api.problems import error_responses
from service.api.webhook_delivery import check_url
from service.store import webhooks
from service.store.encryption import secret_box


class Webhook(Out):
    """A webhook: a URL to which sodan sends events."""

    id: int = doc("Id of the webhook.")
    url: str = doc("URL to which sodan sends events.")
    kinds: list[str] = doc("Kinds of the events that sodan sends; empty: all kinds.")
    created_at: datetime = doc("When the webhook was created.")
    disabled_at: datetime | None = doc("When the webhook was disabled; null while it is in use.")
    event: int = doc("Id of the last event that sodan delivered.", 0)
    attempts: int = doc("Failed attempts to deliver the next event.", 0)
    due_at: datetime | None = doc("Earliest time of the next attempt.", None)
    last_error: str | None = doc("Why the last attempt failed or the webhook is disabled; null: no problem.", None)


_NEW = {"url": "https://dashboard.example/hooks/sodan", "kinds": ["case.changed"]}


class NewWebhook(BaseModel, extra="forbid", json_schema_extra={"examples": [_NEW]}):
    """A webhook to create."""

    url: str = doc(
        "URL to which sodan sends events: `https://…`. `http://…` is allowed only if `SODAN_WEBHOOK_NETWORKS` is set.",
        max_length=2000,
        pattern=r"^https?://[A-Za-z0-9-]{1,63}([.][A-Za-z0-9-]{1,63}){0,9}[.]?(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?(/[!-~]*)?$",
    )
    kinds: list[Annotated[str, Field(pattern="^[a-z_]+([.][a-z_]+)*$", max_length=40)]] = doc(
        "Kinds of the events that sodan sends; empty: all kinds.", [], max_length=20
    )


class MadeWebhook(Webhook):
    """A new webhook with its secret."""

    secret: str = doc("Secret for checking the signatures (Standard Webhooks). Only this response contains it.")


WebhookPage = page_of("WebhookPage", Webhook, "All webhooks.", "The webhooks, oldest first.", None)
Number = Annotated[int, Path(ge=1, le=2**62, description="Id of the webhook.")]


router = APIRouter(prefix="/api/webhooks", tags=["events"], dependencies=[Depends(must_be_admin)])


@router.get("", response_model=WebhookPage)
def list_webhooks(desk: TheDesk) -> Response:
    """List the webhooks, without their secrets. All calls for webhooks need a token with the scope admin."""
    return answer({"items": desk.database.read(webhooks.listing), "next": None})


@router.post("", status_code=201, response_model=MadeWebhook, responses=error_responses(400))
def create_webhook(desk: TheDesk, body: NewWebhook) -> Response:
    """Create a webhook. sodan sends events that happen from now on. Only this response contains the secret."""
    check_url(body.url, desk.settings.webhook_networks)
    now, box = desk.now(), secret_box(desk.settings)

    def create(conn: Any) -> dict[str, Any]:
        id, secret = webhooks.create(conn, box, body.url, body.kinds, now)
        return {**webhooks.find(conn, id), "secret": secret}

    webhook = desk.database.transact(create)
    return answer(webhook, {"Location": f"/api/webhooks/{webhook['id']}"}, 201)


@router.get("/{id}", response_model=Webhook, responses=error_responses(404))
def read_webhook(desk: TheDesk, id: Number) -> Response:
    """Return one webhook: the last delivered event, and the last error."""
    return answer(desk.database.read(lambda conn: webhooks.find(conn, id)))


@router.delete("/{id}", status_code=204, responses=error_responses(404))
def delete_webhook(desk: TheDesk, id: Number) -> Response:
    """Delete the webhook. sodan sends no more events to it."""
    desk.database.transact(lambda conn: webhooks.remove(conn, id))
    return Response(status_code=204)
