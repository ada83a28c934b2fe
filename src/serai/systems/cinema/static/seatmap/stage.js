/* The drawing surface that the seat map and the editor share: renderer, view with its limits, gestures, zoom buttons.
 *
 * The view is changed here and nowhere else, so that limits, the mini-map, the buttons' state and the touch behaviour
 * of the page always agree with it.
 */

import { betweenViews, clampView, containView, fitView, SEAT_SIZE_MAX_PX, toWorld, zoomAt } from "./geometry.js";
import { attachGestures } from "./gestures.js";
import { icon } from "./icons.js";
import { Renderer } from "./renderer.js";
import { readTheme, watchTheme } from "./theme.js";

const MOVE_MS = 260;
const ZOOM_STEP = 1.6;
/** Seats are not blown up beyond this size only because a plan is tiny. */
const FIT_SEAT_MAX_PX = 42;

export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Stage {
  /** `on` = {look, overlay, backdrop, tap, hover, drag, view}; see Renderer and attachGestures. */
  constructor(element, on) {
    this.element = element;
    this.on = on;
    this.view = { scale: 1, x: 0, y: 0 };
    this.fitted = true;
    this.renderer = new Renderer(element, on);
    this.#zoomButtons();
    this.detach = attachGestures(element, {
      view: () => this.view,
      limits: () => this.limits(),
      setView: (view) => this.setView(view),
      tap: (point, event) => on.tap?.(toWorld(this.view, point), event),
      hover: (point, event) => on.hover?.(point && toWorld(this.view, point), event),
      drag: (point, event) => on.drag?.(toWorld(this.view, point), event),
    });
    this.observer = new ResizeObserver(() => this.#resized());
    this.observer.observe(element);
    this.stopTheme = watchTheme(() => this.refreshTheme());
  }

  destroy() {
    this.detach();
    this.stopTheme();
    this.observer.disconnect();
    cancelAnimationFrame(this.animation);
    this.renderer.destroy();
  }

  /** Read the page's colours; only a connected element has any. */
  refreshTheme() {
    if (!this.element.isConnected) return;
    this.theme = readTheme(this.element);
    this.renderer.setTheme(this.theme);
    this.on.theme?.(this.theme);
  }

  setScene(scene, { keepView = false } = {}) {
    this.scene = scene;
    this.renderer.setScene(scene);
    if (!keepView) this.fit();
  }

  limits() {
    const fit = this.#fitted().scale;
    return { min: Math.min(fit * 0.8, 1), max: Math.max(SEAT_SIZE_MAX_PX / this.scene.size, fit) };
  }

  #fitted() {
    const { renderer, scene } = this;
    return fitView(scene.bounds, renderer.width, renderer.height, this.on.padding ?? 12, FIT_SEAT_MAX_PX / scene.size);
  }

  /** Show everything. */
  fit(animated = false) {
    if (!this.scene || !this.renderer.width) return;
    this.#go(this.#fitted(), animated);
    this.fitted = true;
  }

  zoomBy(factor, point) {
    const middle = { x: this.renderer.width / 2, y: this.renderer.height / 2 };
    const target = zoomAt(this.view, point ?? middle, factor, this.limits());
    this.#go(this.#contained(target), true);
  }

  /** Bring a world point into view if it is outside or near the edge. */
  reveal(point) {
    const margin = 48;
    const x = point.x * this.view.scale + this.view.x;
    const y = point.y * this.view.scale + this.view.y;
    const { width, height } = this.renderer;
    const dx = x < margin ? margin - x : x > width - margin ? width - margin - x : 0;
    const dy = y < margin ? margin - y : y > height - margin ? height - margin - y : 0;
    if (dx || dy) this.#go(this.#contained({ ...this.view, x: this.view.x + dx, y: this.view.y + dy }), true);
  }

  /** Show a world rectangle as large as sensible. */
  showRect(rect) {
    const limits = this.limits();
    const view = fitView(rect, this.renderer.width, this.renderer.height, 60, limits.max * 0.6);
    this.#go(this.#contained(view), true);
  }

  setView(view) {
    cancelAnimationFrame(this.animation);
    this.#apply(this.#clamped(view));
  }

  #clamped(view) {
    return clampView(view, this.scene.bounds, this.renderer.width, this.renderer.height);
  }

  #contained(view) {
    return containView(view, this.scene.bounds, this.renderer.width, this.renderer.height);
  }

  #apply(view) {
    this.renderer.setView(view);
    this.view = this.renderer.view;
    this.fitted = false;
    const limits = this.limits();
    this.zoomIn.disabled = view.scale >= limits.max * 0.999;
    this.zoomOut.disabled = view.scale <= limits.min * 1.001;
    this.element.dataset.zoomed = String(view.scale > this.#fitted().scale * 1.05);
    this.on.view?.(view);
  }

  #go(target, animated) {
    cancelAnimationFrame(this.animation);
    if (!animated || reducedMotion()) {
      this.#apply(target);
      return;
    }
    const from = this.view;
    const fitted = this.fitted;
    let start = 0;
    const step = (time) => {
      start ||= time;
      const share = Math.min((time - start) / MOVE_MS, 1);
      const { width, height } = this.renderer;
      this.#apply(share === 1 ? target : betweenViews(from, target, 1 - (1 - share) ** 3, width, height));
      if (share < 1) this.animation = requestAnimationFrame(step);
      else this.fitted = fitted && target.scale === this.#fitted().scale;
    };
    this.animation = requestAnimationFrame(step);
  }

  #resized() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height || (width === this.renderer.width && height === this.renderer.height)) return;
    const first = !this.renderer.width;
    this.renderer.resize(width, height);
    if (first) this.refreshTheme();
    if (!this.scene) return;
    if (first || this.fitted) this.fit();
    else this.setView(this.view);
  }

  #zoomButtons() {
    const box = document.createElement("div");
    box.className = "sm-zoom";
    const button = (name, label, action) => {
      const made = document.createElement("button");
      made.type = "button";
      made.innerHTML = icon(name);
      made.setAttribute("aria-label", label);
      made.title = label;
      made.addEventListener("click", action);
      box.append(made);
      return made;
    };
    this.zoomIn = button("plus", "Zoom in", () => this.zoomBy(ZOOM_STEP));
    this.zoomOut = button("minus", "Zoom out", () => this.zoomBy(1 / ZOOM_STEP));
    button("fit", "Show the whole plan", () => this.fit(true));
    for (const name of ["pointerdown", "pointerup", "wheel"]) box.addEventListener(name, (event) => event.stopPropagation());
    this.element.append(box);
  }
}
