"""The door in real Chromium: by keyboard and camera, with a network and without one, and what comes of it afterwards."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import expect

from serai.kernel.ids import Capability
from serai.systems.cinema.plan import classic
from serai.systems.cinema.service.tickets import KEY_ID
from serai.systems.cinema.tickets import Bundle, PublicKey, Revocations, Scan, Ticket, TicketKey, decide_offline
from serai.systems.identity.api import IdentityApi, NewUser

pytestmark = pytest.mark.browser

HALL = classic(rows=5, seats=8)
SECRET = bytes(range(32))
KEY = TicketKey.from_seed(KEY_ID, SECRET)
SOON = timedelta(minutes=30)
PASSWORD = "door-of-the-test"
COUNTER_WITHIN_MS = 8_000

CAMERA = """(token) => {
  globalThis.shown = [{ rawValue: token }];
  globalThis.BarcodeDetector = class {
    static async getSupportedFormats() { return ['qr_code']; }
    async detect() { return globalThis.shown; }
  };
}"""

# As the page itself asks at its start; the listener stands before the question, so that no answer is missed.
KEEP_PAGE = """async () => {
  const { active } = await navigator.serviceWorker.ready;
  const files = performance.getEntriesByType('resource').map((one) => one.name).filter((name) => name.includes('/static/'));
  const kept = new Promise((done) => navigator.serviceWorker.addEventListener('message', () => done(true), { once: true }));
  navigator.serviceWorker.startMessages();
  active.postMessage({ page: location.href, files: [...new Set(files)] });
  return kept;
}"""


async def signed_in(site: Any, visitor: Any, *, role: str = "door-staff", **how: Any) -> Any:
    """Somebody with this role at a browser of their own."""
    api = site.world.need(IdentityApi)
    hashed = await api.hash_password(PASSWORD)
    async with site.world.database.transaction(site.tenant) as tx:
        await api.ensure_user(tx, NewUser(f"{role}@example.org", "Dora", hashed, (role,)))
    someone = await visitor(site, **how)
    page = await someone.go("/sign-in?next=/cinema/door")
    await page.fill("#email", f"{role}@example.org")
    await page.fill("#password", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{site.url}/cinema/door")
    return someone


async def tickets(site: Any, show_id: str, count: int = 1) -> tuple[str, list[str]]:
    """A booking of free seats, and what the codes of its tickets carry."""
    free = [seat for seat, state in (await site.seats(show_id)).items() if state == "available"]
    hold = (await site.hold(show_id, free[:count])).json()
    booking_id: str = (await site.book(hold["id"], key=hold["id"])).json()["id"]
    capability = Capability.parse(booking_id)
    assert capability is not None
    rows = site.sql(
        "select t.show_id, t.seat_key, t.serial, s.starts_at, s.ends_at from cinema.tickets t"
        " join cinema.shows s using (tenant_id, show_id) where t.booking_id = %s order by t.seat_key",
        capability.id,
    )
    return booking_id, [
        KEY.sign(Ticket(show, seat, serial, starts - timedelta(hours=1), ends))
        for show, seat, serial, starts, ends in rows
    ]


async def at_the_door(someone: Any, show_id: str) -> Any:
    """At the check-in page, once it has its list and can do without a network."""
    page = await someone.go(f"/cinema/door/{show_id}")
    await page.wait_for_selector("#door[data-network=online]")
    return page


async def scan(page: Any, text: str, outcome: str) -> str:
    """As a hand scanner does: types the code and ends with Enter. Returns what the answer says."""
    await page.evaluate("document.querySelector('[data-door=answer]').dataset.outcome = 'none'")
    await page.focus("#code")
    await page.keyboard.insert_text(text)
    await page.keyboard.press("Enter")
    await page.wait_for_selector(f"[data-door=answer][data-outcome={outcome}]")
    said: str = await page.inner_text(".door-words")
    return said


REFUSED = "the server responded with a status of 409 ("
SIGNED_OUT = "the server responded with a status of 401 ("
ABORTED = "net::ERR_FAILED"


async def go_offline(someone: Any, state: str = "offline") -> None:
    await someone.cut_off()
    await someone.page.wait_for_selector(f"#door[data-network={state}]")


async def go_online(someone: Any) -> None:
    """Until the page has heard from the server: what fails afterwards is no longer the network's doing."""
    async with someone.connecting():
        await someone.page.wait_for_selector("#door[data-network=online]")


