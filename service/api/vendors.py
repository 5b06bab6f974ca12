"""Vendors: names, numbers of cases, and a review of the exchange with each vendor."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from service.api.case_schema import Out, doc, page_of
from service.api.dependencies import TheDesk
from service.api.paging import answer
from service.api.problems import error_responses
from service.desk import Desk
from service.errors import NotFound
from service.store import reviews
from service.store.database import Connection


class Review(Out):
    """Figures about a vendor, from at most 500 cases that changed in the last 90 days.

    A figure with fewer than five values is null.
    """

    cases: int = doc("Number of cases in the review.")
    resolved: int = doc("Number of these cases that are resolved or closed.", 0)
    enough: bool = doc("True if there are at least five cases. Otherwise all figures are null.")
    window_days: int = doc("Length of the period in days.", 90)
    turns_to_resolution: float | None = doc("Median number of exchanges until a case was resolved or closed.")
    first_response: float | None = doc("Median seconds until the first response.", None)
    median_wait: dict[str, float | None] = doc("By side: median of the seconds per case for which it had to act.")
    median_answer: dict[str, float | None] = doc("By side: median seconds to answer a request.", default_factory=dict)


class Vendor(Out):
    """A vendor and its cases."""

    id: str = doc("Id of the vendor, such as `microsoft`.")
    name: Any = doc("Name by language: `ja`, `en`.")
    cases: int = doc("Number of cases.", 0)
    open: int = doc("Number of open cases.", 0)
    review: Review = doc("How the exchange with the vendor went.")


VendorPage = page_of(
    "VendorPage", Vendor, "The vendors that have cases.", "The vendors, the most cases first: at most 200.", None
)
router = APIRouter(prefix="/api/vendors", tags=["vendors"])


@router.get("", response_model=VendorPage)
def list_vendors(desk: TheDesk) -> Response:
    """List the vendors that have cases, the most cases first. The data is at most five seconds old."""
    return answer({"items": [{**_profile(desk, row["id"]), **row} for row in desk.vendor_reviews()], "next": None})


@router.get("/{id}", response_model=Vendor, responses=error_responses(404))
def read_vendor(desk: TheDesk, id: Annotated[str, Path(max_length=64, description="Id of the vendor.")]) -> Response:
    """Return one vendor. If there are at least five cases, the review shows the times of both sides."""
    now = desk.now()

    def read(conn: Connection) -> dict[str, Any]:
        numbers = reviews.counts(conn).get(id)
        if numbers is None and id not in desk.rules.vendors.profiles:
            raise NotFound(f"there is no vendor {id}; GET /api/vendors lists those with cases")
        return {**_profile(desk, id), **(numbers or {"cases": 0, "open": 0}), "review": reviews.review(conn, id, now)}

    return answer(desk.database.read(read))


def _profile(desk: Desk, id: str) -> dict[str, Any]:
    return {"id": id, "name": {lang: desk.rules.vendor_name(id, lang) for lang in ("ja", "en")}}
