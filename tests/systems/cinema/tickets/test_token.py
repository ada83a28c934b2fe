"""A token proves its ticket, proves nothing once changed, and scans from its QR."""

import io
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from serai.systems.cinema.tickets import (
    Checked,
    PublicKey,
    Ticket,
    TicketKey,
    Verification,
    qr_code,
    qr_matrix,
    qr_svg,
    verify,
)

KEY = TicketKey.from_seed(7, bytes(range(32)))
KEYS = {7: KEY.public}
SHOW = UUID("018f4c2e-7e3a-7c51-a4b4-0d6f3a1c9e55")
OPENS = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
CLOSES = OPENS + timedelta(hours=4)
TICKET = Ticket(SHOW, 212, 123_456_789, OPENS, CLOSES)
TOKEN = KEY.sign(TICKET)

moments = st.integers(0, 2**24 - 1).map(lambda steps: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=5 * steps))


@settings(max_examples=300)
@given(
    show=st.uuids(),
    seat=st.integers(1, 2**16 - 1),
    serial=st.integers(0, 2**48 - 1),
    opens=moments,
    steps=st.integers(1, 2**16 - 1),
    key=st.builds(TicketKey.from_seed, st.integers(0, 2**16 - 1), st.binary(min_size=32, max_size=32)),
)
def test_any_ticket_survives_its_token(
    *, show: UUID, seat: int, serial: int, opens: datetime, steps: int, key: TicketKey
) -> None:
    ticket = Ticket(show, seat, serial, opens, opens + timedelta(minutes=5 * steps))
    token = key.sign(ticket)
    assert len(token) == 154
    assert verify(token, {key.id: key.public}, show_id=show, at=opens) == Checked(Verification.OK, ticket)


@given(before_s=st.integers(0, 299), after_s=st.integers(0, 299))
def test_an_odd_window_grows_by_less_than_a_step_and_never_shrinks(before_s: int, after_s: int) -> None:
    odd = Ticket(SHOW, 1, 1, OPENS + timedelta(seconds=before_s), CLOSES + timedelta(seconds=after_s))
    ticket = verify(KEY.sign(odd), KEYS, show_id=SHOW, at=OPENS).ticket
    assert ticket is not None
    assert timedelta(0) <= odd.opens_at - ticket.opens_at < timedelta(minutes=5)
    assert timedelta(0) <= ticket.closes_at - odd.closes_at < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("show", "at", "found"),
    [
        (SHOW, OPENS, Verification.OK),
        (None, OPENS, Verification.OK),
        (SHOW, CLOSES - timedelta(seconds=1), Verification.OK),
        (SHOW, OPENS - timedelta(seconds=1), Verification.NOT_YET),
        (SHOW, CLOSES, Verification.EXPIRED),
        (UUID(int=1), OPENS, Verification.WRONG_SHOW),
        (UUID(int=1), CLOSES, Verification.WRONG_SHOW),
    ],
)
def test_show_and_window_are_judged(show: UUID | None, at: datetime, found: Verification) -> None:
    assert verify(TOKEN, KEYS, show_id=show, at=at) == Checked(found, TICKET)


@given(place=st.integers(0, 153), letter=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_one_changed_letter_proves_nothing(place: int, letter: str) -> None:
    changed = TOKEN[:place] + letter + TOKEN[place + 1 :]
    checked = verify(changed, KEYS, show_id=SHOW, at=OPENS)
    if changed == TOKEN:
        assert checked.verification is Verification.OK
    else:
        assert checked.ticket is None
        assert checked.verification in {Verification.BAD_SIGNATURE, Verification.UNKNOWN_KEY}


@given(st.text(max_size=200) | st.text("AB27 ", min_size=150, max_size=160))
def test_any_other_text_is_no_ticket(text: str) -> None:
    checked = verify(text, {**KEYS, 0: PublicKey(0, bytes(32))}, show_id=None, at=OPENS)
    assert checked.ticket is None


def test_a_scanner_may_change_case_and_add_blanks() -> None:
    assert verify(f" {TOKEN.lower()}\r\n", KEYS, show_id=SHOW, at=OPENS).verification is Verification.OK


def test_another_key_of_the_same_number_does_not_sign_for_us() -> None:
    forged = TicketKey.from_seed(7, bytes(32)).sign(TICKET)
    assert verify(forged, KEYS, show_id=SHOW, at=OPENS) == Checked(Verification.BAD_SIGNATURE)
    assert verify(TOKEN, {8: KEY.public}, show_id=SHOW, at=OPENS) == Checked(Verification.UNKNOWN_KEY)


def test_a_key_does_not_show_its_secret() -> None:
    assert repr(KEY) == "TicketKey(7)"


def read_back(image: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(image)]


def test_the_symbol_stays_small_and_reads_back() -> None:
    assert qr_code(TOKEN).designator == "6-M"
    matrix = qr_matrix(TOKEN)
    assert {len(matrix), *map(len, matrix)} == {41}
    png = io.BytesIO()
    qr_code(TOKEN).save(png, kind="png", scale=3, border=4)
    assert read_back(Image.open(png)) == [TOKEN]
    drawn = Image.new("L", (49, 49), 255)
    for y, row in enumerate(matrix):
        for x, dark in enumerate(row):
            drawn.putpixel((x + 4, y + 4), 0 if dark else 255)
    assert read_back(drawn.resize((196, 196), Image.Resampling.NEAREST)) == [TOKEN]


def test_the_svg_stands_alone_on_white() -> None:
    svg = qr_svg(TOKEN, title="Row F & seat 12")
    assert svg.startswith('<svg role="img" viewBox="0 0 196 196"')
    assert "<title>Row F &amp; seat 12</title>" in svg
    assert 'fill="#fff"' in svg
