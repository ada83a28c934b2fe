/* <seat-map src="/api/cinema/v1/shows/ID" max="8" hold-url="/cinema/holds/{id}">: choose and hold seats of one show.
 * With the attribute `manage` it is for those who run the house: any number of seats is chosen, also blocked ones, and
 * taken off sale or put back.
 *
 * It joins the pure parts (state, choice, geometry) with the drawing, the list, the wire and the panel, and decides what
 * a click may do. It prevents three disappointments: a seat that was sold a second ago looks free; a refusal throws
 * away the whole choice; and a plan that only a mouse can use.
 *
 * With own="id,id" it exchanges the seats of a booking instead (see exchange.js).
 *
 * Events (all bubble): `selection` {seats}, `held` the hold (cancelable: prevents going to hold-url), `released`,
 * `expired`, `availability` {free} whenever that may have changed, `toofew` {count} when no seats for so many are found. Methods: select(ids), clear(). The element keeps an open hold of this tab across reloads.
 */

import { blocksOf, formatMoney, orphansOf, seatName } from "./choice.js";
import { Edited } from "./edited.js";
import { Exchange } from "./exchange.js";
import { Holding } from "./holding.js";
import { make, icon } from "./icons.js";
import { categoriesOf, categoryLegend, stateLegend, STATE_NAMES } from "./legend.js";
import { SeatList } from "./list.js";
import { addresses, LiveSeats, Refused, send } from "./live.js";
import { ManagePanel } from "./manage-panel.js";
import { MapView } from "./map-view.js";
import { Panel } from "./panel.js";
import { sceneOfShow } from "./scene.js";
import { applyDelta, applySnapshot, countStates, EMPTY } from "./state.js";
import { ensureStyles } from "./styles.js";
import { categoryColors } from "./theme.js";

const SELECTION_MAX_DEFAULT = 10;
/** Answers after which there is nothing to choose here any more. */
const OVER = Object.freeze(["show_cancelled", "show_started"]);
const CONNECTION_WORDS = Object.freeze({ connecting: "Connecting", live: "Live", waiting: "Offline, trying again", closed: "Closed" });

class SeatMap extends HTMLElement {
  static observedAttributes = ["src"];

  async connectedCallback() {
    await ensureStyles();
    if (!this.isConnected) return;
    if (!this.built) this.#build();
    this.load();
  }

  disconnectedCallback() {
    this.edited?.stop();
    this.live?.close();
    this.panel?.countdown.stop();
    this.map?.destroy();
    this.built = false;
  }

  attributeChangedCallback(name, before) {
    if (this.built && before !== null) this.load();
  }

  /** The open hold {id, body, ids}, or null. */
  get hold() {
    return this.holding.hold;
  }

  get managing() {
    return this.hasAttribute("manage");
  }

  get max() {
    if (this.managing) return this.seats.size;
    return Number(this.getAttribute("max")) || SELECTION_MAX_DEFAULT;
  }

  get locale() {
    return this.closest("[lang]")?.lang || navigator.language;
  }

  /** The chosen seats, in the order of choosing. */
  get selection() {
    return [...this.selected].map((id) => this.seats.get(id));
  }

  // ---- building

  #build() {
    this.built = true;
    this.classList.add("sm");
    this.selected = new Set();
    this.seats = new Map();
    this.state = EMPTY;
    this.edited = new Edited(this);
    this.holding = this.hasAttribute("own") ? new Exchange(this) : new Holding(this);
    this.filter = null;
    this.orphans = [];
    this.spoken = make("div", { class: "sm-hidden", "aria-live": "polite", "data-role": "announcer" });
    this.connection = make("span", { class: "sm-connection", role: "status" });
    this.legend = make("div", { class: "sm-legend" });
    this.states = make("div", { class: "sm-legend sm-legend-states" });
    this.free = make("span", { class: "sm-free" });
    this.cover = make("div", { class: "sm-cover", role: "status" });
    const look = (seat) => this.lookOf(seat);
    const activate = (seat, whole) => (whole && this.managing ? this.toggleRow(seat) : this.toggle(seat));
    this.map = new MapView({
      look,
      activate,
      describe: (seat) => this.describe(seat),
      say: (text) => this.say(text),
      orphans: () => this.orphans,
      themed: () => this.#themed(),
    });
    this.list = new SeatList({ look, describe: (seat) => this.describe(seat), toggle: activate, pickable: (seat) => this.isPickable(seat) });
    this.panel = this.managing ? new ManagePanel(this.#manageActions(), (seat) => this.stateOf(seat)) : new Panel(this.#panelActions(), this.locale);
    const body = make("div", { class: "sm-body" }, this.map.element, this.list.element, this.cover);
    const bar = make("div", { class: "sm-bar" }, this.legend, make("div", { class: "sm-bar-end" }, this.free, this.connection, this.#viewSwitch()));
    this.replaceChildren(make("div", { class: "sm-frame" }, make("div", { class: "sm-main" }, bar, body, this.states), this.panel.element), this.spoken);
    this.#show("map");
    this.map.stage.refreshTheme();
  }

  #panelActions() {
    return {
      best: (count, category) => this.chooseBest(count, category),
      remove: (seat) => this.toggle(seat),
      clear: () => this.clear(),
      hold: () => this.holding.begin(),
      release: () => this.holding.release(),
      extend: () => this.holding.extend(),
      ended: () => this.holding.end(),
      say: (text) => this.say(text),
    };
  }

  #manageActions() {
    return {
      block: () => this.#manage("block", "available", "off sale"),
      unblock: () => this.#manage("unblock", "blocked", "back on sale"),
      remove: (seat) => this.toggle(seat),
      clear: () => this.clear(),
    };
  }