async def test_a_ticket_is_scanned_by_keyboard_and_a_second_scan_is_refused(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL, starts_in=SOON)
    _, (token, other) = await tickets(site, show_id, 2)
    dora = await signed_in(site, visitor)
    dora.expects(REFUSED)
    await dora.page.wait_for_selector("text=Today at Odeon")
    await dora.tab_to(f"a[href='/cinema/door/{show_id}']")
    await dora.page.keyboard.press("Enter")
    await dora.page.wait_for_selector("#door[data-network=online]")
    page = dora.page
    await expect(page.locator("#code")).to_be_focused()
    await expect(page.locator(".door-figures").first).to_have_text("0 of 2", use_inner_text=True)
    said = await scan(page, token.lower(), "admitted")
    assert "Come in" in said and "Row" in said and "Seat" in said
    await expect(page.locator(".door-figures").first).to_have_text("1 of 2", use_inner_text=True)
    await expect(page.locator("#code")).to_have_value("")
    said = await scan(page, token, "already_used")
    assert "Already used" in said and "Let in at" in said and "Door " in said
    await expect(page.locator("[data-door=scans] li")).to_have_count(2)
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.type(other)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("[data-door=answer][data-outcome=admitted]")
    assert site.sql("select count(*) from cinema.scans where device like 'Door %%'") == [(2,)]


async def test_every_refusal_has_words_and_a_shape_of_its_own(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL, starts_in=SOON)
    later = await site.make_show(HALL, starts_in=timedelta(hours=3))
    site.sql("update cinema.shows set cancel_until_min = 0")
    _, (token,) = await tickets(site, show_id)
    cancelled, (revoked,) = await tickets(site, show_id)
    assert (await site.client.post(f"/api/cinema/v1/bookings/{cancelled}/cancel")).status_code == 200
    _, (early,) = await tickets(site, later)
    dora = await signed_in(site, visitor)
    dora.expects(REFUSED)
    page = await at_the_door(dora, show_id)
    shapes = {}

    async def told(text: str, outcome: str) -> str:
        said = await scan(page, text, outcome)
        shapes[outcome] = await page.evaluate("getComputedStyle(document.querySelector('.door-shape')).clipPath")
        return said

    assert "Not a ticket" in await told("https://example.org/menu", "bad_signature")
    assert "The Long Harvest, Screen 1" in await told(early, "wrong_show")
    assert "cancelled or replaced" in await told(revoked, "revoked")
    await told(token, "admitted")
    await told(token, "already_used")
    page = await at_the_door(dora, later)
    assert "not open yet" in await told(early, "not_yet")
    assert len(set(shapes.values())) == len(shapes) == 6


async def test_scans_without_a_network_are_kept_and_brought_in(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL, starts_in=SOON)
    _, (first, second, third, fourth) = await tickets(site, show_id, 4)
    dora = await signed_in(site, visitor)
    page = await at_the_door(dora, show_id)
    await scan(page, first, "admitted")
    assert await page.evaluate(KEEP_PAGE)
    await go_offline(dora)
    assert "Let in at" in await scan(page, first, "already_used")
    assert "Come in" in await scan(page, second, "admitted")
    await expect(page.locator("text=Checked on this device").first).to_be_visible()
    await scan(page, second, "already_used")
    await scan(page, second[:-1] + ("A" if second[-1] != "A" else "B"), "bad_signature")
    await page.wait_for_selector("text=1 scan waits for the network")
    answer = await page.reload()
    assert answer.from_service_worker
    await page.wait_for_selector("#door[data-network=offline]")
    await page.wait_for_selector("text=1 scan waits for the network")
    await scan(page, second, "already_used")
    await scan(page, third, "admitted")
    await page.wait_for_selector("text=2 scans wait for the network")
    assert site.sql("select count(*) from cinema.scans") == [(1,)]
    # Meanwhile another door, with a network, lets somebody in with the ticket of the third.
    assert await elsewhere(site, show_id, third) == 200
    await go_online(dora)
    await page.wait_for_selector("[data-door=waiting]", state="hidden")
    await page.wait_for_selector("[data-door=faults-card]:visible")
    told = await page.inner_text("[data-door=faults]")
    assert "Two people came in with this ticket" in told and "First: Door " in told and "East" in told
    assert site.sql("select count(*) from cinema.scans") == [(4,)]
    assert site.sql("select device, conflict from cinema.scans where conflict <> ''") == [("East", "double_admission")]
    await expect(page.locator(".door-figures").first).to_have_text("3 of 4", use_inner_text=True)
    await scan(page, fourth, "admitted")
    await page.click("text=Done, clear the list")
    await page.wait_for_selector("[data-door=faults-card]", state="hidden")
    await page.reload()
    await page.wait_for_selector("#door[data-network=online]")
    await page.wait_for_selector("[data-door=faults-card]", state="hidden")


