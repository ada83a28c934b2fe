/* Exchanging the seats of a booking: the same map, whose choice is swapped instead of held.
 *
 * The booking's own seats look like its own and may be kept: who sits in 5 and 6 moves to 6 and 7. The server has the last
 * word on price and number; this only says it before anybody is refused. It stands where `Holding` stands on other maps.
 */

import { formatMoney, seatName, totalOf } from "./choice.js";
import { send } from "./live.js";

export class Exchange {
  /** `map` is the <seat-map own="id,id" paid-amount= paid-currency= swap-url= done-url=>. */
  constructor(map) {
    this.map = map;
    this.hold = null;
    this.own = new Set(map.getAttribute("own").split(","));
    this.paid = { amount: Number(map.getAttribute("paid-amount")), currency: map.getAttribute("paid-currency") };
  }

  owns(id) {
    return this.own.has(id);
  }

  restore() {}

  payUrl() {
    return undefined;
  }

  /** What the panel's button says of this choice, and whether it may be pressed. */
  offer(seats, busy) {
    const wanted = this.own.size;
    const many = wanted === 1 ? "1 seat" : `${wanted} seats`;
    const empty = `Pick ${many} for ${formatMoney(this.paid, this.map.locale)} together. Yours are marked; you may keep some of them.`;
    if (busy) return { empty, words: "Exchanging…", ready: false };
    if (seats.length < wanted) return { empty, words: seats.length ? `Pick ${wanted - seats.length} more` : `Pick ${many}`, ready: false };
    const [total] = totalOf(seats);
    if (total.amount !== this.paid.amount) return { empty, words: `These cost ${formatMoney(total, this.map.locale)}, yours ${formatMoney(this.paid, this.map.locale)}`, ready: false };
    if (seats.every((seat) => this.own.has(seat.id))) return { empty, words: wanted === 1 ? "This is your seat" : "These are your seats", ready: false };
    return { empty, words: wanted === 1 ? "Change to this seat" : "Change to these seats", ready: true };
  }

  /** Ask once more; the page answers with `confirm`. */
  begin() {
    const from = [...this.own].map((id) => seatName(this.map.seats.get(id)));
    this.map.emit("exchange", { from, to: this.map.selection.map(seatName) });
  }

  /** Exchange the seats, and go on to the new tickets. */
  async confirm() {
    const { map } = this;
    if (map.busy) return;
    map.setBusy(true);
    try {
      await send("POST", map.getAttribute("swap-url"), { seat_ids: [...map.selected] });
      location.assign(map.getAttribute("done-url"));
    } catch (error) {
      map.setBusy(false);
      if (error.code === "seats_unavailable") map.refused(error.problem.seats ?? []);
      else map.failed(error);
    }
  }
}
