/* The drawn half of <seat-map>: pointer and keyboard on the canvas, the tip beside the pointer, rings and pulses. */

import { boundsOf, toScreen } from "./geometry.js";
import { make } from "./icons.js";
import { MiniMap, viewAt } from "./minimap.js";
import { reducedMotion, Stage } from "./stage.js";

const PULSE_MS = 900;
const PULSES_MAX = 60;
/** A finger may miss the seat by this much; a mouse hits what it points at. */
const TOUCH_REACH_PX = 14;
/** A finger cannot aim at seats drawn smaller than this: its tap zooms in first. */
const TOUCH_SEAT_MIN_PX = 14;
const TOUCH_SEAT_PX = 30;
const ARROWS = Object.freeze({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });

export class MapView {
  /** `on` = {look, activate(seat, whole row), describe(seat), say(text), orphans(), themed()} */
  constructor(on) {
    this.on = on;
    this.hovered = null;
    this.cursor = null;
    this.pulses = [];
    this.element = make("div", {
      class: "sm-map",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "seat map",
      "aria-label": "Seat map. Arrow keys move between seats, Space chooses, plus and minus zoom. The list view offers the same seats as buttons.",
    });
    this.tip = make("div", { class: "sm-tip", "aria-hidden": "true" });
    this.minimap = null;
    this.stage = new Stage(this.element, {
      look: on.look,
      overlay: (ctx, view, theme) => this.#overlay(ctx, view, theme),
      tap: (point, event) => this.#tap(point, event),
      hover: (point) => this.#hover(point),
      view: (view) => this.#viewChanged(view),
      theme: () => this.#themed(),
    });
    this.minimap = new MiniMap(this.element, { look: on.look, move: (point) => this.#moveTo(point) });
    this.element.append(this.tip);
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("focus", () => this.#focused());
    this.element.addEventListener("blur", () => this.stage.renderer.invalidateOverlay());
  }

  get theme() {
    return this.stage.theme;
  }

  destroy() {
    this.stage.destroy();
  }

  setScene(scene) {
    this.scene = scene;
    this.hovered = this.cursor = null;
    this.minimap.setScene(scene);
    this.stage.setScene(scene);
  }

  /** These seats look different now; `pulse` draws the eye to them. */
  update(seats, pulse = false) {
    this.stage.renderer.invalidateSeats(seats);
    this.minimap.invalidate();
    this.#refreshMinimap();
    if (pulse) this.#pulse(seats, "muted");
    if (seats.includes(this.hovered)) this.#fillTip();
  }

  /** Seats that were lost: the same ring in the colour of errors, and stronger. */
  alarm(seats) {
    this.#pulse(seats, "danger");
  }

  invalidate() {
    this.stage.renderer.invalidate();
    this.minimap.invalidate();
  }

  /** Bring seats into view together. */
  show(seats) {
    if (seats.length) this.stage.showRect(boundsOf(seats, this.scene.pitch * 6));
  }

  #themed() {
    if (this.minimap) this.minimap.invalidate();
    if (this.stage) this.on.themed();
  }

  #viewChanged() {
    this.#hover(null);
    this.#refreshMinimap();
  }

  #refreshMinimap() {
    const { view, renderer, theme } = this.stage;
    this.minimap?.update(view, renderer.width, renderer.height, theme);
  }

