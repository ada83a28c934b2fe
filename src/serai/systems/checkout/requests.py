"""What a request that pays brings along, the same for every shop."""

from starlette.requests import Request

from serai.kernel.errors import Invalid
from serai.kernel.ids import Capability
from serai.runtime.http.idempotency import Key, owner_of
from serai.runtime.http.principal import Principal


async def paid_hold(
    request: Request, principal: Principal, hold_id: str, idempotency_key: str | None
) -> tuple[Capability, Key]:
    """The hold that is paid, and the request's idempotency key. Invalid names the field that is wrong.

    A guest's keys belong to the secret of the hold: cookies come and go between a request and its repetition.
    """
    hold = Capability.parse(hold_id)
    if hold is None:
        raise Invalid.of("hold_id", "unknown_hold", "This is not the id of a hold.")
    owner = hold_id if principal.kind == "guest" else principal.label
    key = Key.of(
        idempotency_key,
        owner=owner_of(principal.tenant, owner),
        method="POST",
        path=request.url.path,
        body=await request.body(),
    )
    return hold, key
