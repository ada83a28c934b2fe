/* Plans as documents: pretix's public seating-plan JSON (schema 0.0.1), read with all its faults named by their path,
 * written so that reading gives the same plan again, and checked for what would hurt on the evening.
 *
 * Pure. `ids` gives new uuids to objects that have none; unknown fields are dropped and reported, since the schema
 * allows none.
 */

import { PointIndex, seatPitch } from "./geometry.js";
import { areasOf, SEATS_MAX, seatsOf } from "./plan-model.js";

const FIELDS = Object.freeze({
  plan: ["name", "zones", "categories", "size"],
  zone: ["name", "zone_id", "uuid", "position", "rows", "areas"],
  row: ["row_number", "row_label", "seat_label", "uuid", "seats", "row_number_position", "position"],
  seat: ["seat_guid", "seat_number", "uuid", "start_direction", "radius", "position", "category"],
  area: ["color", "border_color", "rotation", "position", "uuid", "shape", "polygon", "rectangle", "ellipse", "circle", "text"],
  category: ["name", "color"],
});
const MESSAGES_MAX = 100;

/** Read a document. @returns {{plan: object|null, errors: string[], warnings: string[]}} plan is null when there are errors. */
export function importPlan(document, ids) {
  const reader = new Reader(ids);
  const plan = reader.plan(document);
  return { plan: reader.errors.length ? null : plan, errors: reader.errors, warnings: reader.warnings };
}

class Reader {
  constructor(ids) {
    this.ids = ids;
    this.errors = [];
    this.warnings = [];
  }

  #bad(path, expected) {
    if (this.errors.length < MESSAGES_MAX) this.errors.push(`${path} must be ${expected}`);
    return undefined;
  }

  #object(value, path, kind) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.#bad(path, "an object");
      return null;
    }
    const unknown = Object.keys(value).filter((key) => !FIELDS[kind].includes(key));
    if (unknown.length && this.warnings.length < MESSAGES_MAX) this.warnings.push(`${path}: ${unknown.join(", ")} is not part of the format and was left out`);
    return Object.fromEntries(Object.entries(value).filter(([key]) => FIELDS[kind].includes(key)));
  }

  #list(value, path, read) {
    if (!Array.isArray(value)) return this.#bad(path, "a list") ?? [];
    return value.map((item, i) => read(item, `${path}[${i}]`)).filter(Boolean);
  }

  #text(value, path) {
    return typeof value === "string" ? value : this.#bad(path, "a text");
  }

  #position(value, path) {
    const good = value && Number.isFinite(value.x) && Number.isFinite(value.y);
    return good ? { x: value.x, y: value.y } : this.#bad(path, "a position {x, y} with numbers");
  }

  plan(value) {
    const read = this.#object(value, "plan", "plan");
    if (!read) return null;
    const categories = this.#list(read.categories, "categories", (item, path) => this.#category(item, path));
    const zones = this.#list(read.zones, "zones", (item, path) => this.#zone(item, path));
    const size = read.size;
    if (size !== undefined && !(Number.isInteger(size?.width) && Number.isInteger(size?.height))) this.#bad("size", "{width, height} with whole numbers");
    const plan = { name: this.#text(read.name, "name"), categories, zones, size: size ?? { width: 1000, height: 800 } };
    if (zones.flatMap((zone) => zone.rows).flatMap((row) => row.seats).length > SEATS_MAX) this.#bad("zones", `at most ${SEATS_MAX} seats`);
    return plan;
  }

  #category(value, path) {
    const read = this.#object(value, path, "category");
    if (read) this.#text(read.name, `${path}.name`);
    return read;
  }

  #zone(value, path) {
    const { displayed, ...rest } = value ?? {};
    const read = this.#object(value && rest, path, "zone");
    if (!read) return null;
    return {
      ...read,
      uuid: read.uuid ?? this.ids(),
      position: this.#position(read.position, `${path}.position`),
      rows: this.#list(read.rows, `${path}.rows`, (item, place) => this.#row(item, place)),
      areas: this.#list(read.areas ?? [], `${path}.areas`, (item, place) => this.#area(item, place)),
    };
  }

  #row(value, path) {
    const read = this.#object(value, path, "row");
    if (!read) return null;
    this.#text(read.row_number, `${path}.row_number`);
    return {
      ...read,
      uuid: read.uuid ?? this.ids(),
      position: read.position === undefined ? { x: 0, y: 0 } : this.#position(read.position, `${path}.position`),
      seats: this.#list(read.seats, `${path}.seats`, (item, place) => this.#seat(item, place)),
    };
  }

  #seat(value, path) {
    const read = this.#object(value, path, "seat");
    if (!read) return null;
    for (const name of ["seat_guid", "seat_number", "category"]) this.#text(read[name], `${path}.${name}`);
    return { ...read, uuid: read.uuid ?? this.ids(), position: this.#position(read.position, `${path}.position`) };
  }

  /* The format's first version gave areas a width, a height and a plain text. */
  #area(value, path) {
    const { width, height, text, ...rest } = value ?? {};
    const old = Number.isFinite(width) && Number.isFinite(height);
    const words = typeof text === "string" ? { text, position: { x: width / 2, y: height / 2 } } : text;
    const modern = value && { ...rest, ...(old ? { shape: "rectangle", rectangle: { width, height } } : {}), ...(words ? { text: words } : {}) };
    const read = this.#object(modern, path, "area");
    if (!read) return null;
    return { ...read, uuid: read.uuid ?? this.ids(), position: read.position === undefined ? { x: 0, y: 0 } : this.#position(read.position, `${path}.position`) };
  }
}

