"""One claim at a time: what each move does to units, what is refused, and that a refusal changes nothing."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from tests.systems.allocation.shop import Shop

from serai.kernel.errors import SeraiError
from serai.kernel.ids import Capability
from serai.mechanisms.allocation.claims import MOVES, UNIT_AFTER, ClaimState, Move, UnitState
from serai.systems.allocation.api import (
    HOLD_S_MAX,
    Claim,
    ClaimExpired,
    ClaimLost,
    IllegalMove,
    NoSuchClaim,
    NoSuchUnits,
    TooManyClaims,
    TooManyPayments,
    UnitRef,
    UnitsTaken,
    free_counts,
)
from serai.systems.allocation.model import PAYMENTS_MAX
from serai.systems.allocation.store import expiring

ROADS = {
    ClaimState.HELD: [],
    ClaimState.PAYING: ["pay"],
    ClaimState.UNKNOWN: ["pay", "doubt"],
    ClaimState.CONFIRMED: ["pay", "confirm"],
    ClaimState.RELEASED: ["release"],
    ClaimState.CANCELLED: ["pay", "confirm", "cancel"],
    ClaimState.EXPIRED: ["sweep"],
}
"""How to bring a fresh claim into each state."""

ARGUMENTS = {"pay": (60,), "extend": (700,)}


async def claim_in(shop: Shop, state: ClaimState, *units: UnitRef) -> Claim:
    claim = await shop.hold(*units)
    for step in ROADS[state]:
        if step == "sweep":
            await shop.age(claim)
            await shop.sweep()
        else:
            claim = await shop.move(step, claim, *ARGUMENTS.get(step, ()))
    claim = await shop.read(claim)
    assert claim.state is state
    return claim


@pytest.mark.parametrize(("state", "move"), sorted(product(ClaimState, set(Move) - {Move.EXPIRE})))
async def test_every_pair_of_state_and_move_does_what_the_table_says(shop: Shop, state: ClaimState, move: Move) -> None:
    pool = await shop.pool([1, 2])
    units = [UnitRef(pool, 1), UnitRef(pool, 2)]
    claim = await claim_in(shop, state, *units)
    before = await shop.tables()
    to = MOVES.get((state, move))
    if to is None:
        # A hold that is over says so to whoever wants to go on with it.
        late = state is ClaimState.EXPIRED and move in (Move.EXTEND, Move.PAY)
        with pytest.raises(ClaimExpired if late else IllegalMove):
            await shop.move(move, claim, *ARGUMENTS.get(move, ()))
        assert (await shop.read(claim)).version == claim.version
        assert await shop.tables() == before
    else:
        moved = await shop.move(move, claim, *ARGUMENTS.get(move, ()))
        again = await shop.read(claim)
        assert (moved.state, moved.version) == (again.state, again.version) == (to, claim.version + 1)
        assert moved.expires_at == again.expires_at
        assert set((await shop.states(pool)).values()) == {UNIT_AFTER[to]}
    await shop.prove()


async def test_a_claim_is_opened_by_its_capability_alone(shop: Shop) -> None:
    claim = await shop.hold(UnitRef(await shop.pool([1]), 1))
    async with shop.database.transaction(shop.tenant) as tx:
        assert (await shop.allocation.claim(tx, claim.capability)).terms == {"price": 5}
        for wrong in (Capability(claim.claim_id, bytes(16)), Capability.new(shop.clock, shop.random)):
            with pytest.raises(NoSuchClaim):
                await shop.allocation.claim(tx, wrong)


async def test_a_claim_in_doubt_can_be_read_and_keeps_its_units_for_ever(shop: Shop) -> None:
    pool = await shop.pool([1])
    claim = await claim_in(shop, ClaimState.UNKNOWN, UnitRef(pool, 1))
    assert claim.expires_at == datetime(9999, 1, 1, tzinfo=UTC)
    assert not claim.expired
    assert await shop.sweep() == 0
    with pytest.raises(UnitsTaken):
        await shop.hold(UnitRef(pool, 1))
    await shop.prove()
    assert (await shop.move("release", claim)).state is ClaimState.RELEASED
    await shop.hold(UnitRef(pool, 1))
    await shop.prove()


async def test_all_or_nothing_and_the_taken_ones_are_named(shop: Shop) -> None:
    pool = await shop.pool([1, 2, 3])
    await shop.hold(UnitRef(pool, 2))
    before = await shop.tables()
    with pytest.raises(UnitsTaken) as taken:
        await shop.hold(UnitRef(pool, 3), UnitRef(pool, 2), UnitRef(pool, 1))
    assert taken.value.units == (UnitRef(pool, 2),)
    with pytest.raises(NoSuchUnits) as missing:
        await shop.hold(UnitRef(pool, 1), UnitRef(pool, 9), UnitRef(pool + 1, 1))
    assert set(missing.value.units) == {UnitRef(pool, 9), UnitRef(pool + 1, 1)}
    assert await shop.tables() == before


async def test_a_refusal_that_is_caught_and_committed_has_changed_nothing(shop: Shop) -> None:
    pool = await shop.pool([1, 2])
    first = await shop.hold(UnitRef(pool, 1), UnitRef(pool, 2))
    await shop.age(first)
    second = await shop.hold(UnitRef(pool, 2))
    before = await shop.tables()
    async with shop.database.transaction(shop.tenant) as tx:
        for refused in (
            shop.allocation.open_claim(tx, shop.ask([UnitRef(pool, 1), UnitRef(pool, 2)])),
            shop.allocation.block(tx, [UnitRef(pool, 1), UnitRef(pool, 2)], "admin"),
            shop.allocation.unblock(tx, [UnitRef(pool, 1)], "admin"),
            shop.allocation.extend(tx, first, 60),
        ):
            with pytest.raises(SeraiError):
                await refused
    assert await shop.tables() == before
    assert (await shop.read(second)).state is ClaimState.HELD
    await shop.prove()


async def test_a_confirmation_that_lost_a_unit_and_was_caught_sells_none(shop: Shop) -> None:
    pool = await shop.pool([1, 2])
    late = await shop.move("pay", await shop.hold(UnitRef(pool, 1), UnitRef(pool, 2)), 60)
    await shop.age(late)
    quick = await shop.hold(UnitRef(pool, 2))
    async with shop.database.transaction(shop.tenant) as tx:
        for move in (shop.allocation.confirm, shop.allocation.decline, shop.allocation.doubt):
            with pytest.raises(ClaimLost, match="another buyer"):
                await move(tx, late)
    assert (await shop.read(late)).state is ClaimState.PAYING
    await shop.sold(quick)
    assert await shop.sweep() == 1
    assert await shop.states(pool) == {1: UnitState.FREE, 2: UnitState.SOLD}
    await shop.prove()


async def test_an_expired_hold_is_free_to_the_next_buyer_at_once(shop: Shop) -> None:
    pool = await shop.pool([1, 2])
    old = await shop.hold(UnitRef(pool, 1), UnitRef(pool, 2))
    await shop.age(old)
    assert set((await shop.states(pool)).values()) == {UnitState.FREE}
    async with shop.database.transaction(shop.tenant) as tx:
        assert await free_counts(tx, [pool, pool + 1]) == {pool: 2, pool + 1: 0}
    new = await shop.hold(UnitRef(pool, 1))
    lines = await shop.rows("select claim_id, displaced from allocation.ledger order by entry_no desc limit 1")
    assert lines == [(new.claim_id, [old.claim_id])]
    # The sweep frees only what the old claim still has.
    assert await shop.sweep() == 1
    assert await shop.states(pool) == {1: UnitState.HELD, 2: UnitState.FREE}
    await shop.prove()


async def test_a_late_confirmation_sells_if_nobody_has_come_in_between(shop: Shop) -> None:
    pool = await shop.pool([1])
    claim = await shop.move("pay", await shop.hold(UnitRef(pool, 1)), 60)
    await shop.age(claim)
    version = await shop.version(pool)
    assert (await shop.move("confirm", claim)).state is ClaimState.CONFIRMED
    assert await shop.version(pool) > version
    await shop.prove()


@pytest.mark.parametrize("move", ["pay", "extend"])
async def test_a_hold_that_is_over_is_refused_by_the_databases_clock(shop: Shop, move: str) -> None:
    """Also when it was read while it was alive."""
    pool = await shop.pool([1])
    read_in_time = await shop.hold(UnitRef(pool, 1))
    await shop.age(read_in_time)
    for claim in (read_in_time, await shop.read(read_in_time)):
        with pytest.raises(ClaimExpired):
            await shop.move(move, claim, *ARGUMENTS[move])
    await shop.sweep()
    for claim in (read_in_time, await shop.read(read_in_time)):
        with pytest.raises(ClaimExpired):
            await shop.move(move, claim, *ARGUMENTS[move])


async def test_paying_keeps_the_units_until_its_deadline_and_never_shortens_a_hold(shop: Shop) -> None:
    pool = await shop.pool([1])
    claim = await shop.hold(UnitRef(pool, 1), ttl_s=100)
    paying = await shop.move("pay", claim, 900)
    assert paying.expires_at - claim.expires_at >= timedelta(seconds=799)
    await shop.age(claim, 150)
    assert await shop.sweep() == 0
    held = await shop.move("decline", paying)
    assert held.state is ClaimState.HELD
    async with shop.database.transaction(shop.tenant) as tx:
        row = await tx.fetch_one("select clock_timestamp()")
    assert row is not None
    assert timedelta(seconds=50) < held.expires_at - row[0] <= timedelta(seconds=60)
    assert (await shop.move("pay", held, 5)).expires_at == held.expires_at
    await shop.prove()


async def test_a_decline_after_the_deadline_gives_the_grace_and_shows_it(shop: Shop) -> None:
    pool = await shop.pool([1])
    paying = await shop.move("pay", await shop.hold(UnitRef(pool, 1)), 60)
    await shop.age(paying)
    version = await shop.version(pool)
    held = await shop.move("decline", paying)
    assert (await shop.read(held)).expired is False
    assert await shop.states(pool) == {1: UnitState.HELD}
    # Everybody saw the unit free; so its coming back must be told.
    assert await shop.version(pool) > version
    await shop.prove()


async def test_a_move_that_nobody_can_see_does_not_queue_for_the_pool(shop: Shop) -> None:
    pool = await shop.pool([1])
    claim = await shop.hold(UnitRef(pool, 1))
    version = await shop.version(pool)
    claim = await shop.move("pay", await shop.move("extend", claim, 700), 60)
    claim = await shop.move("doubt", await shop.move("pay", await shop.move("decline", claim), 60))
    assert await shop.version(pool) == version
    await shop.move("confirm", claim)
    assert await shop.version(pool) == version + 1


async def test_a_hold_lives_an_hour_at_most_and_tries_ten_payments(shop: Shop) -> None:
    pool = await shop.pool([1])
    claim = await shop.hold(UnitRef(pool, 1))
    await shop.age(claim, 100)
    with pytest.raises(ClaimExpired, match="60 minutes"):
        await shop.move("extend", await shop.read(claim), HOLD_S_MAX - 50)
    claim = await shop.read(claim)
    for _ in range(PAYMENTS_MAX):
        claim = await shop.move("decline", await shop.move("pay", claim, 60))
    with pytest.raises(TooManyPayments, match="tried 10 payments"):
        await shop.move("pay", claim, 60)


async def test_two_tabs_confirm_the_same_hold_and_one_is_told(shop: Shop) -> None:
    pool = await shop.pool([1])
    paying = await shop.move("pay", await shop.hold(UnitRef(pool, 1)), 60)
    outcomes = await asyncio.gather(*(shop.move("confirm", paying) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(outcome, Claim) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, ClaimLost) for outcome in outcomes) == 7
    await shop.prove()


async def test_a_holder_has_no_more_claims_than_allowed_even_all_at_once(shop: Shop) -> None:
    pool = await shop.pool(range(16))
    outcomes = await asyncio.gather(
        *(shop.open(shop.ask([UnitRef(pool, key)], holder_max=3)) for key in range(16)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Claim) for outcome in outcomes) == 3
    assert sum(isinstance(outcome, TooManyClaims) for outcome in outcomes) == 13
    assert len([state for state in (await shop.states(pool)).values() if state is UnitState.HELD]) == 3
    await shop.open(shop.ask([UnitRef(pool, next(iter(await _free(shop, pool))))], holder="other", holder_max=3))
    await shop.prove()


async def _free(shop: Shop, pool: int) -> list[int]:
    return [key for key, state in (await shop.states(pool)).items() if state is UnitState.FREE]


async def test_blocking_takes_an_expired_hold_and_says_from_whom(shop: Shop) -> None:
    pool = await shop.pool([1, 2])
    old = await shop.hold(UnitRef(pool, 1))
    await shop.age(old)
    async with shop.database.transaction(shop.tenant) as tx:
        await shop.allocation.block(tx, [UnitRef(pool, 1), UnitRef(pool, 2)], "admin")
    lines = await shop.rows("select move, displaced, actor from allocation.ledger order by entry_no desc limit 1")
    assert lines == [("block", [old.claim_id], "admin")]
    with pytest.raises(UnitsTaken):
        await shop.hold(UnitRef(pool, 2))
    assert await shop.sweep() == 1
    assert set((await shop.states(pool)).values()) == {UnitState.BLOCKED}
    async with shop.database.transaction(shop.tenant) as tx:
        await shop.allocation.unblock(tx, [UnitRef(pool, 1)], "admin")
    await shop.hold(UnitRef(pool, 1))
    await shop.prove()


async def test_blocking_names_what_is_taken_and_what_is_not_there(shop: Shop) -> None:
    pool = await shop.pool([1, 2])
    await shop.hold(UnitRef(pool, 1))
    async with shop.database.transaction(shop.tenant) as tx:
        with pytest.raises(UnitsTaken) as taken:
            await shop.allocation.block(tx, [UnitRef(pool, 2), UnitRef(pool, 1)], "admin")
        with pytest.raises(NoSuchUnits) as missing:
            await shop.allocation.block(tx, [UnitRef(pool, 2), UnitRef(pool, 3)], "admin")
        with pytest.raises(UnitsTaken):
            await shop.allocation.unblock(tx, [UnitRef(pool, 2)], "admin")
    assert taken.value.units == (UnitRef(pool, 1),)
    assert missing.value.units == (UnitRef(pool, 3),)
    assert await shop.states(pool) == {1: UnitState.HELD, 2: UnitState.FREE}


async def test_blocking_waits_for_a_buyer_instead_of_failing(shop: Shop) -> None:
    pool = await shop.pool([1])
    async with shop.database.transaction(shop.tenant) as buyer:
        await shop.allocation.open_claim(buyer, shop.ask([UnitRef(pool, 1)]))

        async def block() -> None:
            async with shop.database.transaction(shop.tenant) as tx:
                await shop.allocation.block(tx, [UnitRef(pool, 1)], "admin")

        blocking = asyncio.create_task(block())
        await _until_waiting(shop)
    with pytest.raises(UnitsTaken):
        await blocking


async def _until_waiting(shop: Shop) -> None:
    async with asyncio.timeout(20):
        while not await shop.rows(
            "select from pg_locks l join pg_stat_activity a using (pid)"
            " where not l.granted and a.datname = current_database()"
        ):
            await asyncio.sleep(0)


async def test_the_sweep_passes_by_a_claim_that_is_being_confirmed(shop: Shop) -> None:
    pool = await shop.pool([1])
    paying = await shop.move("pay", await shop.hold(UnitRef(pool, 1)), 60)
    await shop.age(paying)
    async with shop.database.transaction(shop.tenant) as tx:
        await shop.allocation.confirm(tx, paying)
        assert await shop.sweep() == 0
    assert await shop.sweep() == 0
    assert (await shop.read(paying)).state is ClaimState.CONFIRMED
    await shop.prove()


async def test_a_confirmation_that_meets_the_sweep_waits_and_is_told(shop: Shop) -> None:
    pool = await shop.pool([1])
    paying = await shop.move("pay", await shop.hold(UnitRef(pool, 1)), 60)
    await shop.age(paying)
    async with shop.jobs.transaction(None) as tx:
        due = await expiring.due_claims(tx, 10)
        await expiring.expire_claims(tx, due, [paying.claim_id])
        confirming = asyncio.create_task(shop.move("confirm", paying))
        await _until_waiting(shop)
    with pytest.raises(ClaimLost):
        await confirming
    assert await shop.states(pool) == {1: UnitState.FREE}
    await shop.prove()


async def test_each_change_leaves_one_event(shop: Shop) -> None:
    pool = await shop.pool([1])
    claim = await shop.sold(await shop.hold(UnitRef(pool, 1)))
    await shop.move("cancel", claim)
    late = await shop.hold(UnitRef(pool, 1))
    await shop.age(late)
    await shop.sweep()
    events = await shop.rows(
        "select key, split_part(type, '.', 4), data->'units' from runtime.outbox order by event_no"
    )
    first, second = str(claim.claim_id), str(late.claim_id)
    assert events == [
        (first, "held", [[pool, 1]]),
        (first, "paying", [[pool, 1]]),
        (first, "confirmed", [[pool, 1]]),
        (first, "cancelled", [[pool, 1]]),
        (second, "held", [[pool, 1]]),
        (second, "expired", [[pool, 1]]),
    ]
