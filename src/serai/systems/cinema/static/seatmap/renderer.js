/* Draws a scene on a canvas, for the seat map and for the plan editor alike.
 *
 * Two layers: the plan below, and what moves above (hover, focus, pulses, the editor's handles), so that a moving ring
 * never redraws two thousand seats. Seats are stamped from sprites made once per look, colour and size. Frames are
 * coalesced by requestAnimationFrame; a seat that changed state redraws only its own rectangle.
 */

import { visibleRect } from "./geometry.js";
import { drawSeat } from "./seat-shape.js";
import { inkOn } from "./theme.js";

/** From this size on, seats carry their number; from the other, rows carry their label. */
export const NUMBER_MIN_PX = 21;
const LABEL_MIN_PX = 5;
const LABEL_MAX_PX = 15;
const DIM_ALPHA = 0.16;
const PIXEL_RATIO_MAX = 3;
/** More changed seats than this are cheaper to redraw all at once. */
const DIRTY_MAX = 200;
const SPRITES_MAX = 400;
/** In world pixels: how deep the drawn screen is, so that its light does not flood the first rows. */
const SCREEN_DEPTH_MAX = 60;

export class Renderer {
  /** `host` gets the two canvases; `look(seat)` returns {look, color, dim?}; `overlay(ctx, view)` draws above. */
  constructor(host, { look, overlay = () => {}, backdrop = () => {} }) {
    this.look = look;
    this.overlay = overlay;
    this.backdrop = backdrop;
    this.base = this.#layer(host, "sm-layer");
    this.top = this.#layer(host, "sm-layer sm-layer-top");
    this.view = { scale: 1, x: 0, y: 0 };
    this.sprites = new Map();
    this.dirty = new Set();
    this.full = true;
    this.scrolled = { x: 0, y: 0 };
    this.ratio = 1;
    this.frame = 0;
    this.width = 0;
    this.height = 0;
    this.framesDrawn = 0;
  }

