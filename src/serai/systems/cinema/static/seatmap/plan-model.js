/* A seating plan and every change that the editor can make to it.
 *
 * Pure. A plan is pretix's public seating-plan document with a uuid on each zone, row, seat and area. An operation takes
 * a plan and returns a new one that shares all it did not touch, so undo is a list of plans and cannot drift. New ids
 * come from the argument `ids`, a function. A seat's seat_guid is its identity for ever: moving and renumbering keep it.
 */

import { inLine } from "./choice.js";
import { baseCategory, WHEELCHAIR_SUFFIX } from "./theme.js";

export const SEATS_MAX = 5_000;
export const BLOCK_SIDE_MAX = 100;
const DEGREE = Math.PI / 180;

/** An empty hall. */
export function emptyPlan(ids, name = "New plan") {
  return {
    name,
    categories: [{ name: "Standard", color: "#4a63c9" }],
    zones: [{ name: "Hall", zone_id: "hall", uuid: ids(), position: { x: 0, y: 0 }, rows: [], areas: [] }],
    size: { width: 1000, height: 800 },
  };
}

const plus = (...points) => ({ x: points.reduce((sum, p) => sum + (p?.x ?? 0), 0), y: points.reduce((sum, p) => sum + (p?.y ?? 0), 0) });

/** Every seat as the renderer wants it: absolute position, row, number, category, and its places in the document. */
export function seatsOf(plan) {
  return plan.zones.flatMap((zone) =>
    zone.rows.flatMap((row) =>
      row.seats.map((seat) => ({
        id: seat.uuid,
        ...plus(zone.position, row.position, seat.position),
        row: row.row_number,
        number: seat.seat_number,
        category: seat.category,
        accessible: isAccessible(seat.category),
        zone: plan.zones.length > 1 ? zone.name : "",
        rowId: row.uuid,
        zoneId: zone.uuid,
      })),
    ),
  );
}

/** Every area with its absolute position. */
export function areasOf(plan) {
  return plan.zones.flatMap((zone) => (zone.areas ?? []).map((area) => ({ ...area, position: plus(zone.position, area.position) })));
}

/** Whether a category's name marks wheelchair places; the server knows the same words. */
export const isAccessible = (category) => /wheelchair|accessible|rollstuhl|fauteuil roulant|silla de ruedas|車椅子|♿/i.test(category);

/* Rows through `change(row, zone)`; null removes the row. What comes back identical stays shared. */
function mapRows(plan, change) {
  let touched = false;
  const zones = plan.zones.map((zone) => {
    const rows = zone.rows.map((row) => change(row, zone)).filter(Boolean);
    if (rows.length === zone.rows.length && rows.every((row, i) => row === zone.rows[i])) return zone;
    touched = true;
    return { ...zone, rows };
  });
  return touched ? { ...plan, zones } : plan;
}

function mapSeats(plan, picked, change) {
  return mapRows(plan, (row, zone) => {
    if (!row.seats.some((seat) => picked.has(seat.uuid))) return row;
    return { ...row, seats: row.seats.map((seat) => (picked.has(seat.uuid) ? change(seat, row, zone) : seat)) };
  });
}

function mapAreas(plan, picked, change) {
  const zones = plan.zones.map((zone) => {
    if (!(zone.areas ?? []).some((area) => picked.has(area.uuid))) return zone;
    return { ...zone, areas: zone.areas.map((area) => (picked.has(area.uuid) ? change(area, zone) : area)).filter(Boolean) };
  });
  return zones.some((zone, i) => zone !== plan.zones[i]) ? { ...plan, zones } : plan;
}

// ---- shapes

/**
 * Seats of one row around its middle: `count` seats `gap` apart along a circle that turns by `arc` degrees in all (0 is
 * straight; positive bends the ends towards smaller y, where the screen is). `aisles` are numbers of seats after which
 * `aisle` extra pixels are left free.
 */
