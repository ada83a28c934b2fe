/* From data to something that can be drawn: seats, areas, row labels and their box, in world pixels.
 *
 * Pure. The show's JSON and the editor's plan meet here, so that the renderer knows neither. Positions of a scene are
 * absolute, whatever nesting the document used.
 */

import { rowsOf } from "./choice.js";
import { boundsOf, PointIndex, seatPitch } from "./geometry.js";

/** A seat's drawn width as a share of the distance to its neighbour. */
const SEAT_SHARE = 0.82;
const DEGREE = Math.PI / 180;

/** The scene of GET /shows/{id}/seats: {seats, plan?: {width, height, categories, areas}}. */
export function sceneOfShow({ seats, plan }) {
  const areas = (plan?.areas ?? []).map((area) => placedArea(area, { x: 0, y: 0 }));
  return sceneOf(seats, areas.length ? areas : [defaultScreen(seats)]);
}

/** Put a scene together; `extra` are points that the box must also contain. */
export function sceneOf(seats, areas, extra = []) {
  const pitch = seatPitch(seats);
  const corners = areas.flatMap(cornersOf);
  const rows = rowsOf(seats);
  return {
    seats,
    areas,
    rows,
    labels: rows.flatMap((row) => labelsOf(row, pitch)),
    pitch,
    size: pitch * SEAT_SHARE,
    bounds: boundsOf([...seats, ...corners, ...extra], pitch * 1.6),
    index: new PointIndex(seats, pitch * 2),
  };
}

/** A pretix area with its position made absolute. */
export function placedArea(area, origin) {
  return { ...area, position: { x: origin.x + (area.position?.x ?? 0), y: origin.y + (area.position?.y ?? 0) } };
}

/* A plan without a drawn screen gets one in front of its first row. */
function defaultScreen(seats) {
  const box = boundsOf(seats);
  const pitch = seatPitch(seats);
  const width = Math.max(box.width * 0.72, pitch * 6);
  const height = Math.max(pitch * 1.4, width * 0.05);
  return {
    shape: "screen",
    position: { x: box.x + box.width / 2 - width / 2, y: box.y - height * 2.6 },
    rectangle: { width, height },
    text: { text: "Screen" },
  };
}

/** The outline of an area as absolute points (an ellipse by its box). */
export function cornersOf(area) {
  const turn = (area.rotation ?? 0) * DEGREE;
  const [sin, cos] = [Math.sin(turn), Math.cos(turn)];
  return localCorners(area).map((p) => ({
    x: area.position.x + p.x * cos - p.y * sin,
    y: area.position.y + p.x * sin + p.y * cos,
  }));
}

function localCorners(area) {
  const box = (x, y, width, height) => [{ x, y }, { x: x + width, y }, { x: x + width, y: y + height }, { x, y: y + height }];
  if (area.rectangle) return box(0, 0, area.rectangle.width, area.rectangle.height);
  if (area.circle) return box(-area.circle.radius, -area.circle.radius, 2 * area.circle.radius, 2 * area.circle.radius);
  if (area.ellipse) return box(-area.ellipse.radius.x, -area.ellipse.radius.y, 2 * area.ellipse.radius.x, 2 * area.ellipse.radius.y);
  if (area.polygon) return area.polygon.points;
  const size = area.text?.size ?? 16;
  const half = ((area.text?.text ?? "").length * size * 0.55) / 2 + 4;
  const at = area.text?.position ?? { x: 0, y: 0 };
  return box(at.x - half, at.y - size * 0.7, 2 * half, size * 1.4);
}

/** Whether a world point is on an area. */
export function isOnArea(area, point) {
  const corners = cornersOf(area);
  let inside = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
    const [a, b] = [corners[i], corners[j]];
    const crosses = a.y > point.y !== b.y > point.y;
    if (crosses && point.x < ((b.x - a.x) * (point.y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}

/* The row's name at both ends, along the direction in which the row leaves. */
function labelsOf(row, pitch) {
  if (row.label === "") return [];
  const [first, last] = [row.seats[0], row.seats.at(-1)];
  const beyond = (end, inner) => {
    const [dx, dy] = inner === end ? [end === first ? -1 : 1, 0] : [end.x - inner.x, end.y - inner.y];
    const length = Math.hypot(dx, dy) || 1;
    return { text: row.label, x: end.x + (dx / length) * pitch * 1.05, y: end.y + (dy / length) * pitch * 1.05 };
  };
  return [beyond(first, row.seats[1] ?? first), beyond(last, row.seats.at(-2) ?? last)];
}
