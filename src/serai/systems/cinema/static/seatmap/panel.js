/* The side panel: find the best seats, see the choice and its price, hold it, and watch the hold's time.
 *
 * It only draws what it is told and passes on what the buyer wants; the element beside it decides.
 */

import { formatMoney, seatName, totalOf } from "./choice.js";
import { Countdown } from "../../checkout/countdown.js";
import { icon, make } from "./icons.js";
import { swatch } from "./legend.js";

export class Panel {
  /** `on` = {best(count, category), remove(seat), show(seat), clear(), hold(), release(), extend(), ended(), say(text)} */
  constructor(on, locale) {
    this.on = on;
    this.locale = locale;
    this.count = 2;
    this.element = make("section", { class: "sm-panel", "aria-label": "Your seats" });
    this.best = this.#bestForm();
    this.notice = make("div", { class: "sm-notice", role: "status" });
    this.choice = make("div", { class: "sm-choice" });
    this.footer = make("div", { class: "sm-footer" });
    this.element.append(this.best, this.notice, this.choice, this.footer);
    this.countdown = new Countdown({ say: on.say, onEnd: on.ended });
  }

  #bestForm() {
    const output = make("output", { class: "sm-stepper-value", "aria-live": "polite" }, "2");
    const step = (by) => () => {
      this.count = Math.min(Math.max(this.count + by, 1), this.max ?? 10);
      output.textContent = String(this.count);
      output.setAttribute("aria-label", this.count === 1 ? "1 seat" : `${this.count} seats`);
    };
    const stepButton = (name, label, by) => make("button", { type: "button", "aria-label": label, html: icon(name), onclick: step(by) });
    this.category = make("select", { class: "sm-select", "aria-label": "Category" });
    const find = make("button", { type: "submit", class: "sm-button sm-button-quiet", html: `${icon("spark")}<span>Best seats</span>` });
    const form = make(
      "form",
      { class: "sm-best", "aria-label": "Find the best seats together" },
      make("div", { class: "sm-stepper", role: "group", "aria-label": "How many seats" }, stepButton("minus", "One seat fewer", -1), output, stepButton("plus", "One seat more", 1)),
      this.category,
      find,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.on.best(this.count, this.category.value);
    });
    return form;
  }

  setCategories(categories, max) {
    this.max = max;
    const chosen = this.category.value;
    const options = categories.map(({ name, low }) => make("option", { value: name }, `${name} · ${formatMoney(low, this.locale)}`));
    this.category.replaceChildren(make("option", { value: "" }, "Any category"), ...options);
    this.category.value = chosen;
  }

  /** One sentence above the choice; kind is info, warn or error. */
  say(text, kind = "info") {
    this.notice.dataset.kind = kind;
    this.notice.replaceChildren(...(text ? [make("span", { html: icon(kind === "info" ? "check" : "warn") }), make("p", {}, text)] : []));
  }

  /** `offer` = {empty, words, ready}: what is said without a choice, and of the button. */
  showChoice(seats, { theme, colors, offer }) {
    this.countdown.stop();
    this.element.dataset.mode = "choice";
    if (!seats.length) {
      this.choice.replaceChildren(make("p", { class: "sm-empty" }, offer.empty));
      this.footer.replaceChildren(this.#holdButton(offer));
      return;
    }
    const clear = make("button", { type: "button", class: "sm-link", onclick: this.on.clear }, "Clear");
    const head = make("div", { class: "sm-choice-head" }, make("h2", {}, seats.length === 1 ? "1 seat" : `${seats.length} seats`), clear);
    this.choice.replaceChildren(head, this.#ticketList(seats, theme, colors, true));
    this.footer.replaceChildren(this.#total(seats), this.#holdButton(offer));
  }

  showHold(hold, seats, { theme, colors, payUrl }) {
    this.element.dataset.mode = "held";
    const words = make("div", {}, make("h2", {}, "Held for you"), make("p", {}, "Nobody else can take these seats until the time is up."));
    this.choice.replaceChildren(make("div", { class: "sm-held-head" }, this.countdown.element, words), this.#ticketList(seats, theme, colors, false));
    const more = make("button", { type: "button", class: "sm-button sm-button-quiet", onclick: this.on.extend }, "More time");
    const change = make("button", { type: "button", class: "sm-button sm-button-quiet", onclick: this.on.release }, "Change seats");
    const pay = payUrl ? make("a", { class: "sm-button sm-button-main", href: payUrl }, "Continue to payment") : null;
    this.footer.replaceChildren(this.#total(seats, hold.total), make("div", { class: "sm-pair" }, more, change), ...(pay ? [pay] : []));
    this.countdown.start(Date.parse(hold.expires_at), hold.clock_offset_ms);
  }

  #ticketList(seats, theme, colors, removable) {
    const list = make("ul", { class: "sm-tickets" });
    for (const seat of seats) {
      const words = make("span", { class: "sm-ticket-words" }, make("strong", {}, seatName(seat)), make("small", {}, seat.accessible ? `${seat.category} · wheelchair place` : seat.category));
      const remove = make("button", { type: "button", class: "sm-ticket-remove", "aria-label": `Remove ${seatName(seat)}`, html: icon("close"), onclick: () => this.on.remove(seat) });
      const body = make("span", { class: "sm-ticket" }, swatch(seat.accessible ? "accessible" : "available", colors.get(seat.category), theme, 16), words, make("span", { class: "sm-price" }, formatMoney(seat.price, this.locale)));
      list.append(make("li", {}, body, removable ? remove : null));
    }
    return list;
  }

  #total(seats, given) {
    const sums = given ? [given] : totalOf(seats);
    const text = sums.map((sum) => formatMoney(sum, this.locale)).join(" + ");
    return make("div", { class: "sm-total" }, make("span", {}, "Total"), make("strong", {}, text));
  }

  #holdButton({ words, ready }) {
    const button = make("button", { type: "button", class: "sm-button sm-button-main", "data-action": "hold", onclick: this.on.hold }, words);
    button.disabled = !ready;
    return button;
  }
}
