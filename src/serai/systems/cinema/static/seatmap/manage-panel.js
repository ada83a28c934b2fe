/* The side panel of those who run the house: what is chosen, and taking it off sale or putting it back.
 *
 * It stands in the place of the buyer's panel and has the same doors, so that the map need not know which one it has.
 */

import { seatName } from "./choice.js";
import { icon, make } from "./icons.js";
import { swatch } from "./legend.js";

/** Seats that the panel names; of more it tells only how many. */
const NAMED_MAX = 60;
const words = (count) => (count === 1 ? "1 seat" : `${count} seats`);

export class ManagePanel {
  countdown = { stop() {} };

  /** `on` = {block(), unblock(), remove(seat), clear()}; `stateOf(seat)`. */
  constructor(on, stateOf) {
    this.on = on;
    this.stateOf = stateOf;
    this.element = make("section", { class: "sm-panel", "aria-label": "Chosen seats" });
    this.notice = make("div", { class: "sm-notice", role: "status" });
    this.choice = make("div", { class: "sm-choice" });
    this.footer = make("div", { class: "sm-footer" });
    this.element.append(this.notice, this.choice, this.footer);
  }

  setCategories() {}

  /** One sentence above the choice; kind is info, warn or error. */
  say(text, kind = "info") {
    this.notice.dataset.kind = kind;
    this.notice.replaceChildren(...(text ? [make("span", { html: icon(kind === "info" ? "check" : "warn") }), make("p", {}, text)] : []));
  }

  showChoice(seats, { theme, colors, busy }) {
    this.element.dataset.mode = "choice";
    const blocked = seats.filter((seat) => this.stateOf(seat) === "blocked").length;
    const open = seats.length - blocked;
    this.footer.replaceChildren(
      this.#button("block", open ? `Take ${words(open)} off sale` : "Take off sale", busy || !open, "sm-button-main", this.on.block),
      this.#button("unblock", blocked ? `Put ${words(blocked)} back on sale` : "Put back on sale", busy || !blocked, "sm-button-quiet", this.on.unblock),
    );
    if (!seats.length) {
      this.choice.replaceChildren(make("p", { class: "sm-empty" }, "Choose seats on the map or in the list. With Shift the whole row is chosen. Seats that are held or sold cannot be changed."));
      return;
    }
    const clear = make("button", { type: "button", class: "sm-link", onclick: this.on.clear }, "Clear");
    const head = make("div", { class: "sm-choice-head" }, make("h2", {}, words(seats.length)), clear);
    const list = make("ul", { class: "sm-tickets", "aria-label": "Chosen seats" });
    for (const seat of seats.slice(0, NAMED_MAX)) list.append(this.#line(seat, theme, colors));
    if (seats.length > NAMED_MAX) list.append(make("li", {}, `and ${seats.length - NAMED_MAX} more`));
    this.choice.replaceChildren(head, list);
  }

  #line(seat, theme, colors) {
    const state = this.stateOf(seat);
    const words = make("span", { class: "sm-ticket-words" }, make("strong", {}, seatName(seat)), make("small", {}, state === "blocked" ? "Not for sale" : seat.category));
    const remove = make("button", { type: "button", class: "sm-ticket-remove", "aria-label": `Leave out ${seatName(seat)}`, html: icon("close"), onclick: () => this.on.remove(seat) });
    return make("li", {}, make("span", { class: "sm-ticket" }, swatch(state === "blocked" ? "blocked" : "available", colors.get(seat.category), theme, 16), words), remove);
  }

  #button(action, text, disabled, look, onclick) {
    const button = make("button", { type: "button", class: `sm-button ${look}`, "data-action": action, onclick }, text);
    button.disabled = disabled;
    return button;
  }
}