  #layer(host, className) {
    const canvas = document.createElement("canvas");
    canvas.className = className;
    canvas.setAttribute("aria-hidden", "true");
    host.append(canvas);
    return canvas.getContext("2d");
  }

  resize(width, height, ratio = devicePixelRatio) {
    this.width = width;
    this.height = height;
    this.ratio = Math.min(ratio || 1, PIXEL_RATIO_MAX);
    for (const { canvas } of [this.base, this.top]) {
      canvas.width = Math.round(width * this.ratio);
      canvas.height = Math.round(height * this.ratio);
    }
    this.sprites.clear();
    this.invalidate();
  }

  setTheme(theme) {
    this.theme = theme;
    this.sprites.clear();
    this.invalidate();
  }

  setScene(scene) {
    this.scene = scene;
    this.invalidate();
  }

  /** Offsets are rounded to device pixels, so that a pan only copies pixels and draws the strips that came into view. */
  setView(view) {
    const before = this.view;
    const onPixel = (value) => Math.round(value * this.ratio) / this.ratio;
    this.view = { scale: view.scale, x: onPixel(view.x), y: onPixel(view.y) };
    if (this.full || this.dirty.size || view.scale !== before.scale) this.invalidate();
    else {
      this.scrolled.x += this.view.x - before.x;
      this.scrolled.y += this.view.y - before.y;
      this.#schedule();
    }
  }

  /** Everything must be drawn again. */
  invalidate() {
    this.full = true;
    this.#schedule();
  }

  /** These seats changed their look. */
  invalidateSeats(seats) {
    for (const seat of seats) this.dirty.add(seat);
    if (this.dirty.size > DIRTY_MAX) this.full = true;
    this.#schedule();
  }

  /** Only the layer above changed. */
  invalidateOverlay() {
    this.#schedule();
  }

  #schedule() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.drawNow());
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.frame = -1;
  }

  /** Draw what is due without waiting for the next frame. */
  drawNow() {
    this.frame = 0;
    if (!this.scene || !this.theme || !this.width) return;
    this.framesDrawn += 1;
    const { x, y } = this.scrolled;
    if (this.full || Math.abs(x) > this.width / 2 || Math.abs(y) > this.height / 2) this.#drawAll();
    else {
      if (x || y) this.#scroll(Math.round(x * this.ratio), Math.round(y * this.ratio));
      if (this.dirty.size) this.#drawDirty();
    }
    this.full = false;
    this.scrolled = { x: 0, y: 0 };
    this.dirty.clear();
    this.#drawTop();
  }

  #drawAll() {
    const ctx = this.base;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, ctx.canvas.width, ctx.canvas.height);
    this.#drawRect(visibleRect(this.view, this.width, this.height));
  }

  /* What stays visible is copied; the one or two strips that a pan uncovers are drawn. */
  #scroll(dx, dy) {
    const ctx = this.base;
    const { width, height } = ctx.canvas;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.globalCompositeOperation = "copy";
    ctx.drawImage(ctx.canvas, dx, dy);
    ctx.globalCompositeOperation = "source-over";
    if (dx) this.#drawPixels(dx > 0 ? 0 : width + dx, 0, Math.abs(dx), height);
    if (dy) this.#drawPixels(0, dy > 0 ? 0 : height + dy, width, Math.abs(dy));
  }

  #drawDirty() {
    const reach = this.scene.size * 0.75;
    const k = this.view.scale * this.ratio;
    for (const { x, y } of this.dirty) {
      const [left, top] = [Math.floor((x - reach) * k + this.view.x * this.ratio) - 1, Math.floor((y - reach) * k + this.view.y * this.ratio) - 1];
      this.#drawPixels(left, top, Math.ceil(2 * reach * k) + 2, Math.ceil(2 * reach * k) + 2);
    }
  }

  /* Redraw a rectangle of whole device pixels: fractions would leave seams. */
  #drawPixels(left, top, width, height) {
    const ctx = this.base;
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.clearRect(left, top, width, height);
    const k = this.view.scale * this.ratio;
    this.#drawRect({ x: left / k - this.view.x / this.view.scale, y: top / k - this.view.y / this.view.scale, width: width / k, height: height / k });
    ctx.restore();
  }

  #drawRect(rect) {
    this.#toWorld(this.base);
    this.backdrop(this.base, rect, this.theme);
    for (const area of this.scene.areas) drawArea(this.base, area, this.theme);
    this.#drawLabels(rect);
    this.#drawSeats(rect);
  }

  #toWorld(ctx) {
    const k = this.view.scale * this.ratio;
    ctx.setTransform(k, 0, 0, k, this.view.x * this.ratio, this.view.y * this.ratio);
  }

  #drawLabels(rect) {
    const ctx = this.base;
    const size = Math.min(this.scene.pitch * this.view.scale * 0.5, LABEL_MAX_PX);
    if (size < LABEL_MIN_PX) return;
    const reach = this.scene.pitch * 2;
    ctx.font = `600 ${size / this.view.scale}px ${this.theme.font}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillStyle = this.theme.muted;
    for (const { text, x, y } of this.scene.labels) {
      const seen = x > rect.x - reach && x < rect.x + rect.width + reach && y > rect.y - reach && y < rect.y + rect.height + reach;
      if (seen) ctx.fillText(text, x, y);
    }
  }

  #drawSeats(rect) {
    const ctx = this.base;
    const margin = this.scene.size;
    const seen = this.scene.index.within({ x: rect.x - margin, y: rect.y - margin, width: rect.width + 2 * margin, height: rect.height + 2 * margin });
    const k = this.view.scale * this.ratio;
    const [dx, dy] = [this.view.x * this.ratio, this.view.y * this.ratio];
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    const numbered = this.scene.size * this.view.scale >= NUMBER_MIN_PX;
    const pixels = this.scene.size * k;
    for (const seat of seen) {
      const { look, color, dim } = this.look(seat);
      const sprite = this.#sprite(look, color, pixels);
      if (dim) ctx.globalAlpha = DIM_ALPHA;
      ctx.drawImage(sprite, Math.round(seat.x * k + dx - sprite.width / 2), Math.round(seat.y * k + dy - sprite.height / 2));
      if (numbered && look === "available") this.#drawNumber(ctx, seat, color, pixels, seat.x * k + dx, seat.y * k + dy);
      if (dim) ctx.globalAlpha = 1;
    }
  }

  #drawNumber(ctx, seat, color, pixels, x, y) {
    ctx.font = `600 ${Math.round(pixels * (seat.number.length > 2 ? 0.32 : 0.4))}px ${this.theme.font}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillStyle = inkOn(color);
    ctx.fillText(seat.number, x, y - pixels * 0.04);
  }

  #sprite(look, color, pixels) {
    const size = Math.max(Math.round(pixels * 2) / 2, 1);
    const key = `${look}|${color}|${size}`;
    let sprite = this.sprites.get(key);
    if (sprite) return sprite;
    if (this.sprites.size > SPRITES_MAX) this.sprites.clear();
    const side = Math.ceil(size * 1.3) + 2;
    sprite = new OffscreenCanvas(side, side);
    drawSeat(sprite.getContext("2d"), look, color, side / 2, side / 2, size, this.theme);
    this.sprites.set(key, sprite);
    return sprite;
  }

  #drawTop() {
    const ctx = this.top;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, ctx.canvas.width, ctx.canvas.height);
    this.#toWorld(ctx);
    const again = this.overlay(ctx, this.view, this.theme);
    if (again) this.#schedule();
  }
}

