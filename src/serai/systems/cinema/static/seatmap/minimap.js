/* The whole plan in a corner while only a part of it is on the screen; a click or drag moves there. */

import { centredOn, fitView, visibleRect } from "./geometry.js";

const WIDTH_PX = 148;
const HEIGHT_MAX_PX = 104;
/** It appears when less than this share of the plan's width or height is visible. */
const SHOWN_BELOW = 0.8;

export class MiniMap {
  constructor(host, { look, move }) {
    this.look = look;
    this.element = document.createElement("div");
    this.element.className = "sm-minimap";
    this.element.setAttribute("aria-hidden", "true");
    this.canvas = document.createElement("canvas");
    this.frame = document.createElement("div");
    this.frame.className = "sm-minimap-frame";
    this.element.append(this.canvas, this.frame);
    host.append(this.element);
    const go = (event) => {
      if (event.type === "pointermove" && !event.buttons) return;
      event.preventDefault();
      event.stopPropagation();
      const box = this.element.getBoundingClientRect();
      move({ x: (event.clientX - box.left - this.view.x) / this.view.scale, y: (event.clientY - box.top - this.view.y) / this.view.scale });
    };
    this.element.addEventListener("pointerdown", go);
    this.element.addEventListener("pointermove", go);
  }

  setScene(scene) {
    this.scene = scene;
    const height = Math.min(Math.max((WIDTH_PX * scene.bounds.height) / scene.bounds.width, 40), HEIGHT_MAX_PX);
    this.size = { width: WIDTH_PX, height: Math.round(height) };
    this.view = fitView(scene.bounds, this.size.width, this.size.height, 4);
    this.element.style.width = `${this.size.width}px`;
    this.element.style.height = `${this.size.height}px`;
    this.stale = true;
  }

  /** Seats changed: drawn again the next time it is visible. */
  invalidate() {
    this.stale = true;
  }

  update(view, width, height, theme) {
    if (!this.scene) return;
    const seen = visibleRect(view, width, height);
    const { bounds } = this.scene;
    const shown = seen.width < bounds.width * SHOWN_BELOW || seen.height < bounds.height * SHOWN_BELOW;
    this.element.dataset.shown = String(shown);
    if (!shown) return;
    if (this.stale) this.#draw(theme);
    const left = Math.max(seen.x * this.view.scale + this.view.x, 0);
    const top = Math.max(seen.y * this.view.scale + this.view.y, 0);
    const right = Math.min((seen.x + seen.width) * this.view.scale + this.view.x, this.size.width);
    const bottom = Math.min((seen.y + seen.height) * this.view.scale + this.view.y, this.size.height);
    this.frame.style.transform = `translate(${left}px, ${top}px)`;
    this.frame.style.width = `${Math.max(right - left, 4)}px`;
    this.frame.style.height = `${Math.max(bottom - top, 4)}px`;
  }

  #draw(theme) {
    this.stale = false;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = this.size.width * ratio;
    this.canvas.height = this.size.height * ratio;
    const ctx = this.canvas.getContext("2d");
    ctx.setTransform(this.view.scale * ratio, 0, 0, this.view.scale * ratio, this.view.x * ratio, this.view.y * ratio);
    const side = Math.max(this.scene.size, 1.6 / this.view.scale);
    for (const seat of this.scene.seats) {
      const { look, color } = this.look(seat);
      ctx.fillStyle = { available: color, accessible: color, selected: theme.ink, yours: theme.success }[look] ?? theme.taken;
      ctx.fillRect(seat.x - side / 2, seat.y - side / 2, side, side);
    }
  }
}

/** The view that puts a world point in the middle without changing the scale. */
export const viewAt = (point, view, width, height) => centredOn(point.x, point.y, view.scale, width, height);
