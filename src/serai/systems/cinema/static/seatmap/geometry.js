/* Where things are on the screen: views (scale and offset), their limits, and the index that answers "what is here?".
 *
 * Pure. A view is {scale, x, y} and means screen = world * scale + (x, y), in CSS pixels. Every function returns a new
 * view; nothing here knows a canvas, so that the same maths serves the seat map, the mini-map and the editor.
 */

export const FIT_PADDING_PX = 28;
/** The part of the viewport that always shows some of the plan, so that nobody pans it out of sight. */
export const KEEP_VISIBLE_SHARE = 0.35;
/** A seat is never drawn larger than this: beyond it zooming tells nothing more. */
export const SEAT_SIZE_MAX_PX = 64;

/** The box around points ({x, y}), grown by `margin`; an empty list gives a unit box at the origin. */
export function boundsOf(points, margin = 0) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const p of points) {
    if (p.x < left) left = p.x;
    if (p.x > right) right = p.x;
    if (p.y < top) top = p.y;
    if (p.y > bottom) bottom = p.y;
  }
  if (left === Infinity) return { x: 0, y: 0, width: 1, height: 1 };
  return { x: left - margin, y: top - margin, width: right - left + 2 * margin, height: bottom - top + 2 * margin };
}

/** The view that shows all of `bounds`, centred, in a viewport of width x height. */
export function fitView(bounds, width, height, padding = FIT_PADDING_PX, scaleMax = Infinity) {
  const room = { width: Math.max(width - 2 * padding, 1), height: Math.max(height - 2 * padding, 1) };
  const scale = Math.min(room.width / bounds.width, room.height / bounds.height, scaleMax);
  return centredOn(bounds.x + bounds.width / 2, bounds.y + bounds.height / 2, scale, width, height);
}

/** The view of that scale with a world point in the middle. */
export function centredOn(x, y, scale, width, height) {
  return { scale, x: width / 2 - x * scale, y: height / 2 - y * scale };
}

/** Zoom by `factor` while the world point under the screen point stays where it is. */
export function zoomAt(view, point, factor, limits) {
  const scale = Math.min(Math.max(view.scale * factor, limits.min), limits.max);
  const ratio = scale / view.scale;
  return { scale, x: point.x - (point.x - view.x) * ratio, y: point.y - (point.y - view.y) * ratio };
}

/** Two fingers moved: scale by their distance, follow their middle. */
export function pinchView(view, before, after, limits) {
  const span = (pair) => Math.hypot(pair[0].x - pair[1].x, pair[0].y - pair[1].y) || 1;
  const middle = (pair) => ({ x: (pair[0].x + pair[1].x) / 2, y: (pair[0].y + pair[1].y) / 2 });
  const [from, to] = [middle(before), middle(after)];
  const zoomed = zoomAt(view, from, span(after) / span(before), limits);
  return { ...zoomed, x: zoomed.x + to.x - from.x, y: zoomed.y + to.y - from.y };
}

/** The nearest view that still shows a good part of `bounds`. */
export function clampView(view, bounds, width, height) {
  const axis = (offset, start, size, viewport) => {
    const length = size * view.scale;
    const keep = Math.min(length, viewport * KEEP_VISIBLE_SHARE);
    const low = keep - length - start * view.scale;
    const high = viewport - keep - start * view.scale;
    return Math.min(Math.max(offset, low), high);
  };
  return { scale: view.scale, x: axis(view.x, bounds.x, bounds.width, width), y: axis(view.y, bounds.y, bounds.height, height) };
}

/** The nearest view without needless empty space: what is smaller than the viewport is centred, what is larger fills it. */
export function containView(view, bounds, width, height) {
  const axis = (offset, start, size, viewport) => {
    const length = size * view.scale;
    const edge = -start * view.scale;
    return length <= viewport ? edge + (viewport - length) / 2 : Math.min(Math.max(offset, edge + viewport - length), edge);
  };
  return { scale: view.scale, x: axis(view.x, bounds.x, bounds.width, width), y: axis(view.y, bounds.y, bounds.height, height) };
}

/** The world rectangle that a viewport shows. */
export function visibleRect(view, width, height) {
  return { x: -view.x / view.scale, y: -view.y / view.scale, width: width / view.scale, height: height / view.scale };
}