export function rowShape({ count, gap, arc = 0, aisles = [], aisle = gap }) {
  const along = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    along.push(at);
    at += gap + (aisles.includes(i + 1) ? aisle : 0);
  }
  const middle = (along[0] + along.at(-1)) / 2;
  return along.map((length) => onArc(length - middle, along.at(-1) - along[0], arc));
}

function onArc(offset, length, arc) {
  if (Math.abs(arc) < 0.01 || length === 0) return { x: offset, y: 0 };
  const radius = length / (arc * DEGREE);
  const angle = offset / radius;
  return { x: radius * Math.sin(angle), y: radius * (Math.cos(angle) - 1) };
}

/** A, B ... Z, AA for letters; 1, 2 ... for numbers; `from` is the first label. */
export function rowLabel(place, { scheme = "letters", from = "" } = {}) {
  if (scheme === "numbers") return String((Number.parseInt(from, 10) || 1) + place);
  return letters(place + lettersValue(from || "A"));
}

function letters(value) {
  let text = "";
  for (let rest = value + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) text = String.fromCharCode(65 + ((rest - 1) % 26)) + text;
  return text;
}

function lettersValue(text) {
  const clean = text.toUpperCase().replace(/[^A-Z]/g, "") || "A";
  return [...clean].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

/** Numbers for seats in order from the left: ltr 1 2 3 4, rtl 4 3 2 1, odd-even 3 1 2 4 (from the middle outwards). */
export function seatNumbers(count, { scheme = "ltr", start = 1 } = {}) {
  const run = Array.from({ length: count }, (_, i) => start + i);
  if (scheme === "rtl") return run.reverse().map(String);
  if (scheme !== "odd-even") return run.map(String);
  const left = Math.floor(count / 2);
  const odd = Array.from({ length: left }, (_, i) => start + 2 * (left - 1 - i));
  const even = Array.from({ length: count - left }, (_, i) => start + 1 + 2 * i);
  return [...odd, ...even].map(String);
}

// ---- adding

/** The zone of that uuid, else the first. */
const zoneOf = (plan, zoneId) => plan.zones.find((zone) => zone.uuid === zoneId) ?? plan.zones[0];

function withRows(plan, zoneId, rows) {
  const target = zoneOf(plan, zoneId);
  return { ...plan, zones: plan.zones.map((zone) => (zone === target ? { ...zone, rows: [...zone.rows, ...rows] } : zone)) };
}

function newRow(label, centre, shape, { category, numbering, ids, turn = 0 }) {
  const numbers = seatNumbers(shape.length, numbering);
  return {
    row_number: label,
    row_number_position: "both",
    uuid: ids(),
    position: rounded(centre),
    seats: shape.map((p, i) => ({ seat_number: numbers[i], seat_guid: ids(), uuid: ids(), position: rounded(turned(p, turn)), category })),
  };
}

/** A block of rows; `at` is the middle of its first row. Labels continue after the zone's last row unless given. */
export function addBlock(plan, { zoneId, at, rows, seats, gap, rowGap, arc, aisles, category, labels, numbering }, ids) {
  const zone = zoneOf(plan, zoneId);
  const naming = labels ?? nextLabels(zone);
  const shape = rowShape({ count: seats, gap, arc, aisles });
  const centre = { x: at.x - zone.position.x, y: at.y - zone.position.y };
  const made = Array.from({ length: rows }, (_, i) =>
    newRow(rowLabel(i, naming), { x: centre.x, y: centre.y + i * rowGap }, shape, { category, numbering, ids }),
  );
  return { plan: withRows(plan, zone.uuid, made), added: made.flatMap((row) => row.seats.map((seat) => seat.uuid)) };
}

/** One row from point to point; as many seats as fit `gap` apart. */
export function addRow(plan, { zoneId, from, to, gap, arc, category, labels, numbering }, ids) {
  const zone = zoneOf(plan, zoneId);
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const count = Math.max(Math.round(length / gap) + 1, 1);
  const turn = count > 1 ? Math.atan2(to.y - from.y, to.x - from.x) : 0;
  const middle = { x: (from.x + to.x) / 2 - zone.position.x, y: (from.y + to.y) / 2 - zone.position.y };
  const row = newRow(rowLabel(0, labels ?? nextLabels(zone)), middle, rowShape({ count, gap, arc }), { category, numbering, ids, turn });
  return { plan: withRows(plan, zone.uuid, [row]), added: row.seats.map((seat) => seat.uuid) };
}

function nextLabels(zone) {
  const last = zone.rows.at(-1)?.row_number;
  if (!last) return { scheme: "letters", from: "A" };
  if (/^\d+$/.test(last)) return { scheme: "numbers", from: String(Number(last) + 1) };
  return { scheme: "letters", from: rowLabel(1, { from: last }) };
}

/** An area given with an absolute position. */
export function addArea(plan, zoneId, area, ids) {
  const target = zoneOf(plan, zoneId);
  const made = { ...area, uuid: ids(), position: rounded({ x: area.position.x - target.position.x, y: area.position.y - target.position.y }) };
  const zones = plan.zones.map((zone) => (zone === target ? { ...zone, areas: [...(zone.areas ?? []), made] } : zone));
  return { plan: { ...plan, zones }, added: [made.uuid] };
}

export function addZone(plan, name, ids) {
  const zone = { name, zone_id: slug(name), uuid: ids(), position: { x: 0, y: 0 }, rows: [], areas: [] };
  return { ...plan, zones: [...plan.zones, zone] };
}

const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "zone";

// ---- changing what is there

/** Move seats and areas; a row that moves as a whole moves its own anchor. */
export function moveBy(plan, picked, dx, dy) {
  const shift = (p) => rounded({ x: (p?.x ?? 0) + dx, y: (p?.y ?? 0) + dy });
  const moved = mapRows(plan, (row) => {
    const count = row.seats.filter((seat) => picked.has(seat.uuid)).length;
    if (!count) return row;
    if (count === row.seats.length) return { ...row, position: shift(row.position) };
    return { ...row, seats: row.seats.map((seat) => (picked.has(seat.uuid) ? { ...seat, position: shift(seat.position) } : seat)) };
  });
  return mapAreas(moved, picked, (area) => ({ ...area, position: shift(area.position) }));
}

/** Turn seats and areas clockwise around an absolute point. */
export function rotateBy(plan, picked, degrees, centre) {
  const turn = degrees * DEGREE;
  const around = (p) => plus(centre, turned({ x: p.x - centre.x, y: p.y - centre.y }, turn));
  const rotated = mapSeats(plan, picked, (seat, row, zone) => {
    const base = plus(zone.position, row.position);
    const target = around(plus(base, seat.position));
    return { ...seat, position: rounded({ x: target.x - base.x, y: target.y - base.y }) };
  });
  return mapAreas(rotated, picked, (area, zone) => {
    const target = around(plus(zone.position, area.position));
    const rotation = (((area.rotation ?? 0) + degrees) % 360 + 360) % 360;
    return { ...area, rotation, position: rounded({ x: target.x - zone.position.x, y: target.y - zone.position.y }) };
  });
}

/** Copy what is picked; copies of seats form rows of their own with fresh ids. */
export function duplicate(plan, picked, dx, dy, ids) {
  const added = [];
  const fresh = () => added[added.push(ids()) - 1];
  const shift = (p) => rounded({ x: (p?.x ?? 0) + dx, y: (p?.y ?? 0) + dy });
  const zones = plan.zones.map((zone) => {
    let naming = nextLabels(zone);
    const rows = zone.rows
      .filter((row) => row.seats.some((seat) => picked.has(seat.uuid)))
      .map((row, place) => ({
        ...row,
        uuid: ids(),
        row_number: rowLabel(place, naming),
        position: shift(row.position),
        seats: row.seats.filter((seat) => picked.has(seat.uuid)).map((seat) => ({ ...seat, uuid: fresh(), seat_guid: ids() })),
      }));
    const areas = (zone.areas ?? []).filter((area) => picked.has(area.uuid)).map((area) => ({ ...area, uuid: fresh(), position: shift(area.position) }));
    return rows.length || areas.length ? { ...zone, rows: [...zone.rows, ...rows], areas: [...(zone.areas ?? []), ...areas] } : zone;
  });
  return { plan: { ...plan, zones }, added };
}

/** Delete seats and areas; rows that become empty go too. */
export function remove(plan, picked) {
  const seated = mapRows(plan, (row) => {
    const seats = row.seats.filter((seat) => !picked.has(seat.uuid));
    if (seats.length === row.seats.length) return row;
    return seats.length ? { ...row, seats } : null;
  });
  return mapAreas(seated, picked, () => null);
}

/** Lay whole rows out anew around their middle with another spacing and arc, keeping their direction. */
export function reshapeRows(plan, picked, { gap, arc, aisles = [] }) {
  return mapRows(plan, (row) => {
    if (!row.seats.some((seat) => picked.has(seat.uuid))) return row;
    const ordered = inLine(row.seats.map((seat) => ({ ...seat.position, seat })));
    const [first, last] = [ordered[0], ordered.at(-1)];
    const turn = Math.atan2(last.y - first.y, last.x - first.x);
    const middle = { x: (first.x + last.x) / 2, y: (first.y + last.y) / 2 };
    const shape = rowShape({ count: ordered.length, gap, arc, aisles });
    const drop = shape[0].y;
    const placed = new Map(ordered.map((entry, i) => [entry.seat.uuid, rounded(plus(middle, turned({ x: shape[i].x, y: shape[i].y - drop }, turn)))]));
    return { ...row, seats: row.seats.map((seat) => ({ ...seat, position: placed.get(seat.uuid) })) };
  });
}

/** Open an aisle: in each picked row, everything right of `x` moves right by `width`. */
export function insertAisle(plan, picked, x, width) {
  return mapRows(plan, (row, zone) => {
    if (!row.seats.some((seat) => picked.has(seat.uuid))) return row;
    const base = plus(zone.position, row.position);
    const seats = row.seats.map((seat) => (base.x + seat.position.x > x ? { ...seat, position: { ...seat.position, x: seat.position.x + width } } : seat));
    return { ...row, seats };
  });
}

/** Name the picked rows anew from the front to the back (or from the back with `reverse`). */
export function renumberRows(plan, picked, { scheme, from, reverse = false }) {
  const rows = plan.zones.flatMap((zone) =>
    zone.rows.filter((row) => row.seats.some((seat) => picked.has(seat.uuid))).map((row) => ({ id: row.uuid, y: averageY(row) + zone.position.y })),
  );
  rows.sort((a, b) => (reverse ? b.y - a.y : a.y - b.y));
  const names = new Map(rows.map(({ id }, place) => [id, rowLabel(place, { scheme, from })]));
  return mapRows(plan, (row) => (names.has(row.uuid) && names.get(row.uuid) !== row.row_number ? { ...row, row_number: names.get(row.uuid) } : row));
}

const averageY = (row) => (row.position?.y ?? 0) + row.seats.reduce((sum, seat) => sum + seat.position.y, 0) / row.seats.length;

/** Number the picked seats anew within each row. */
export function renumberSeats(plan, picked, { scheme, start = 1 }) {
  return mapRows(plan, (row) => {
    const chosen = inLine(row.seats.filter((seat) => picked.has(seat.uuid)).map((seat) => ({ ...seat.position, id: seat.uuid })));
    if (!chosen.length) return row;
    const numbers = seatNumbers(chosen.length, { scheme, start });
    const names = new Map(chosen.map(({ id }, i) => [id, numbers[i]]));
    return { ...row, seats: row.seats.map((seat) => (names.has(seat.uuid) ? { ...seat, seat_number: names.get(seat.uuid) } : seat)) };
  });
}

/** Put seats into a category; a wheelchair place stays one. */
export function setCategory(plan, picked, name) {
  const changed = mapSeats(plan, picked, (seat) => ({ ...seat, category: isAccessible(seat.category) ? withWheelchair(name) : name }));
  return withUsedCategories(changed);
}

/** Make seats wheelchair places or ordinary ones. The format has no field for it: a category named "X (wheelchair)" says so. */
export function setAccessible(plan, picked, on) {
  const changed = mapSeats(plan, picked, (seat) => ({ ...seat, category: on ? withWheelchair(seat.category) : baseCategory(seat.category) }));
  return withUsedCategories(changed);
}

const withWheelchair = (name) => (isAccessible(name) ? name : name + WHEELCHAIR_SUFFIX);

/* Wheelchair categories come into being with their first seat and share the colour of the one that they belong to. */
function withUsedCategories(plan) {
  const known = new Set(plan.categories.map((category) => category.name));
  const used = new Set(plan.zones.flatMap((zone) => zone.rows.flatMap((row) => row.seats.map((seat) => seat.category))));
  const missing = [...used].filter((name) => !known.has(name));
  if (!missing.length) return plan;
  const colorOf = (name) => plan.categories.find((category) => category.name === baseCategory(name))?.color;
  return { ...plan, categories: [...plan.categories, ...missing.map((name) => ({ name, ...(colorOf(name) ? { color: colorOf(name) } : {}) }))] };
}

/** Add, rename, recolour or remove a category; `before` null adds, `after` null removes an unused one. */
export function changeCategory(plan, before, after) {
  if (before === null) return { ...plan, categories: [...plan.categories, after] };
  if (after === null) return { ...plan, categories: plan.categories.filter((category) => category.name !== before) };
  const renamed = mapRows(plan, (row) => {
    if (!row.seats.some((seat) => baseCategory(seat.category) === before)) return row;
    return { ...row, seats: row.seats.map((seat) => ({ ...seat, category: renameIn(seat.category, before, after.name) })) };
  });
  const categories = plan.categories.map((category) => {
    if (baseCategory(category.name) !== before) return category;
    return { ...category, ...after, name: renameIn(category.name, before, after.name) };
  });
  return { ...renamed, categories };
}

const renameIn = (name, before, after) => (name === before ? after : name === before + WHEELCHAIR_SUFFIX ? after + WHEELCHAIR_SUFFIX : name);

/** Change fields of areas. */
export const changeAreas = (plan, picked, fields) => mapAreas(plan, picked, (area) => ({ ...area, ...fields }));

function turned(p, angle) {
  if (!angle) return { ...p };
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  return { x: p.x * cos - p.y * sin, y: p.x * sin + p.y * cos };
}

const rounded = (p) => ({ x: Math.round(p.x * 100) / 100, y: Math.round(p.y * 100) / 100 });

/**
 * The shift that brings moving points onto lines of resting ones, and the lines to show.
 * @returns {{dx: number, dy: number, guides: {axis: "x"|"y", at: number}[]}}
 */
export function snap(moving, resting, tolerance) {
  const along = (axis) => {
    const lines = [...new Set(resting.map((p) => p[axis]))];
    let best = null;
    for (const at of new Set(moving.map((p) => p[axis]))) {
      for (const line of lines) {
        const shift = line - at;
        if (Math.abs(shift) <= tolerance && (best === null || Math.abs(shift) < Math.abs(best.shift))) best = { shift, at: line };
      }
    }
    return best;
  };
  const [x, y] = [along("x"), along("y")];
  const guides = [...(x ? [{ axis: "x", at: x.at }] : []), ...(y ? [{ axis: "y", at: y.at }] : [])];
  return { dx: x?.shift ?? 0, dy: y?.shift ?? 0, guides };
}

