"""Vendors: names and counts, and the review of the exchange with each."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from service.api import schemas
from service.api.dependencies import TheDesk
from service.api.paging import answer
from service.api.problems import documented
from service.desk import Desk
from service.errors import NotFound
from service.store import reviews
from service.store.database import Connection

router = APIRouter(prefix="/api/vendors", tags=["vendors"])


@router.get("", response_model=schemas.VendorPage, responses=documented(503))
def list_vendors(desk: TheDesk) -> Response:
    """List the vendors that have cases, the most cases first. The data is at most five seconds old."""
    return answer({"items": [{**_profile(desk, row["id"]), **row} for row in desk.vendor_reviews()], "next": None})


@router.get("/{id}", response_model=schemas.Vendor, responses=documented(404, 503))
def read_vendor(desk: TheDesk, id: Annotated[str, Path(max_length=64, description="Id of the vendor.")]) -> Response:
    """Return one vendor. The review shows the times of both sides if there are at least five cases."""
    now = desk.now()

    def read(conn: Connection) -> dict[str, Any]:
        numbers = reviews.counts(conn).get(id)
        if numbers is None and id not in desk.rules.vendors.profiles:
            raise NotFound(f"there is no vendor {id}; GET /api/vendors lists those with cases")
        return {**_profile(desk, id), **(numbers or {"cases": 0, "open": 0}), "review": reviews.review(conn, id, now)}

    return answer(desk.database.read(read))


def _profile(desk: Desk, id: str) -> dict[str, Any]:
    return {"id": id, "name": {lang: desk.rules.vendor_name(id, lang) for lang in ("ja", "en")}}