async def elsewhere(site: Any, show_id: str, token: str) -> int:
    """The ticket is shown at another door; returns the status of its answer."""
    api = site.world.need(IdentityApi)
    async with site.world.database.transaction(site.tenant) as tx:
        key = await api.create_key(tx, name="east", roles=("cinema:door",), created_by="test")
    body = {"token": token, "show_id": show_id, "device": "East", "nonce": "east-0001"}
    answer = await site.client.post(
        "/api/cinema/v1/checkins", json=body, headers={"Authorization": f"Bearer {key.text}"}
    )
    return int(answer.status_code)


async def test_the_counter_follows_other_doors(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL, starts_in=SOON)
    _, (token,) = await tickets(site, show_id)
    dora = await signed_in(site, visitor)
    page = await at_the_door(dora, show_id)
    assert await elsewhere(site, show_id, token) == 200
    await page.wait_for_selector("[data-door=admitted]:text-is('1')", timeout=COUNTER_WITHIN_MS)
    await go_offline(dora)
    assert "another door" in await scan(page, token, "already_used")


async def test_a_lost_answer_is_one_admission(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL, starts_in=SOON)
    _, (token,) = await tickets(site, show_id)
    dora = await signed_in(site, visitor)
    dora.expects(ABORTED)
    page = await at_the_door(dora, show_id)

    async def lose(route: Any) -> None:
        await route.fetch()
        await route.abort()

    await page.route("**/checkins", lose)
    await scan(page, token, "admitted")
    await expect(page.locator("text=Checked on this device").first).to_be_visible()
    await page.wait_for_selector("[data-door=waiting]", state="hidden")
    assert site.sql("select count(*), min(conflict) from cinema.scans") == [(1, "")]
    await expect(page.locator("[data-door=faults-card]").first).to_be_hidden()


async def test_who_is_signed_out_goes_on_and_is_told(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL, starts_in=SOON)
    _, (token,) = await tickets(site, show_id)
    dora = await signed_in(site, visitor)
    dora.expects(SIGNED_OUT)
    page = await at_the_door(dora, show_id)
    cookies = await page.context.cookies()
    await page.context.clear_cookies()
    await scan(page, token, "admitted")
    await page.wait_for_selector("text=You are signed out")
    assert site.sql("select count(*) from cinema.scans") == [(0,)]
    await page.context.add_cookies(cookies)
    await page.wait_for_selector("[data-door=waiting]", state="hidden")
    assert site.sql("select count(*) from cinema.scans") == [(1,)]


async def test_a_browser_that_cannot_verify_says_so_and_admits_nobody_alone(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL, starts_in=SOON)
    _, (token,) = await tickets(site, show_id)
    dora = await signed_in(site, visitor)
    await dora.page.add_init_script(
        "SubtleCrypto.prototype.generateKey = () => Promise.reject(new Error('no Ed25519'))"
    )
    page = await at_the_door(dora, show_id)
    await expect(page.locator(".door-network").first).to_contain_text(
        "cannot check tickets without a network", use_inner_text=True
    )
    await go_offline(dora, "unable")
    assert "Cannot check" in await scan(page, token, "unable")
    await go_online(dora)
    await scan(page, token, "admitted")


async def test_the_camera_reads_a_code_once(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL, starts_in=SOON)
    _, (token, other) = await tickets(site, show_id, 2)
    dora = await signed_in(site, visitor)
    await dora.page.context.grant_permissions(["camera"])
    await dora.page.add_init_script(f"({CAMERA})('{token}')")
    page = await at_the_door(dora, show_id)
    await page.click("text=Use camera")
    await page.wait_for_selector("[data-door=answer][data-outcome=admitted]")
    await page.evaluate("(other) => { globalThis.shown = [{ rawValue: other }]; }", other)
    await page.wait_for_selector("[data-door=scans] li:nth-child(2)")
    await page.click("text=Stop camera")
    outcomes = await page.eval_on_selector_all("[data-door=scans] li", "(all) => all.map((one) => one.dataset.outcome)")
    assert outcomes == ["admitted", "admitted"], "a code that stays in the picture is one scan"
    assert await page.evaluate("document.querySelector('video').srcObject") is None