  /* Seats are changed all or none; the stream then tells every map, this one too. */
  async #manage(action, from, now) {
    const seats = this.selection.filter((seat) => this.stateOf(seat) === from);
    if (this.busy || !seats.length) return;
    this.setBusy(true);
    try {
      await send("POST", this.wire[action], { seat_ids: seats.map((seat) => seat.id) });
      this.notice(`${seats.length === 1 ? "1 seat is" : `${seats.length} seats are`} ${now}.`, "info");
      this.select(this.selection.filter((seat) => !seats.includes(seat)).map((seat) => seat.id));
      this.emit("managed", { action, seats });
    } catch (error) {
      this.failed(error);
    } finally {
      this.setBusy(false);
      this.live?.resync();
    }
  }

  #viewSwitch() {
    const button = (name, words) =>
      make("button", { type: "button", "data-view": name, html: `${icon(name)}<span>${words}</span>`, onclick: () => this.#show(name, true) });
    this.switch = make("div", { class: "sm-switch", role: "group", "aria-label": "Show seats as" }, button("map", "Map"), button("list", "List"));
    return this.switch;
  }

  #show(view, focus = false) {
    this.dataset.view = view;
    for (const button of this.switch.children) button.setAttribute("aria-pressed", String(button.dataset.view === view));
    if (view === "list" && this.scene && this.list.scene !== this.scene) {
      this.list.scene = this.scene;
      this.list.setScene(this.scene);
    }
    if (focus && view === "list") this.list.focus();
  }

  // ---- loading and live changes

  async load() {
    this.live?.close();
    this.wire = addresses(this.getAttribute("src"));
    this.#cover("Loading the seats");
    const wire = this.wire;
    try {
      const { body } = await send("GET", wire.seats);
      if (wire !== this.wire || !this.isConnected) return;
      this.take(body);
    } catch (error) {
      if (wire === this.wire) this.#cover(error.message, () => this.load());
      if (!(error instanceof Refused)) throw error;
      return;
    }
    this.live = new LiveSeats(wire.events, {
      snapshot: (data) => this.edited.seen(data) || this.#apply(applySnapshot(this.state, data)),
      delta: (data) => this.#apply(applyDelta(this.state, data)),
      status: (status) => this.#connection(status),
    });
    this.live.open();
  }

  /** Show a whole payload: seats, prices, plan. */
  take(payload) {
    if (!payload.seats.length) {
      this.#cover("This show has no seats to choose.");
      return;
    }
    this.seats = new Map(payload.seats.map((seat) => [seat.id, seat]));
    const names = [...new Set(payload.seats.map((seat) => seat.category))];
    const known = payload.plan?.categories ?? [];
    this.colors = categoryColors([...known, ...names.filter((name) => !known.some((one) => one.name === name)).map((name) => ({ name }))]);
    this.scene = sceneOfShow(payload);
    this.blocks = blocksOf(this.scene.rows, this.scene.pitch);
    this.state = applySnapshot(EMPTY, payload).state;
    this.selected = new Set([...this.selected].filter((id) => this.isPickable(this.seats.get(id))));
    this.list.scene = null;
    this.style.setProperty("--sm-aspect", String(this.scene.bounds.width / this.scene.bounds.height));
    this.map.setScene(this.scene);
    this.#cover(null);
    if (!this.managing) this.holding.restore();
    this.#show(this.dataset.view);
    this.#refresh();
  }

  #apply({ state, changed, gap }) {
    if (gap) {
      this.live.resync();
      return;
    }
    this.state = state;
    if (!changed.length) return;
    const seats = changed.map(({ id }) => this.seats.get(id)).filter(Boolean);
    this.#dropLost(seats);
    this.map.update(seats, true);
    this.list.update(seats);
    this.#refresh();
  }

  /* Seats of the choice that somebody else has just taken. While our own request is under way it is probably us. */
  #dropLost(seats) {
    if (this.busy) return;
    const lost = seats.filter((seat) => this.selected.has(seat.id) && !this.isPickable(seat));
    if (!lost.length) return;
    for (const seat of lost) this.selected.delete(seat.id);
    this.tellLost(lost);
  }

  /** The server has refused these seats (ids): they are taken. */
  refused(ids) {
    const lost = ids.map((one) => this.seats.get(typeof one === "object" ? one.id : one)).filter(Boolean);
    for (const seat of lost) this.selected.delete(seat.id);
    this.live?.resync();
    if (lost.length) this.tellLost(lost);
    else this.notice("Some of these seats were just taken. Please look again.", "error");
  }

  /** Seats that were chosen are gone: say which, mark them, keep the rest. */
  tellLost(lost) {
    const names = lost.map(seatName).join(" and ");
    this.notice(`${names} ${lost.length === 1 ? "was" : "were"} just taken by someone else.${this.selected.size ? " The rest of your choice is kept." : ""}`, "error");
    this.map.alarm(lost);
    this.#selectionChanged(lost);
  }

  #connection(status) {
    this.connection.dataset.status = status;
    this.connection.textContent = CONNECTION_WORDS[status];
  }

  // ---- what a seat is and may do

  stateOf(seat) {
    return this.holding.owns(seat.id) ? "available" : (this.state.seats.get(seat.id) ?? seat.state);
  }

  isFree(seat) {
    return seat !== undefined && this.stateOf(seat) === "available" && !this.hold?.ids.has(seat.id);
  }

  /** Whether it may be chosen here: a free seat, and by those who run the house also a blocked one. */
  isPickable(seat) {
    return this.isFree(seat) || (this.managing && seat !== undefined && this.stateOf(seat) === "blocked");
  }

  lookOf(seat) {
    const state = this.stateOf(seat);
    const color = this.colors.get(seat.category);
    const dim = this.filter !== null && seat.category !== this.filter;
    if (this.selected.has(seat.id)) return { look: "selected", color };
    if (this.hold?.ids.has(seat.id) || this.holding.owns(seat.id)) return { look: "yours", color };
    return { look: state === "available" && seat.accessible ? "accessible" : state, color, dim };
  }

  describe(seat) {
    const { look } = this.lookOf(seat);
    const words = [seatName(seat), seat.category, formatMoney(seat.price, this.locale)];
    if (seat.accessible) words.push("wheelchair place");
    words.push(look === "accessible" ? "available" : STATE_NAMES[look].toLowerCase());
    return words.join(", ");
  }

  /** Choose a seat or give it back; says why when it cannot be chosen. */
  toggle(seat) {
    if (this.busy) return;
    if (this.hold) return this.notice("Your seats are held. Use “Change seats” to choose others.", "info");
    if (this.selected.has(seat.id)) this.selected.delete(seat.id);
    else if (!this.isPickable(seat)) return this.say(`${seatName(seat)} is not free`);
    else if (this.selected.size >= this.max) return this.notice(`You can choose at most ${this.max} seats.`, "warn");
    else this.selected.add(seat.id);
    this.notice(null);
    this.#selectionChanged([seat]);
    this.say(`${seatName(seat)} ${this.selected.has(seat.id) ? "chosen" : "given back"}. ${this.selected.size} of at most ${this.max}.`);
  }

  /** Choose all seats of a row that may be chosen, or give them back if all of them are. */
  toggleRow(seat) {
    const { seats } = this.scene.rows.find((row) => row.seats.includes(seat));
    const ids = seats.filter((one) => this.isPickable(one)).map((one) => one.id);
    const all = ids.every((id) => this.selected.has(id));
    this.select(all ? [...this.selected].filter((id) => !ids.includes(id)) : [...new Set([...this.selected, ...ids])]);
    this.say(`Row ${seat.row} ${all ? "given back" : "chosen"}. ${this.selected.size} seats.`);
  }

  /** Replace the choice by these seat ids, as far as they may be chosen. */
  select(ids) {
    const touched = [...this.selection];
    this.selected = new Set(ids.filter((id) => this.isPickable(this.seats.get(id))).slice(0, this.max));
    this.#selectionChanged([...touched, ...this.selection]);
  }

  clear() {
    this.notice(null);
    this.select([]);
    this.say("No seats chosen");
  }

  #selectionChanged(seats) {
    this.orphans = this.managing ? [] : orphansOf(this.blocks, (seat) => this.isFree(seat), this.selected);
    if (this.orphans.length) {
      const names = this.orphans.map(seatName).join(" and ");
      this.notice(`This leaves ${names} alone. Seats beside each other keep the row whole.`, "warn");
    } else if (this.panel.notice.dataset.kind === "warn") this.notice(null);
    this.map.update(seats);
    this.list.update(seats);
    this.#refreshPanel();
    this.emit("selection", { seats: this.selection });
  }

  async chooseBest(count, category) {
    if (this.hold || this.busy) return;
    const query = new URLSearchParams({ count, ...(category ? { category } : {}) });
    try {
      const { body } = await send("GET", `${this.wire.best}?${query}`);
      this.notice(null);
      this.select(body.seat_ids);
      if (!body.seat_ids.length) return this.#tooFew(count, category);
      this.map.show(this.selection);
      this.say(`Chosen: ${this.selection.map(seatName).join(", ")}`);
    } catch (error) {
      this.failed(error);
    }
  }

  #tooFew(count, category) {
    this.notice(`There ${count === 1 ? "is no free seat" : `are no ${count} free seats`}${category ? ` in ${category}` : ""}.`, "warn");
    this.emit("toofew", { count });
  }

  // ---- drawing what changed

  /** These seats, the legend and the panel are drawn anew. */
  refreshSeats(ids) {
    const seats = ids.map((id) => this.seats.get(id)).filter(Boolean);
    this.map.update(seats);
    this.list.update(seats);
    this.#refresh();
  }

  #refresh() {
    const counts = countStates(this.state);
    this.emit("availability", { free: counts.available });
    this.free.textContent = `${counts.available.toLocaleString(this.locale)} of ${this.seats.size.toLocaleString(this.locale)} free`;
    this.#refreshLegend();
    this.#refreshPanel();
  }

  #refreshLegend() {
    const theme = this.map.theme;
    this.categories = categoriesOf([...this.seats.values()], this.colors, (seat) => this.isFree(seat));
    const looks = ["available", "selected", ...(this.hold || this.holding.own ? ["yours"] : []), "held", "booked"];
    const seats = [...this.seats.values()];
    if (seats.some((seat) => this.stateOf(seat) === "blocked")) looks.push("blocked");
    if (seats.some((seat) => seat.accessible)) looks.push("accessible");
    const key = JSON.stringify([this.categories.map((c) => [c.name, c.color, c.low, c.high]), looks, this.filter, theme]);
    if (key === this.legendKey) return;
    this.legendKey = key;
    const pick = (name) => this.#setFilter(name);
    this.legend.replaceChildren(categoryLegend(this.categories, { theme, locale: this.locale, active: this.filter, pick }));
    this.states.replaceChildren(stateLegend(looks, (this.categories.find((one) => !one.accessible) ?? this.categories[0]).color, theme));
    this.panel.setCategories(this.categories, this.max);
  }

  #setFilter(name) {
    this.filter = name;
    this.map.invalidate();
    this.list.update([...this.seats.values()]);
    this.#refreshLegend();
    this.legend.querySelector(`[data-category="${CSS.escape(name ?? "")}"]`)?.focus();
    this.say(name ? `Only ${name} is highlighted` : "All categories are shown");
  }

  #refreshPanel() {
    const { theme } = this.map;
    if (this.hold) {
      const seats = [...this.hold.ids].map((id) => this.seats.get(id));
      this.panel.showHold(this.hold.body, seats, { theme, colors: this.colors, payUrl: this.holding.payUrl() });
    } else this.panel.showChoice(this.selection, { theme, colors: this.colors, offer: this.holding.offer(this.selection, this.busy) });
  }

  #themed() {
    if (!this.scene) return;
    this.#refresh();
  }

  /** While a hold is being asked for, nothing may be chosen. */
  setBusy(on) {
    this.busy = on;
    this.#refreshPanel();
  }

  #cover(text, again) {
    this.cover.replaceChildren();
    this.cover.hidden = text === null;
    if (text === null) return;
    this.cover.append(make("p", {}, text), ...(again ? [make("button", { type: "button", class: "sm-button sm-button-quiet", onclick: again }, "Try again")] : []));
    this.cover.dataset.busy = String(!again && text.startsWith("Loading"));
  }

  /** One sentence in the panel; null clears it. */
  notice(text, kind) {
    this.panel.say(text, kind);
  }

  /** Show a refusal; anything else is a fault of ours and goes on. */
  failed(error) {
    if (!(error instanceof Refused)) throw error;
    this.notice(error.message, "error");
    if (OVER.includes(error.code)) this.#end(error);
  }

  /* The show was called off or has begun: the map makes way for words, and nothing can be chosen any more. */
  #end(error) {
    this.live?.close();
    this.selected.clear();
    const href = this.getAttribute("other-url");
    this.#cover(error.message);
    if (href) this.cover.append(make("a", { class: "sm-button sm-button-quiet", href }, "Other times"));
    this.setBusy(true);
  }

  /** One sentence for the screen reader. */
  say(text) {
    this.spoken.textContent = text;
  }

  emit(name, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(name, { bubbles: true, cancelable, detail }));
  }
}

customElements.define("seat-map", SeatMap);
