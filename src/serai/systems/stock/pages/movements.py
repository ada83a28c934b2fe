"""/stock/movements: what moved, and one movement with its lines, which can be taken back."""

from fastapi import APIRouter, Request, Response

from serai.kernel.money import Money
from serai.runtime.http.answers import path_uuid
from serai.runtime.postgres.database import Transaction
from serai.runtime.postgres.keyset import Slice
from serai.systems.identity.api import done, refused
from serai.systems.stock.errors import NoSuchMovement
from serai.systems.stock.http.models import CorrectionIn
from serai.systems.stock.http.parts import Approver, PlainId, Viewer
from serai.systems.stock.pages.parts import SHOWN_AGAIN, Floor, Options, chosen_location, location_options
from serai.systems.stock.posting import CORRECTABLE, Kind
from serai.systems.stock.service.movements import Full
from serai.systems.stock.store import catalogue, pages
from serai.web.forms import read_document, read_form
from serai.web.listing import Column, Filter, Listing, read_listing

HREF = "/stock/movements"

COLUMNS = (
    Column("When", "at"),
    Column("What"),
    Column("Goods"),
    Column("From and to"),
    Column("Reference"),
)


class MovementsPages:
    """Lists, shows and takes back movements."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def add_to(self, router: APIRouter) -> None:
        """Adds the routes."""
        router.add_api_route("/movements", self.show_all, methods=["GET"])
        router.add_api_route("/movements/{movement_id}", self.show, methods=["GET"])
        router.add_api_route("/movements/{movement_id}/correct", self.correct, methods=["POST"])

    async def show_all(self, request: Request, principal: Viewer) -> Response:
        """A page of the movements, the newest first."""
        stock = self._floor.stock

        async def read(tx: Transaction) -> Listing:
            places = await catalogue.locations(tx, real=True)
            asked = _asked(request, location_options(places, "All places"))
            place = chosen_location(places, asked.chosen["location"])
            number = place.location_no if place else None
            found = await pages.movements(tx, asked.text, asked.chosen["kind"], number, asked.seek)
            full = {each.movement.movement_id: each for each in await stock.movements.of_ids(tx, found.items)}
            return asked.showing(Slice(tuple(full[each] for each in found.items), found.previous, found.next))

        return self._floor.page(request, principal, "movements", movements=await stock.read(principal.tenant, read))

    async def show(self, request: Request, principal: Viewer, movement_id: PlainId) -> Response:
        """A movement."""
        found = path_uuid(movement_id, NoSuchMovement, "movement")

        async def read(tx: Transaction) -> tuple[Full, dict[int, str]]:
            full = await self._floor.stock.movements.get(tx, found)
            numbers = list({line.key.product_no for line in full.lines})
            return full, {batch.batch_no: batch.code for batch in await catalogue.batches_of(tx, numbers)}

        full, batches = await self._floor.stock.read(principal.tenant, read)
        return self._floor.page(
            request,
            principal,
            "movement",
            full=full,
            costs=_costs(full),
            batches=batches,
            correctable=full.movement.kind in {kind.value for kind in CORRECTABLE},
        )

    async def correct(self, request: Request, principal: Approver, movement_id: PlainId) -> Response:
        """Takes it back by its mirror image, and leads to that."""
        found = path_uuid(movement_id, NoSuchMovement, "movement")
        form = await read_form(request)

        async def work(tx: Transaction) -> str:
            reason = read_document(CorrectionIn, {"reason": form.value("reason")}).reason
            posted = await self._floor.stock.movements.correct(tx, found, principal.label, reason)
            return f"{HREF}/{posted.movement.movement_id}"

        try:
            href = await self._floor.once(principal, request, form, work)
        except SHOWN_AGAIN as error:
            return refused(request, f"{HREF}/{found}", error)
        return done(request, href, "The movement is taken back. This one is its mirror image.")


def _costs(full: Full) -> list[Money | None]:
    """What each line was bought for, where it was."""
    return [
        None if line.cost_minor is None else Money(line.cost_minor, full.book.products[line.key.product_no].currency)
        for line in full.lines
    ]


def _asked(request: Request, places: Options) -> Listing:
    kinds = [("", "All kinds")] + [(kind.value, kind.value.capitalize()) for kind in Kind]
    return read_listing(
        request,
        noun=("movement", "movements"),
        columns=COLUMNS,
        usual="-at",
        search="Reference or reason",
        filters=(
            Filter("kind", "Kind", "layers", kinds),
            Filter("location", "Place", "map-pin", places),
        ),
    )