  #moveTo(point) {
    const { view, renderer } = this.stage;
    this.stage.setView(viewAt(point, view, renderer.width, renderer.height));
  }

  #seatAt(point, slackPx) {
    const reach = this.scene.size / 2 + Math.min(slackPx / this.stage.view.scale, this.scene.pitch * 0.5);
    return this.scene.index.nearest(point.x, point.y, reach);
  }

  #tap(point, event) {
    if (!this.scene || event.button > 0) return undefined;
    const mouse = event.pointerType === "mouse";
    const drawn = this.scene.size * this.stage.view.scale;
    if (!mouse && drawn < TOUCH_SEAT_MIN_PX) return this.stage.zoomBy(TOUCH_SEAT_PX / drawn, this.#onScreen(point));
    const seat = this.#seatAt(point, mouse ? 1 : TOUCH_REACH_PX);
    if (!seat) return undefined;
    this.cursor = seat;
    return this.on.activate(seat, event.shiftKey);
  }

  #hover(point) {
    const seat = point && this.scene ? this.#seatAt(point, 1) : null;
    if (seat === this.hovered) return;
    this.hovered = seat;
    this.element.dataset.over = String(Boolean(seat));
    this.tip.dataset.shown = String(Boolean(seat));
    if (seat) this.#fillTip();
    this.stage.renderer.invalidateOverlay();
  }

  #fillTip() {
    const [place, ...rest] = this.on.describe(this.hovered).split(", ");
    const { view, renderer } = this.stage;
    const [x, y] = [this.hovered.x * view.scale + view.x, this.hovered.y * view.scale + view.y];
    this.tip.replaceChildren(make("strong", {}, `${place}, ${rest[0]}`), make("span", {}, rest.slice(1).join(" · ")));
    const below = y < 90;
    const half = this.tip.offsetWidth / 2 + 8;
    const left = Math.min(Math.max(x, half), renderer.width - half);
    const gap = (this.scene.size / 2) * view.scale + 10;
    this.tip.style.transform = `translate(${left}px, ${below ? y + gap : y - gap}px) translate(-50%, ${below ? "0" : "-100%"})`;
  }

  // ---- keyboard

  #focused() {
    if (!this.element.matches(":focus-visible") || !this.scene) return;
    if (!this.cursor) {
      const { renderer, view } = this.stage;
      const middle = { x: (renderer.width / 2 - view.x) / view.scale, y: (renderer.height / 2 - view.y) / view.scale };
      this.cursor = this.scene.index.nearest(middle.x, middle.y, Math.max(this.scene.bounds.width, this.scene.bounds.height));
    }
    this.#say();
  }

  #say() {
    if (this.cursor) this.on.say(this.on.describe(this.cursor));
    this.stage.renderer.invalidateOverlay();
  }

  #key(event) {
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey || !this.scene) return;
    const arrow = ARROWS[event.key];
    const action = arrow ? () => this.#step(...arrow) : this.#actions(event.shiftKey)[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  #actions(whole) {
    const choose = () => this.cursor && this.on.activate(this.cursor, whole);
    const out = () => this.stage.zoomBy(1 / 1.6);
    const zoomIn = () => this.stage.zoomBy(1.6, this.cursor ? this.#onScreen(this.cursor) : undefined);
    const row = () => this.scene.rows.find((one) => one.seats.includes(this.cursor))?.seats;
    return {
      " ": choose,
      Enter: choose,
      "+": zoomIn,
      "=": zoomIn,
      "-": out,
      0: () => this.stage.fit(true),
      Home: () => this.#stepTo(row()?.[0]),
      End: () => this.#stepTo(row()?.at(-1)),
    };
  }

  #onScreen(point) {
    return toScreen(this.stage.view, point);
  }

  #step(dx, dy) {
    this.#stepTo(this.cursor ? this.scene.index.towards(this.cursor, dx, dy) : this.scene.seats[0]);
  }

  #stepTo(seat) {
    if (!seat) return;
    this.cursor = seat;
    this.stage.reveal(seat);
    this.#say();
  }

  // ---- the layer above

  #pulse(seats, color) {
    if (reducedMotion() || seats.length > PULSES_MAX) return;
    const start = performance.now();
    this.pulses.push(...seats.map((seat) => ({ seat, start, color })));
    this.stage.renderer.invalidateOverlay();
  }

  #overlay(ctx, view, theme) {
    if (!this.scene) return false;
    const size = this.scene.size;
    const ring = (seat, radius, width, color, dash = []) => {
      ctx.beginPath();
      ctx.setLineDash(dash);
      ctx.arc(seat.x, seat.y, radius, 0, 7);
      ctx.lineWidth = width;
      ctx.strokeStyle = color;
      ctx.stroke();
    };
    const hair = 2 / view.scale;
    for (const seat of this.on.orphans()) ring(seat, size * 0.68, hair, theme.danger, [hair * 2, hair * 1.6]);
    if (this.hovered) ring(this.hovered, size * 0.68, hair, theme.ink);
    if (this.cursor && this.element.matches(":focus-visible")) {
      ring(this.cursor, size * 0.72, hair * 2.2, theme.paper);
      ring(this.cursor, size * 0.72, hair * 1.2, theme.accent);
    }
    return this.#drawPulses(ctx, ring, size, hair, theme);
  }

  #drawPulses(ctx, ring, size, hair, theme) {
    const now = performance.now();
    this.pulses = this.pulses.filter(({ start }) => now - start < PULSE_MS);
    for (const { seat, start, color } of this.pulses) {
      const share = Math.max((now - start) / PULSE_MS, 0);
      ctx.globalAlpha = (1 - share) ** 1.5;
      ring(seat, size * (0.5 + share * 0.9), hair * 1.5, theme[color]);
    }
    ctx.globalAlpha = 1;
    return this.pulses.length > 0;
  }
}
