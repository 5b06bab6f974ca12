"""Renders pages from templates, and reads the forms that pages send."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import Depends, Request
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from pydantic import Field
from starlette.datastructures import ImmutableMultiDict
from starlette.responses import RedirectResponse, Response

from service.cases.state import stamp
from service.desk import Desk
from service.errors import Refused, Unavailable
from service.store import actor_names
from service.store.timeline import unverified_lately
from service.store.tokens import Token
from service.web.deceptive import KnownDomains, mixes_scripts, visible
from service.web.localisation import Locale, language_of

HERE = Path(__file__).parent
LANGUAGE_COOKIE, TOKEN_COOKIE = "sodan_lang", "sodan_token"
MAX_FIELDS = 200  # of a form
NOTHING_HERE = "there is nothing at this address"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy: a page may load only files of this service."""
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class PageRenderer:
    """What all pages need: the desk, templates and static files (name → content and media type)."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        files = [file for file in (HERE / "static").iterdir() if file.suffix in TYPES]
        self.static = {file.name: (file.read_bytes(), TYPES[file.suffix]) for file in files}
        versions = {name: hashlib.sha256(body).hexdigest()[:12] for name, (body, _) in self.static.items()}
        self.environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            finalize=_shown,  # Jinja calls it for every value in every template
        )

        def item_name(item: str, language: str) -> str:
            label = desk.rules.labels.get(item)
            return item if label is None else label.in_language(language)

        self.environment.filters["code"] = _with_code
        self.environment.globals |= {
            "static": lambda name: f"/static/{name}?v={versions[name]}",
            "names": item_name,
            "reason": lambda rule, language: desk.rules.why(rule, language),
            "key_of": desk.key_of,
            "mixes_scripts": mixes_scripts,
        }

    def error_page(self, request: Request, status: int, text: str) -> Response:
        """Return the page for an error. ``text``: what is wrong; empty if the status code is enough."""
        title = "error.404" if status in (404, 405) else "error.other"
        came_from = urlsplit(request.headers.get("referer", ""))
        own = request.method == "POST" and came_from.netloc == request.url.netloc
        back = local_path(came_from.path) if own else "/"
        return self.page(request, "error.html", status, title=title, text=text or NOTHING_HERE, back=back)

    def domains(self) -> KnownDomains:
        vendors = (domain for vendor in self.desk.rules.vendors.profiles.values() for domain in vendor.domains)
        return _known_domains((*self.desk.settings.organisation, *vendors))

    def locale(self, request: Request) -> Locale:
        chosen = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
        language = language_of(request.headers.get("accept-language", ""), chosen)
        desk = self.desk
        return Locale(language, desk.now(), desk.settings.zone, desk.rules.vendor_name, desk.usual_times)

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page: ``template`` rendered with ``values`` and with what all templates use."""
        locale = self.locale(request)
        caller = getattr(request.state, "token", None)
        html = self.environment.get_template(template).render(
            r=locale,
            t=locale.t,
            similar=self.domains().similar,
            path=request.url.path,
            query=request.query_params,
            other="en" if locale.language == "ja" else "ja",
            no_verdicts=self._no_verdicts(),
            by_cookie=TOKEN_COOKIE in request.cookies,
            may_write=isinstance(caller, Token) and caller.may("write"),
            may_admin=isinstance(caller, Token) and caller.may("admin"),
            **values,
        )
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": POLICY,
            "Content-Language": locale.language,
            "Cache-Control": "private, no-cache",
            "Vary": "Accept-Language, Cookie",
        }
        return Response(html, status, headers)

    def _no_verdicts(self) -> bool:
        """Return whether mail comes from other hosts, but no verification of senders is configured."""
        if self.desk.settings.verdicts_configured:
            return False
        if not self.desk.settings.smtp_listen.loopback:
            return True
        try:
            return self.desk.database.read(unverified_lately)
        except Unavailable:
            return False  # this error is shown on a page, so building the page must not fail


@lru_cache(maxsize=4)
def _known_domains(domains: tuple[str, ...]) -> KnownDomains:
    return KnownDomains(domains)


def _shown(value: Any) -> Any:
    """Return a value as a template shows it: times in ISO 8601, invisible characters as code points (⟨U+202E⟩)."""
    if isinstance(value, datetime):
        return stamp(value)
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _with_code(text: str) -> Markup:
    """Return a text as HTML, with the parts between backticks as code."""
    parts = enumerate(text.split("`"))
    return Markup("").join(Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in parts)


def who(request: Request) -> str:
    """Return the name of the person who makes a request, to be recorded with a change."""
    return actor_names.name_of(request.state.token, request.client)


async def posted(request: Request) -> ImmutableMultiDict[str, str]:
    """Return the values of a posted form. For a repeated name, ``get`` returns the last value. Raises Refused."""
    text = (await request.body()).decode("utf-8", "replace")
    try:
        return ImmutableMultiDict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise Refused(f"the form has too many fields: at most {MAX_FIELDS}") from None


async def renderer_of(request: Request) -> PageRenderer:
    """Return the renderer of the application. It is async, because FastAPI runs other functions in a thread."""
    renderer = request.app.state.renderer
    assert isinstance(renderer, PageRenderer)
    return renderer


async def desk_of(request: Request) -> Desk:
    return (await renderer_of(request)).desk


Renderer = Annotated[PageRenderer, Depends(renderer_of)]
TheDesk = Annotated[Desk, Depends(desk_of)]
Who = Annotated[str, Depends(who)]
Id = Annotated[int, Field(ge=1, le=2**62)]
Posted = Annotated[ImmutableMultiDict[str, str], Depends(posted)]


def back_to(
    path: str, done: str = "", *, undo: Sequence[int] = (), failed: Sequence[tuple[str, str]] = (), key: str = ""
) -> Response:
    """Redirect to a page with a message about the change ``done``. A reload does not show it again.

    ``undo``: ids of the events to undo. ``failed``: (key, reason) of unchanged cases. ``key``: keys of merged cases.
    """
    given = {"done": done, "undo": ".".join(map(str, undo)), "failed": ".".join(map(":".join, failed)), "key": key}
    query = {name: text for name, text in given.items() if text}
    return RedirectResponse(f"{path}{'&' if '?' in path else '?'}{urlencode(query)}" if query else path, 303)


def local_path(path: str | None) -> str:
    """Return ``path`` if it stays on this site, otherwise ``/``. ``//host`` and ``/\\host`` lead to another site."""
    local = path and path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if path and local else "/"