/** Between two views, `share` from 0 to 1; the scale moves geometrically so that a zoom feels even. */
export function betweenViews(from, to, share, width, height) {
  const scale = from.scale * (to.scale / from.scale) ** share;
  const centre = (view) => ({ x: (width / 2 - view.x) / view.scale, y: (height / 2 - view.y) / view.scale });
  const [a, b] = [centre(from), centre(to)];
  return centredOn(a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share, scale, width, height);
}

export const toWorld = (view, point) => ({ x: (point.x - view.x) / view.scale, y: (point.y - view.y) / view.scale });
export const toScreen = (view, point) => ({ x: point.x * view.scale + view.x, y: point.y * view.scale + view.y });

/** The usual distance from a seat to its nearest neighbour: the lower median, so that aisles do not widen it. */
export function seatPitch(seats) {
  if (seats.length < 2) return 24;
  const box = boundsOf(seats);
  const guess = Math.sqrt((Math.max(box.width, 1) * Math.max(box.height, 1)) / seats.length) || 24;
  const index = new PointIndex(seats, Math.max(guess, 1));
  const sample = seats.length > 400 ? seats.filter((_, i) => i % Math.ceil(seats.length / 400) === 0) : seats;
  const distances = sample.map((seat) => nearestDistance(index, seat, guess)).filter((d) => d > 0.01 && d < Infinity);
  distances.sort((a, b) => a - b);
  return distances.length ? distances[(distances.length - 1) >> 1] : 24;
}

function nearestDistance(index, seat, guess) {
  for (let reach = guess; reach < guess * 64; reach *= 2) {
    let best = Infinity;
    for (const other of index.within({ x: seat.x - reach, y: seat.y - reach, width: 2 * reach, height: 2 * reach })) {
      if (other !== seat) best = Math.min(best, Math.hypot(other.x - seat.x, other.y - seat.y));
    }
    if (best <= reach) return best;
  }
  return Infinity;
}

/** Points in a uniform grid: a hit test looks at nine cells, not at every seat. */
export class PointIndex {
  constructor(points, cell) {
    this.cell = Math.max(cell, 1e-6);
    this.points = points;
    this.cells = new Map();
    for (const point of points) {
      const key = this.#key(Math.floor(point.x / this.cell), Math.floor(point.y / this.cell));
      const list = this.cells.get(key);
      if (list) list.push(point);
      else this.cells.set(key, [point]);
    }
  }

  #key(column, row) {
    return column * 1_000_003 + row;
  }

  /** Points inside a rectangle, borders included. */
  within(rect) {
    const found = [];
    const [right, bottom] = [rect.x + rect.width, rect.y + rect.height];
    const [c0, c1] = [Math.floor(rect.x / this.cell), Math.floor(right / this.cell)];
    const [r0, r1] = [Math.floor(rect.y / this.cell), Math.floor(bottom / this.cell)];
    if ((c1 - c0 + 1) * (r1 - r0 + 1) > this.points.length) {
      return this.points.filter((p) => p.x >= rect.x && p.x <= right && p.y >= rect.y && p.y <= bottom);
    }
    for (let c = c0; c <= c1; c++) {
      for (let r = r0; r <= r1; r++) {
        for (const p of this.cells.get(this.#key(c, r)) ?? []) {
          if (p.x >= rect.x && p.x <= right && p.y >= rect.y && p.y <= bottom) found.push(p);
        }
      }
    }
    return found;
  }

  /** The point nearest to (x, y) within `reach`, or null. */
  nearest(x, y, reach) {
    let [best, distance] = [null, reach];
    for (const p of this.within({ x: x - reach, y: y - reach, width: 2 * reach, height: 2 * reach })) {
      const d = Math.hypot(p.x - x, p.y - y);
      if (d <= distance) [best, distance] = [p, d];
    }
    return best;
  }

  /** The next point from `from` when an arrow key is pressed: ahead in (dx, dy), sideways drift costs double. */
  towards(from, dx, dy) {
    let [best, cost] = [null, Infinity];
    for (const p of this.points) {
      const [x, y] = [p.x - from.x, p.y - from.y];
      const ahead = x * dx + y * dy;
      const aside = Math.abs(x * dy - y * dx);
      if (ahead < this.cell * 0.25 || aside > ahead * 2) continue;
      if (ahead + 2 * aside < cost) [best, cost] = [p, ahead + 2 * aside];
    }
    return best;
  }
}
