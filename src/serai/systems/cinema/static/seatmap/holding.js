/* The life of one hold in the browser: asked for, refused in part, extended, given back, ended, and found again after a
 * reload. It keeps the hold's secret in this tab's session storage only.
 */

import { clockOffset } from "../../checkout/countdown.js";
import { send } from "./live.js";

export class Holding {
  /** `map` is the <seat-map> that owns choice, wire and drawing. */
  constructor(map) {
    this.map = map;
    this.hold = null;
  }

  /** Seats that are this visitor's already, though booked: none. */
  owns() {
    return false;
  }

  /** What the panel's button says of this choice, and whether it may be pressed. */
  offer(seats, busy) {
    const count = seats.length;
    const words = busy ? "Holding…" : count ? `Hold ${count === 1 ? "1 seat" : `${count} seats`}` : "Hold seats";
    return { empty: `Pick up to ${this.map.max} seats on the map, or let us find the best ones.`, words, ready: !busy && count > 0 };
  }

  /** Hold what is chosen. */
  async begin() {
    const { map } = this;
    if (map.busy || !map.selected.size) return;
    const seatIds = [...map.selected];
    map.setBusy(true);
    try {
      const { body, date } = await send("POST", map.wire.holds, { show_id: map.wire.showId, seat_ids: seatIds });
      map.setBusy(false);
      this.#take(withClock(body, date), seatIds);
      map.say(`${seatIds.length === 1 ? "1 seat is" : `${seatIds.length} seats are`} held for you`);
      if (map.emit("held", body, true) && map.hasAttribute("hold-url")) location.assign(this.payUrl());
    } catch (error) {
      map.setBusy(false);
      if (error.code === "seats_unavailable") map.refused(error.problem.seats ?? []);
      else if (error.code === "show_changed") await map.edited.refused();
      else map.failed(error);
    }
  }

  async extend() {
    try {
      const { body, date } = await send("POST", this.map.wire.extend(this.hold.id));
      this.#take(withClock({ ...this.hold.body, ...body }, date), [...this.hold.ids]);
      this.map.notice("You have more time.", "info");
    } catch (error) {
      this.map.failed(error);
    }
  }

  /** Give the seats back and keep them as the choice. A hold that the server no longer has is as good as given back. */
  async release() {
    const { map } = this;
    const { id, ids } = this.hold;
    try {
      await send("DELETE", map.wire.hold(id));
    } catch (error) {
      if (error.status !== 404 && error.status !== 409) return map.failed(error);
    }
    this.#drop();
    map.state = { ...map.state, seats: new Map([...map.state.seats, ...[...ids].map((one) => [one, "available"])]) };
    map.notice(null);
    map.select([...ids]);
    map.refreshSeats([...ids]);
    map.emit("released", { id });
    return map.live?.resync();
  }

  /** The time is up. */
  end() {
    const { id } = this.hold;
    this.#drop();
    this.map.notice("The time is up and the seats are free again. You can choose them once more.", "error");
    this.map.emit("expired", { id });
    this.map.live?.resync();
  }

  /** Take up a hold that this tab made before a reload, if it still lives and its seats are still held. */
  restore() {
    const { body, ids } = JSON.parse(sessionStorage.getItem(this.#key()) ?? "{}");
    if (!body) return;
    const alive = Date.parse(body.expires_at) - (body.clock_offset_ms ?? 0) > Date.now();
    const held = ids.every((id) => this.map.state.seats.get(id) === "held");
    if (alive && held) this.#take(body, ids);
    else sessionStorage.removeItem(this.#key());
  }

  /** Where to pay, from the element's hold-url; undefined without one. */
  payUrl() {
    return this.map.getAttribute("hold-url")?.replaceAll("{id}", encodeURIComponent(this.hold.id));
  }

  #take(body, ids) {
    this.hold = { id: body.id, body, ids: new Set(ids) };
    this.map.selected.clear();
    this.map.orphans = [];
    sessionStorage.setItem(this.#key(), JSON.stringify({ body, ids }));
    this.map.notice(null);
    this.map.refreshSeats(ids);
  }

  #drop() {
    const ids = [...this.hold.ids];
    this.hold = null;
    sessionStorage.removeItem(this.#key());
    this.map.refreshSeats(ids);
  }

  #key() {
    return `seat-map:${this.map.wire.showId}`;
  }
}

const withClock = (body, date) => ({ ...body, clock_offset_ms: clockOffset(date, Date.now()) });