@pytest.mark.parametrize("width", [390, 1280])
async def test_axe_finds_nothing_at_the_door(open_site: Any, visitor: Any, width: int) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL, starts_in=SOON)
    _, (token,) = await tickets(site, show_id)
    dora = await signed_in(site, visitor, width=width)
    dora.expects(REFUSED)
    found = {"choose": await dora.violations()}
    assert await dora.overhang() == 0
    page = await at_the_door(dora, show_id)
    found["ready"] = await dora.violations()
    for text, outcome in ((token, "admitted"), (token, "already_used"), ("X", "bad_signature")):
        await scan(page, text, outcome)
        found[outcome] = await dora.violations()
    await go_offline(dora)
    found["offline"] = await dora.violations()
    assert await dora.overhang() == 0
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


async def test_a_guest_is_led_to_sign_in_and_others_are_refused(open_site: Any, visitor: Any) -> None:
    site = await open_site()
    show_id = await site.make_show(HALL, starts_in=SOON)
    guest = await visitor(site)
    page = await guest.go(f"/cinema/door/{show_id}")
    assert page.url.endswith(f"/sign-in?next=%2Fcinema%2Fdoor%2F{show_id}")
    await guest.go("/cinema")
    await expect(page.locator("nav a[href='/cinema/door']")).to_have_count(0)


async def test_the_browser_decides_as_the_server_would(open_site: Any, visitor: Any) -> None:
    """The twin: `decide_offline` in Python and the door's modules on the same codes, lists and moments."""
    site = await open_site()
    someone = await visitor(site)
    page = await someone.go("/cinema")
    show, other = UUID(int=7 << 64), UUID(int=9)
    at = datetime(2026, 11, 24, 20, 0, 17, tzinfo=UTC)
    window = (at - SOON, at + SOON)
    base = [Ticket(show, seat, 2**40 + seat, *window) for seat in (1, 2, 3, 4, 65_535)]
    base += [Ticket(other, 5, 11, *window), Ticket(show, 6, 2**48 - 1, at + SOON, at + 2 * SOON)]
    base += [Ticket(show, 7, 13, at - 3 * SOON, at - 2 * SOON), Ticket(other, 8, 2**40 + 2, *window)]
    foreign, unknown = TicketKey.from_seed(KEY_ID, bytes(32)), TicketKey.from_seed(9, SECRET)
    tokens = [KEY.sign(ticket) for ticket in base] + [foreign.sign(base[0]), unknown.sign(base[0]), "X", ""]
    tokens += [
        " " + KEY.sign(base[0]).lower() + "\n",
        KEY.sign(base[0])[:-1] + "7",
        KEY.sign(base[0]).replace("A", "1"),
    ]
    tokens += [KEY.sign(base[0])[:60] + ("B" if KEY.sign(base[0])[60] != "B" else "C") + KEY.sign(base[0])[61:]]
    admitted = {2**40 + 3: Scan(2**40 + 3, "d", "nonce-other", at), 2**40 + 4: Scan(2**40 + 4, "d", "nonce-same", at)}
    bundle = Bundle({KEY_ID: KEY.public}, Revocations(1, at, frozenset({2**40 + 2})))
    asked = [(token, nonce) for token in tokens for nonce in ("nonce-same", "nonce-new")]
    wanted = [
        decide_offline(token, bundle, show_id=show, at=at, admitted=admitted, nonce=nonce)[0].reason
        for token, nonce in asked
    ]
    said = await page.evaluate(
        """async ({ asked, show, at, keys, revoked, admitted, root }) => {
          const { cleaned, verify } = await import(root + '/token.js');
          const { reasonOf } = await import(root + '/decide.js');
          const known = new Map(admitted), said = [];
          for (const [token, nonce] of asked) {
            const { verification, ticket } = await verify(cleaned(token), keys, show, Date.parse(at));
            said.push(reasonOf(verification, ticket, { revoked, used: [] }, known, nonce));
          }
          return said;
        }""",
        {
            "asked": asked,
            "show": str(show),
            "at": at.isoformat(),
            "keys": [key_json(KEY.public)],
            "revoked": [2**40 + 2],
            "admitted": [[serial, {"nonce": scan.nonce}] for serial, scan in admitted.items()],
            "root": f"{site.url}/static/any/cinema/door",
        },
    )
    assert said == wanted
    assert len(set(said)) == 10, said


def key_json(key: PublicKey) -> dict[str, Any]:
    """As the door list has it."""
    return {"id": key.id, "public_key": base64.b64encode(key.raw).decode()}
