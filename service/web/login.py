"""The login page, logout, and the language of the page."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from service.store import tokens
from service.web.page_rendering import LANGUAGE_COOKIE, TOKEN_COOKIE, Posted, Renderer, TheDesk, local_path

router = APIRouter(include_in_schema=False)


@router.get("/login")
def login(request: Request, renderer: Renderer) -> Response:
    query = request.query_params
    return renderer.page(request, "login.html", wrong=False, lost=query.get("lost"), back=local_path(query.get("back")))


@router.post("/login")
def sign_in(request: Request, renderer: Renderer, desk: TheDesk, posted: Posted) -> Response:
    secret, back = posted.get("token", "").strip(), local_path(posted.get("back"))
    if not secret or desk.database.read(lambda conn: tokens.find(conn, secret, desk.now())) is None:
        return renderer.page(request, "login.html", 401, wrong=True, back=back)
    answer = RedirectResponse(back, 303)
    secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    # Lax: a person who follows a link in a mail stays signed in. The guard refuses changes caused by other sites.
    answer.set_cookie(TOKEN_COOKIE, secret, httponly=True, samesite="lax", secure=secure, max_age=30 * 86400)
    return answer


@router.post("/logout")
def sign_out() -> Response:
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(TOKEN_COOKIE, httponly=True, samesite="lax")
    return answer


@router.get("/language")
def language(to: str = "ja", back: str = "/") -> Response:
    answer = RedirectResponse(local_path(back), 303)
    answer.set_cookie(LANGUAGE_COOKIE, "en" if to == "en" else "ja", samesite="lax", max_age=365 * 86400)
    return answer
