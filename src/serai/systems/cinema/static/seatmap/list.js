/* The same seats as a list: rows of buttons for keyboard, screen reader and anyone who prefers words.
 *
 * One tab stop; arrows move along a row and between rows to the nearest seat, Home and End within a row, with Ctrl to
 * the first and last seat. Taken seats stay reachable (so that the plan can be understood) but say so and do nothing.
 */

import { make } from "./icons.js";

export class SeatList {
  /** `describe(seat)` is the spoken name; `look(seat)` as in the renderer; `toggle(seat, whole row)` acts; `pickable(seat)`. */
  constructor({ describe, look, toggle, pickable }) {
    Object.assign(this, { describe, look, toggle, pickable });
    this.element = make("div", { class: "sm-list" });
    this.buttons = new Map();
    this.seats = new Map();
    this.current = null;
  }

  setScene(scene) {
    this.rows = scene.rows;
    this.buttons.clear();
    const grid = make("div", { role: "grid", class: "sm-grid", "aria-label": "Seats by row", "aria-multiselectable": "true" });
    for (const row of this.rows) grid.append(this.#row(row));
    grid.addEventListener("keydown", (event) => this.#key(event));
    grid.addEventListener("click", (event) => this.#act(event));
    grid.addEventListener("focusin", (event) => this.#rove(event.target.dataset.seat));
    this.element.replaceChildren(grid);
    this.places = new Map(this.rows.flatMap((row, r) => row.seats.map((seat, c) => [seat.id, [r, c]])));
    const first = this.rows.flatMap((row) => row.seats).find((seat) => this.pickable(seat)) ?? this.rows[0]?.seats[0];
    if (first) this.#rove(first.id);
  }

  #row(row) {
    const name = row.zone ? `${row.zone}, row ${row.label}` : `Row ${row.label}`;
    const line = make("div", { role: "row", class: "sm-grid-row" }, make("div", { role: "rowheader", class: "sm-grid-head" }, name));
    const cells = make("div", { class: "sm-grid-cells", role: "presentation" });
    for (const seat of row.seats) {
      const button = make("button", { type: "button", tabindex: "-1", class: "sm-seat", "data-seat": seat.id }, seat.number);
      this.buttons.set(seat.id, button);
      this.seats.set(seat.id, seat);
      this.#paint(seat);
      cells.append(make("div", { role: "gridcell" }, button));
    }
    line.append(cells);
    return line;
  }

  /** These seats changed: names, pressed state and look are written again. */
  update(seats) {
    for (const seat of seats) if (this.buttons.has(seat.id)) this.#paint(seat);
  }

  #paint(seat) {
    const button = this.buttons.get(seat.id);
    const { look, color, dim } = this.look(seat);
    button.dataset.look = look;
    button.dataset.dim = String(Boolean(dim));
    button.style.setProperty("--sm-seat", color);
    button.setAttribute("aria-label", this.describe(seat));
    button.setAttribute("aria-pressed", String(look === "selected" || look === "yours"));
    if (this.pickable(seat) || look === "selected") button.removeAttribute("aria-disabled");
    else button.setAttribute("aria-disabled", "true");
  }

  #act(event) {
    const id = event.target.closest("[data-seat]")?.dataset.seat;
    if (id) this.toggle(this.seats.get(id), event.shiftKey);
  }

  #rove(id) {
    if (!id || id === this.current) return;
    this.buttons.get(this.current)?.setAttribute("tabindex", "-1");
    this.buttons.get(id)?.setAttribute("tabindex", "0");
    this.current = id;
  }

  focus(id = this.current) {
    this.buttons.get(id)?.focus();
  }

  #key(event) {
    const place = this.places.get(event.target.dataset?.seat);
    if (!place) return;
    const next = this.#next(event, ...place);
    if (!next) return;
    event.preventDefault();
    this.focus(next.id);
  }

  #next(event, r, c) {
    const row = this.rows[r].seats;
    const whole = event.ctrlKey || event.metaKey;
    const nearest = (other) => other && this.#closest(other.seats, row[c].x);
    const moves = {
      ArrowRight: () => row[c + 1],
      ArrowLeft: () => row[c - 1],
      ArrowDown: () => nearest(this.rows[r + 1]),
      ArrowUp: () => nearest(this.rows[r - 1]),
      Home: () => (whole ? this.rows[0].seats[0] : row[0]),
      End: () => (whole ? this.rows.at(-1).seats.at(-1) : row.at(-1)),
      PageDown: () => nearest(this.rows[Math.min(r + 5, this.rows.length - 1)]),
      PageUp: () => nearest(this.rows[Math.max(r - 5, 0)]),
    };
    return moves[event.key]?.();
  }

  #closest(seats, x) {
    return seats.reduce((best, seat) => (Math.abs(seat.x - x) < Math.abs(best.x - x) ? seat : best));
  }
}
