"""Builds the HTTP application from middleware, error handlers, routers and web pages."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, Depends, FastAPI
from pydantic.alias_generators import to_camel

from service.api import (
    brief,
    cases,
    events,
    health,
    meanings,
    messages,
    outbox,
    problems,
    questions,
    spool,
    vendors,
    webhook_delivery,
    webhooks,
)  # fmt: skip
from service.api.authentication import Guard
from service.api.bodies import CheckBody
from service.api.dependencies import refuse_unknown_query
from service.api.problems import ErrorPage, ProblemDetails, error_responses
from service.api.request_log import RequestLog
from service.desk import Desk

DESCRIPTION = """Groups mail about vendor support into cases: their priority, who has to act next, and what is missing.

`/api/v1/…` and `/api/…` are the same. An unknown query parameter is an error (422).

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem+json. Lists are paginated: `next` is the `cursor`
of the next page, and the header `Link: <…>; rel="next"` contains its URL. Times are ISO 8601 in UTC.

Send `Authorization: Bearer …` with a token from `sodan token create`. On loopback, requests need no token until you
create the first token."""


RESOURCES = (cases, brief, messages, questions, vendors, meanings, spool, outbox, webhooks, events)


def make_app(
    desk: Desk, pages: Sequence[APIRouter] = (), error_page: ErrorPage | None = None, *, open_to_loopback: bool = True
) -> FastAPI:
    """Return the HTTP application.

    ``pages``: routes of the web interface. ``error_page``: makes error pages for browsers.
    ``open_to_loopback``: requests from loopback need no token until the first token exists (authentication.py).
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with webhook_delivery.sending(desk):
            yield

    app = FastAPI(
        title="sodan",
        version=version("sodan"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        separate_input_output_schemas=False,
        generate_unique_id_function=lambda route: to_camel(route.name),  # names of methods in generated clients
    )
    app.state.desk, app.state.feed, app.state.meters = desk, events.Feed(desk), health.Meters(desk)
    app.state.readiness = health.Readiness(desk.database, desk.settings.min_free_bytes)
    every_call = error_responses(401, 403, 422, 429)
    resources, others = [module.router for module in RESOURCES], (health.router, *pages)
    for router in resources:
        responses = every_call | error_responses(503)
        app.include_router(router, dependencies=[Depends(refuse_unknown_query)], responses=responses)
    for router in others:
        app.include_router(router, responses=every_call)
    events.describe_webhook(app)
    problems.install(app, [*resources, *others], error_page)
    _complete_openapi(app)

    app.add_middleware(CheckBody)
    app.add_middleware(
        Guard, database=desk.database, open_to_loopback=open_to_loopback, rate=desk.settings.http_rate, now=desk.now
    )
    app.add_middleware(RequestLog, meters=app.state.meters)
    return app


def _complete_openapi(app: FastAPI) -> None:
    """Add to OpenAPI what the routes lack: authentication, errors and checklist items."""
    openapi_of_routes = app.openapi

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            schema = openapi_of_routes()
            components = schema.setdefault("components", {})
            schemas = components.setdefault("schemas", {})
            details = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(details.pop("$defs", {}))
            schemas["ProblemDetails"] = details
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            schema["security"] = [{"token": []}, {}]
            for parameter in schema["paths"]["/api/cases"]["get"]["parameters"]:
                if parameter["name"] == "missing":
                    parameter["schema"] = {"type": "string", "enum": ["any", *sorted(app.state.desk.rules.labels)]}
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
