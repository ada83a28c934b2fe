"""Valuation, picking and posting beside naive twins; barcodes beside GS1's own examples and two other readers."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from biip import parse
from hypothesis import given
from hypothesis import strategies as st

from serai.systems.stock.barcodes import (
    check_digit,
    digital_link,
    ean13_bars,
    gtin_forms,
    is_gtin,
    scanned,
)
from serai.systems.stock.labels import Label, render_labels
from serai.systems.stock.model import LevelKey, counter_key, from_counter_key
from serai.systems.stock.picking import OnShelf, first_expired
from serai.systems.stock.posting import ROUTES, Kind, Leg, conserves, deltas_of, leads, lines_of, summed, with_levels
from serai.systems.stock.service.movements import legs_from
from serai.systems.stock.valuation import Flowed, fifo, moving_average

FNC1 = "\x1d"

flows = st.lists(
    st.builds(Flowed, st.integers(1, 30), st.none() | st.integers(0, 5_000))
    | st.builds(lambda quantity: Flowed(-quantity), st.integers(1, 25)),
    max_size=30,
)


def naive_fifo(history: list[Flowed]) -> tuple[int, Fraction, Fraction, int]:
    """Every piece on its own, with its exact price."""
    shelf: list[Fraction] = []
    gone, owed, last = Fraction(0), 0, Fraction(0)
    for flow in history:
        if flow.quantity > 0:
            if flow.cost_minor is not None:
                last = Fraction(flow.cost_minor, flow.quantity)
            for _ in range(flow.quantity):
                if owed:
                    owed, gone = owed - 1, gone + last
                else:
                    shelf.append(last)
        else:
            for _ in range(-flow.quantity):
                if shelf:
                    gone += shelf.pop(0)
                else:
                    owed += 1
    return len(shelf), sum(shelf, Fraction(0)), gone, owed


def naive_average(history: list[Flowed]) -> tuple[int, Fraction, Fraction, int]:
    """Exact fractions; every piece costs what the average is."""
    count, value, gone, owed, last = 0, Fraction(0), Fraction(0), 0, Fraction(0)
    for flow in history:
        if flow.quantity > 0:
            if flow.cost_minor is not None:
                each = last = Fraction(flow.cost_minor, flow.quantity)
            else:
                each = value / count if count else last
            back = min(owed, flow.quantity)
            owed, gone = owed - back, gone + back * each
            count, value = count + flow.quantity - back, value + (flow.quantity - back) * each
        else:
            there = min(-flow.quantity, count)
            part = value * Fraction(there, count) if count else Fraction(0)
            count, value, gone = count - there, value - part, gone + part
            owed += -flow.quantity - there
    return count, value, gone, owed


@given(flows)
def test_fifo_is_the_naive_twins_but_for_what_cannot_be_divided(history: list[Flowed]) -> None:
    worth, (count, value, gone, owed) = fifo(history), naive_fifo(history)
    assert (worth.quantity, worth.owed) == (count, owed)
    assert abs(worth.value_minor - value) <= 3 * len(history) + 1
    assert abs(worth.gone_minor - gone) <= 3 * len(history) + 1
    assert min(worth.value_minor, worth.gone_minor) >= 0


@given(flows)
def test_the_moving_average_is_the_naive_twins_but_for_what_cannot_be_divided(history: list[Flowed]) -> None:
    worth, (count, value, gone, owed) = moving_average(history), naive_average(history)
    assert (worth.quantity, worth.owed) == (count, owed)
    drift = 40 * len(history) + 1  # a cent that was rounded is carried by every price that is made of it
    assert abs(worth.value_minor - value) <= drift
    assert abs(worth.gone_minor - gone) <= drift


@given(st.lists(st.builds(Flowed, st.integers(1, 30), st.integers(0, 5_000)), min_size=1), st.integers(1, 50))
def test_no_cent_appears_or_vanishes(bought: list[Flowed], sold: int) -> None:
    paid = sum(flow.cost_minor or 0 for flow in bought)
    there = sum(flow.quantity for flow in bought)
    for rule in (fifo, moving_average):
        worth = rule([*bought, Flowed(-min(sold, there))])
        assert worth.value_minor + worth.gone_minor == paid
        assert rule([*bought, Flowed(-there)]).value_minor == 0


def test_the_textbooks_example() -> None:
    """10 at 1.00, 10 at 2.00, 15 sold: FIFO leaves 5 at 2.00, the average 5 at 1.50."""
    history = [Flowed(10, 1000), Flowed(10, 2000), Flowed(-15)]
    assert (fifo(history).value_minor, moving_average(history).value_minor) == (1000, 750)


shelves = st.lists(
    st.builds(
        OnShelf,
        st.integers(1, 10_000),
        st.none() | st.dates(date(2026, 1, 1), date(2027, 1, 1)),
        st.integers(-2, 9),
    ),
    unique_by=lambda batch: batch.batch_no,
    max_size=8,
)


@given(shelves, st.integers(1, 30))
def test_picks_are_those_of_a_naive_twin_that_takes_piece_by_piece(shelf: list[OnShelf], quantity: int) -> None:
    today = date(2026, 6, 1)
    left = {batch.batch_no: batch.available for batch in shelf}
    taken: dict[int, int] = {}
    for _ in range(quantity):
        fit = [
            batch for batch in shelf if left[batch.batch_no] > 0 and (not batch.expires_on or batch.expires_on >= today)
        ]
        if not fit:
            break
        best = min(fit, key=lambda batch: (batch.expires_on is None, batch.expires_on or today, batch.batch_no))
        left[best.batch_no] -= 1
        taken[best.batch_no] = taken.get(best.batch_no, 0) + 1
    assert [(pick.batch_no, pick.quantity) for pick in first_expired(shelf, quantity, today)] == list(taken.items())


legs = st.lists(
    st.builds(
        Leg,
        st.integers(1, 3),
        st.integers(0, 2),
        st.integers(1, 3),
        st.integers(4, 6),
        st.integers(-5, 5).filter(bool),
        st.none() | st.integers(0, 9),
    ),
    min_size=1,
    max_size=12,
)


@given(st.lists(legs, min_size=1, max_size=5))
def test_lines_conserve_and_tell_the_levels_that_they_lead_to(movements: list[list[Leg]]) -> None:
    lines = [lines_of(each) for each in movements]
    assert all(conserves(each) for each in lines)
    assert [legs_from(each) for each in lines] == [list(each) for each in movements]
    levels: dict[LevelKey, int] = {}
    told = []
    for each in lines:
        for line in each:
            if line.key.location_no <= 4:
                levels[line.key] = levels.get(line.key, 0) + line.quantity
            told.append(levels.get(line.key) if line.key.location_no <= 4 else None)
    assert deltas_of(lines, [1, 2, 3, 4]) == levels
    assert [line.level for each in with_levels(lines, levels) for line in each] == told


@given(legs)
def test_summed_legs_move_the_same_in_fewer_lines(wanted: list[Leg]) -> None:
    together = summed(wanted)
    assert len({(leg.product_no, leg.batch_no, leg.from_no, leg.to_no) for leg in together}) == len(together)
    everywhere = range(1, 7)
    before = deltas_of([lines_of(wanted)], everywhere)
    after = deltas_of([lines_of(together)] if together else [], everywhere)
    assert {key: delta for key, delta in before.items() if delta} == {key: d for key, d in after.items() if d}


def test_every_kind_but_a_correction_has_a_route() -> None:
    assert set(ROUTES) == set(Kind) - {Kind.CORRECT}
    assert all(leads(kind, source, target) for kind, ends in ROUTES.items() for source in ends[0] for target in ends[1])


@given(st.integers(1, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_a_levels_key_is_a_bijection(product_no: int, batch_no: int) -> None:
    key = counter_key(product_no, batch_no)
    assert 0 < key < 2**63
    assert from_counter_key(key) == (product_no, batch_no)


@pytest.mark.parametrize("gtin", ["9506000134376", "09506000134376", "036000291452", "96385074", "4006381333931"])
def test_a_gtin_is_known_by_its_check_digit(gtin: str) -> None:
    assert is_gtin(gtin)
    assert check_digit(gtin[:-1]) == int(gtin[-1])
    assert not is_gtin(gtin[:-1] + str((int(gtin[-1]) + 1) % 10))
    assert gtin.zfill(14) in gtin_forms(gtin)


@pytest.mark.parametrize("wrong", ["", "123", "95060001343７6", "950600013437a", "1" * 15])
def test_what_is_no_gtin_is_none(wrong: str) -> None:
    assert not is_gtin(wrong)


def test_a_scanners_text_is_read_in_every_form_of_gs1() -> None:
    gs1 = f"]C10109506000134376172712311{'0'}AB12{FNC1}21S-77"
    found = scanned(gs1)
    assert (found.code, found.batch, found.expires_on, found.serial) == (
        "9506000134376",
        "AB12",
        date(2027, 12, 31),
        "S-77",
    )
    link = digital_link("9506000134376", batch="A/1", serial="7", expires_on=date(2027, 12, 31))
    assert link == "https://id.gs1.org/01/09506000134376/10/A%2F1/21/7?17=271231"
    found = scanned(link)
    assert (found.code, found.batch, found.serial, found.expires_on) == (
        "9506000134376",
        "A/1",
        "7",
        date(2027, 12, 31),
    )
    assert scanned("9506000134376").is_gtin
    assert scanned(f"010950600013437637{'24'}").count == 24
    for text in ("TEA-101", "hello", "9506000134377", ""):
        assert (scanned(text).code, scanned(text).is_gtin) == (text, False)
    assert parse(link).gs1_digital_link_uri is not None


def test_a_label_is_read_by_another_reader() -> None:
    import pypdfium2
    import zxingcpp

    label = Label("Whole milk 1 l · Молоко", "FRE-401", "4006381333931", "L261124", date(2026, 12, 6))
    made_at = datetime(2026, 11, 24, tzinfo=UTC)
    pdf = render_labels([label] * 25, made_at=made_at)
    assert pdf == render_labels([label] * 25, made_at=made_at)
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 2
    image = document[1].render(scale=6).to_pil()
    codes = {(each.format.name, each.text) for each in zxingcpp.read_barcodes(image)}
    assert ("EAN13", "4006381333931") in codes
    assert any(text == label.code for _, text in codes)
    text = document[0].get_textpage().get_text_bounded()
    assert "FRE-401" in text and "Exp 2026-12-06" in text
    document.close()
    assert len(ean13_bars("4006381333931")) == 95
    assert Label("x", "SKU-1").code == "SKU-1"
