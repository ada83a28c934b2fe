/* The buyer's choice: which seats may be picked together, what they cost, and whether one is left alone beside them.
 *
 * Pure. The server has the last word on all of it; this only spares the buyer a refusal. Neighbours are told by
 * distance, not by number, so that an aisle separates and odd-even numbering does not.
 */

import { seatPitch } from "./geometry.js";

/** A gap of more than this many usual seat distances is an aisle: nobody sits together across it. */
export const AISLE_PITCHES = 1.5;

/** Rows for people: [{key, label, zone, seats}] from the front to the back, seats from left to right. */
export function rowsOf(seats) {
  const pitch = seatPitch(seats);
  const rows = new Map();
  for (const seat of seats) {
    const key = `${seat.zone ?? ""}\u0000${seat.row}`;
    if (!rows.has(key)) rows.set(key, []);
    rows.get(key).push(seat);
  }
  const groups = [];
  for (const [key, members] of rows) groups.push(...splitFarApart(key, members, pitch));
  groups.sort((a, b) => a.y - b.y || a.seats[0].x - b.seats[0].x);
  return groups;
}

/* Two balconies may both have a row A: members that are many rows apart are different rows. */
function splitFarApart(key, members, pitch) {
  const byHeight = [...members].sort((a, b) => a.y - b.y);
  const pieces = [[byHeight[0]]];
  for (const [before, seat] of pairs(byHeight)) {
    if (seat.y - before.y > 4 * pitch) pieces.push([]);
    pieces.at(-1).push(seat);
  }
  return pieces.map((piece, no) => ({
    key: `${key}\u0000${no}`,
    label: piece[0].row,
    zone: piece[0].zone ?? "",
    y: piece.reduce((sum, seat) => sum + seat.y, 0) / piece.length,
    seats: inLine(piece),
  }));
}

/** Seats of one row in order along it, whichever way it runs. */
export function inLine(seats) {
  const span = (axis) => Math.max(...seats.map((s) => s[axis])) - Math.min(...seats.map((s) => s[axis]));
  const axis = span("y") > 2 * span("x") ? "y" : "x";
  return [...seats].sort((a, b) => a[axis] - b[axis]);
}

/** Each row cut at its aisles into runs of neighbours. */
export function blocksOf(rows, pitch) {
  const blocks = [];
  for (const row of rows) {
    let block = [row.seats[0]];
    for (const [before, seat] of pairs(row.seats)) {
      if (Math.hypot(seat.x - before.x, seat.y - before.y) > pitch * AISLE_PITCHES) {
        blocks.push(block);
        block = [];
      }
      block.push(seat);
    }
    blocks.push(block);
  }
  return blocks;
}

/**
 * Seats that this choice would leave alone: free, both sides taken or the end of the block, at least one side by this
 * choice, and not already alone before it.
 */
export function orphansOf(blocks, isFree, selected) {
  const orphans = [];
  for (const block of blocks) {
    if (!block.some((seat) => selected.has(seat.id))) continue;
    block.forEach((seat, place) => {
      if (!isFree(seat) || selected.has(seat.id)) return;
      const sides = [block[place - 1], block[place + 1]];
      const closed = sides.every((side) => !side || !isFree(side) || selected.has(side.id));
      const ours = sides.some((side) => side && selected.has(side.id));
      if (closed && ours) orphans.push(seat);
    });
  }
  return orphans;
}

/** The sum of prices by currency; a choice across currencies has several. */
export function totalOf(seats) {
  const totals = new Map();
  for (const { price } of seats) totals.set(price.currency, (totals.get(price.currency) ?? 0) + price.amount);
  return [...totals].map(([currency, amount]) => ({ amount, currency }));
}

const formats = new Map();

/** Minor units to words by the currency's own number of decimals: {1250, EUR} is "€12.50", {1250, JPY} is "¥1,250". */
export function formatMoney({ amount, currency }, locale) {
  const key = `${locale}|${currency}`;
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(locale, { style: "currency", currency }));
  const format = formats.get(key);
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** "Row C, seat 5" */
export const seatName = (seat) => `Row ${seat.row}, seat ${seat.number}`;

function* pairs(list) {
  for (let i = 1; i < list.length; i++) yield [list[i - 1], list[i]];
}