/** The document to save. Reading it back gives an equal plan. */
export function exportPlan(plan) {
  return structuredClone(plan);
}

/**
 * What is wrong with a plan that can be drawn but not sold from.
 * @returns {{level: "error"|"warning", text: string, at: {x, y}|null, ids: string[]}[]} with the place to look at
 */
export function checkPlan(plan) {
  const seats = seatsOf(plan);
  const found = [];
  const add = (level, text, where = []) => found.push({ level, text, ids: where.map((seat) => seat.id), at: where[0] ? { x: where[0].x, y: where[0].y } : null });
  if (!plan.name.trim()) add("error", "The plan has no name.");
  if (!seats.length) add("error", "The plan has no seats.");
  if (seats.length > SEATS_MAX) add("error", `The plan has ${seats.length} seats; the limit is ${SEATS_MAX}.`);
  checkNames(seats, plan, add);
  checkRows(plan, seats, add);
  checkPlaces(seats, plan, add);
  return found.slice(0, MESSAGES_MAX);
}

function checkNames(seats, plan, add) {
  const known = new Set(plan.categories.map((category) => category.name));
  const lost = Map.groupBy(seats.filter((seat) => !known.has(seat.category)), (seat) => seat.category);
  for (const [name, members] of lost) add("error", `${count(members)} in the unknown category “${name}”.`, members);
  for (const [name, members] of Map.groupBy(plan.categories, (category) => category.name)) {
    if (members.length > 1) add("error", `The category “${name}” exists ${members.length} times.`);
  }
  for (const members of Map.groupBy(seats, (seat) => JSON.stringify([seat.zoneId, seat.row, seat.number])).values()) {
    if (members.length > 1) add("error", `Row ${members[0].row} has ${members.length} seats with the number ${members[0].number}.`, members);
  }
}

/* Two rows of a zone may share a name (left and right of an aisle) as long as their seats do not. */
function checkRows(plan, seats, add) {
  const byRow = Map.groupBy(seats, (seat) => seat.rowId);
  for (const zone of plan.zones) {
    for (const [name, rows] of Map.groupBy(zone.rows, (row) => row.row_number)) {
      const members = rows.flatMap((row) => byRow.get(row.uuid) ?? []);
      if (!name.trim()) add("error", `${rows.length === 1 ? "A row has" : `${rows.length} rows have`} no name.`, members);
    }
  }
}

function checkPlaces(seats, plan, add) {
  const pitch = seatPitch(seats);
  const index = new PointIndex(seats, Math.max(pitch, 1));
  const touching = seats.filter((seat) => index.within({ x: seat.x - 4, y: seat.y - 4, width: 8, height: 8 }).length > 1);
  if (touching.length) add("error", `${count(touching)} on top of each other, first at row ${touching[0].row}, seat ${touching[0].number}.`, touching);
  const { width, height } = plan.size;
  const outside = seats.filter((seat) => seat.x < 0 || seat.y < 0 || seat.x > width || seat.y > height);
  if (outside.length) add("warning", `${count(outside)} outside the plan's size of ${width} × ${height}.`, outside);
  const lost = areasOf(plan).filter((area) => area.position.x > width || area.position.y > height);
  if (lost.length) add("warning", `${lost.length} ${lost.length === 1 ? "area begins" : "areas begin"} outside the plan's size.`, lost.map((area) => ({ id: area.uuid, ...area.position })));
}

const count = (list) => (list.length === 1 ? "1 seat is" : `${list.length} seats are`);

/** The plan grown (never shrunk) so that its size holds everything, moved right and down if something is negative. */
export function fitSize(plan, margin = 60) {
  const points = [...seatsOf(plan), ...areasOf(plan).map((area) => area.position)];
  if (!points.length) return plan;
  const [dx, dy] = ["x", "y"].map((axis) => Math.max(0, Math.ceil(margin / 2 - Math.min(...points.map((p) => p[axis])))));
  const far = (axis, shift) => Math.ceil(Math.max(...points.map((p) => p[axis])) + shift + margin);
  const size = { width: Math.max(plan.size.width, far("x", dx)), height: Math.max(plan.size.height, far("y", dy)) };
  const zones = dx || dy ? plan.zones.map((zone) => ({ ...zone, position: { x: zone.position.x + dx, y: zone.position.y + dy } })) : plan.zones;
  return { ...plan, zones, size };
}