/** Draw one area in world coordinates; without a colour of its own it takes the page's. */
export function drawArea(ctx, area, theme) {
  ctx.save();
  ctx.translate(area.position.x, area.position.y);
  ctx.rotate(((area.rotation ?? 0) * Math.PI) / 180);
  if (isScreen(area)) {
    drawScreen(ctx, area, theme);
    ctx.restore();
    return;
  }
  if (outline(ctx, area)) {
    ctx.fillStyle = area.color || theme.stage;
    ctx.fill();
    ctx.lineWidth = 1.5;
    ctx.strokeStyle = area.border_color || theme.line;
    ctx.stroke();
  }
  if (area.text?.text) drawAreaText(ctx, area, theme);
  ctx.restore();
}

function outline(ctx, area) {
  ctx.beginPath();
  if (area.rectangle) ctx.roundRect(0, 0, area.rectangle.width, area.rectangle.height, Math.min(8, area.rectangle.height / 4));
  else if (area.circle) ctx.arc(0, 0, area.circle.radius, 0, 7);
  else if (area.ellipse) ctx.ellipse(0, 0, area.ellipse.radius.x, area.ellipse.radius.y, 0, 0, 7);
  else if (area.polygon?.points.length > 2) {
    area.polygon.points.forEach((p) => ctx.lineTo(p.x, p.y));
    ctx.closePath();
  } else return false;
  return true;
}

/* A rectangle that says "Screen" is one, whichever editor drew it. */
function isScreen(area) {
  return area.shape === "screen" || (area.rectangle && /^(screen|leinwand|écran|pantalla)$/i.test(area.text?.text ?? ""));
}

/* The silver screen: a curved bright edge and the light that falls from it towards the seats. */
function drawScreen(ctx, area, theme) {
  const { width } = area.rectangle;
  const height = Math.max(Math.min(area.rectangle.height, SCREEN_DEPTH_MAX), width * 0.045);
  const glow = ctx.createLinearGradient(0, height * 0.35, 0, height * 2.1);
  glow.addColorStop(0, theme.stage);
  glow.addColorStop(1, theme.paper);
  ctx.beginPath();
  ctx.moveTo(0, height * 0.7);
  ctx.quadraticCurveTo(width / 2, 0, width, height * 0.7);
  ctx.lineTo(width * 0.94, height * 2.1);
  ctx.quadraticCurveTo(width / 2, height * 1.5, width * 0.06, height * 2.1);
  ctx.fillStyle = glow;
  ctx.fill();
  ctx.beginPath();
  ctx.moveTo(0, height * 0.7);
  ctx.quadraticCurveTo(width / 2, 0, width, height * 0.7);
  ctx.lineWidth = height * 0.16;
  ctx.lineCap = "round";
  ctx.strokeStyle = theme.stageInk;
  ctx.stroke();
  const position = { x: width / 2, y: height * 1.15 };
  drawAreaText(ctx, { text: { text: area.text.text, position, size: Math.max(height * 0.42, 11) } }, theme);
}

function drawAreaText(ctx, area, theme) {
  const { text, position, size = 16, color } = area.text;
  ctx.font = `600 ${size}px ${theme.font}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillStyle = color || (area.color ? inkOn(area.color) : theme.stageInk);
  ctx.fillText(text, position?.x ?? 0, position?.y ?? 0);
}
