"""Numbers go to other carriers and come from them, by requests that people decide."""

from itertools import product

import pytest
from tests.systems.cinema.staff import events
from tests.systems.simcards.conftest import V1, Shop

from serai.systems.simcards import porting
from serai.systems.simcards.http.models import PortingOut
from serai.systems.simcards.porting import IllegalPortingMove, PortingMove, PortingState

WHERE = {"carrier": "Other Mobile", "name": "Ada Okafor"}


@pytest.mark.parametrize(("state", "move"), [*product(PortingState, PortingMove)])
def test_every_pair_of_state_and_move_is_in_the_table_or_refused(state: PortingState, move: PortingMove) -> None:
    if (state, move) in porting.MOVES:
        assert porting.after(state, move) is porting.MOVES[state, move]
    else:
        with pytest.raises(IllegalPortingMove, match=f"that is {state.value}"):
            porting.after(state, move)


async def active_sale(shop: Shop) -> dict[str, str]:
    (card, *_) = await shop.cards()
    sale = await shop.sold(await shop.pool())
    answer = await shop.post(f"/sales/{sale['id']}/activate", {"iccid": card})
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()
    return found


async def plain_id(shop: Shop) -> str:
    waiting = await shop.client.get(f"{V1}/portings", headers=await shop.staff())
    (found,) = waiting.json()["items"]
    identity: str = found["id"]
    return identity


async def test_a_number_is_taken_away_given_up_there_and_rests(shop: Shop) -> None:
    sale = await active_sale(shop)
    asked = await shop.post(f"/sales/{sale['id']}/port-out", WHERE)
    assert PortingOut.model_validate_json(asked.content)
    assert (await shop.post(f"/sales/{sale['id']}/port-out", WHERE)).json()["code"] == "porting_exists"
    headers, porting_id = await shop.staff(), await plain_id(shop)
    early = await shop.post(f"/portings/{porting_id}/complete", {}, headers)
    assert (early.status_code, early.json()["code"]) == (409, "illegal_porting_move")
    for move in ("accept", "complete"):
        assert (await shop.post(f"/portings/{porting_id}/{move}", {}, headers)).status_code == 200
    assert (await shop.story(sale["number"]))["state"] == "ported_out"
    assert (await shop.post(f"/sales/{sale['id']}/return")).status_code == 409
    assert (await shop.post(f"/numbers/{sale['number']}/come-back", None, headers)).status_code == 204
    story = await shop.story(sale["number"])
    assert (story["state"], [line["move"] for line in story["history"]][-2:]) == ("quarantine", ["port_out", "rest"])
    assert [kind.split(".")[-2] for kind, _ in events(shop.site, "serai.simcards.porting")] == [
        "requested",
        "accepted",
        "completed",
    ]
    found = (await shop.client.get(f"{V1}/sales/{sale['id']}")).json()
    assert (found["state"], found["refund"]["amount"]) == ("returned", 0), "the sale has ended with the number"
    await shop.prove()


async def test_a_number_is_brought_along(shop: Shop) -> None:
    await shop.pool()
    asked = await shop.post("/portings", {"number": "+44 7400 123456", **WHERE})
    assert (asked.status_code, asked.json()["state"]) == (201, "requested"), asked.text
    headers, porting_id = await shop.staff(), await plain_id(shop)
    for move in ("accept", "complete"):
        assert (await shop.post(f"/portings/{porting_id}/{move}", {}, headers)).status_code == 200
    story = await shop.story("+447400123456")
    assert (story["state"], story["pool_id"]) == ("active", None)
    again = await shop.post("/portings", {"number": "+447400123456", **WHERE})
    assert (again.status_code, again.json()["code"]) == (409, "number_taken")


async def test_one_of_ours_comes_back_with_its_owner(shop: Shop) -> None:
    sale = await active_sale(shop)
    headers = await shop.staff()
    await shop.post(f"/sales/{sale['id']}/port-out", WHERE)
    porting_id = await plain_id(shop)
    for move in ("accept", "complete"):
        await shop.post(f"/portings/{porting_id}/{move}", {}, headers)
    assert (await shop.post("/portings", {"number": sale["number"], **WHERE})).status_code == 201
    porting_id = await plain_id(shop)
    for move in ("accept", "complete"):
        await shop.post(f"/portings/{porting_id}/{move}", {}, headers)
    assert (await shop.story(sale["number"]))["state"] == "active"


async def test_a_number_of_our_shop_cannot_be_brought_along(shop: Shop) -> None:
    pool = await shop.pool()
    held = (await shop.hold(pool)).json()
    asked = await shop.post("/portings", {"number": held["number"], **WHERE})
    headers, porting_id = await shop.staff(), await plain_id(shop)
    await shop.post(f"/portings/{porting_id}/accept", {}, headers)
    refused = await shop.post(f"/portings/{porting_id}/complete", {}, headers)
    assert (asked.status_code, refused.status_code, refused.json()["code"]) == (201, 409, "number_taken")


async def test_who_asked_may_withdraw_and_nobody_else_sees_it(shop: Shop) -> None:
    asked = (await shop.post("/portings", {"number": "+447400123456", **WHERE})).json()
    assert (await shop.client.get(f"{V1}/portings/{asked['id']}")).json() == asked
    assert (await shop.client.get(f"{V1}/portings/{'A' * 43}")).status_code == 404
    assert (await shop.post(f"/portings/{asked['id']}/withdraw")).json()["state"] == "withdrawn"
    assert (await shop.post(f"/portings/{asked['id']}/withdraw")).json()["code"] == "illegal_porting_move"
