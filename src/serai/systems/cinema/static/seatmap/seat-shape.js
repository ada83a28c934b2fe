/* What a seat looks like: one function for the map, the legend and the editor, so that they cannot disagree.
 *
 * Every look differs in shape as well as in colour, also when a seat is only six pixels wide: nobody has to tell
 * states apart by hue. A look is drawn centred on (x, y) in a box of `size` pixels.
 */

import { inkOn } from "./theme.js";

export const LOOKS = Object.freeze(["available", "accessible", "selected", "yours", "held", "booked", "blocked"]);
/** Below this size in pixels inner glyphs would be mud and only the outer shapes are drawn. */
const GLYPH_MIN_PX = 11;

export function drawSeat(ctx, look, color, x, y, size, theme) {
  ctx.save();
  ctx.translate(x, y);
  ctx.lineCap = "round";
  ctx.lineJoin = "round";
  DRAWERS[look](ctx, size, color, theme);
  ctx.restore();
}

const DRAWERS = {
  available(ctx, size, color) {
    chair(ctx, size, color);
  },
  accessible(ctx, size, color) {
    disc(ctx, size * 0.5, color);
    if (size < GLYPH_MIN_PX) disc(ctx, size * 0.2, inkOn(color));
    else wheelchair(ctx, size * 0.34, inkOn(color));
  },
  selected(ctx, size, color, theme) {
    rounded(ctx, size * 1.16, theme.ink);
    stroke(ctx, size * 0.13, theme.paper, () => tick(ctx, size * 0.26));
  },
  yours(ctx, size, color, theme) {
    disc(ctx, size * 0.56, theme.success);
    if (size < GLYPH_MIN_PX) disc(ctx, size * 0.2, inkOn(theme.success));
    else person(ctx, size * 0.3, inkOn(theme.success));
  },
  held(ctx, size, color, theme) {
    const width = Math.max(size * 0.09, 1);
    stroke(ctx, width, theme.muted, () => ctx.arc(0, 0, size * 0.42, 0, 7));
    if (size < GLYPH_MIN_PX) return;
    stroke(ctx, width, theme.muted, () => {
      ctx.moveTo(0, -size * 0.22);
      ctx.lineTo(0, 0);
      ctx.lineTo(size * 0.16, size * 0.1);
    });
  },
  booked(ctx, size, color, theme) {
    rounded(ctx, size * (size < GLYPH_MIN_PX ? 0.6 : 0.84), size < GLYPH_MIN_PX ? theme.takenSmall : theme.taken);
    if (size < GLYPH_MIN_PX) return;
    const arm = size * 0.15;
    stroke(ctx, Math.max(size * 0.1, 1), theme.takenInk, () => {
      ctx.moveTo(-arm, -arm);
      ctx.lineTo(arm, arm);
      ctx.moveTo(arm, -arm);
      ctx.lineTo(-arm, arm);
    });
  },
  blocked(ctx, size, color, theme) {
    stroke(ctx, Math.max(size * 0.12, 1), theme.takenInk, () => {
      ctx.moveTo(-size * 0.22, 0);
      ctx.lineTo(size * 0.22, 0);
    });
  },
};

/* A cinema chair from above: the back rest is the rounder, darker side away from the screen. */
function chair(ctx, size, color) {
  rounded(ctx, size, color);
  if (size < GLYPH_MIN_PX) return;
  ctx.globalAlpha *= 0.28;
  stroke(ctx, size * 0.1, inkOn(color), () => ctx.arc(0, -size * 0.08, size * 0.4, Math.PI * 0.22, Math.PI * 0.78));
  ctx.globalAlpha /= 0.28;
}

function rounded(ctx, size, color) {
  ctx.beginPath();
  ctx.roundRect(-size / 2, -size / 2, size, size, [size * 0.24, size * 0.24, size * 0.42, size * 0.42]);
  ctx.fillStyle = color;
  ctx.fill();
}

function disc(ctx, radius, color) {
  ctx.beginPath();
  ctx.arc(0, 0, radius, 0, 7);
  ctx.fillStyle = color;
  ctx.fill();
}

function stroke(ctx, width, color, path) {
  ctx.beginPath();
  path();
  ctx.lineWidth = width;
  ctx.strokeStyle = color;
  ctx.stroke();
}

function tick(ctx, r) {
  ctx.moveTo(-r * 0.9, r * 0.02);
  ctx.lineTo(-r * 0.25, r * 0.65);
  ctx.lineTo(r * 0.95, -r * 0.62);
}

function person(ctx, r, color) {
  ctx.fillStyle = color;
  ctx.beginPath();
  ctx.arc(0, -r * 0.5, r * 0.48, 0, 7);
  ctx.fill();
  ctx.beginPath();
  ctx.ellipse(0, r * 0.95, r * 0.92, r * 0.78, 0, Math.PI, 2 * Math.PI);
  ctx.fill();
}

function wheelchair(ctx, r, color) {
  ctx.fillStyle = color;
  ctx.beginPath();
  ctx.arc(-r * 0.18, -r * 0.92, r * 0.24, 0, 7);
  ctx.fill();
  stroke(ctx, r * 0.25, color, () => {
    ctx.moveTo(-r * 0.18, -r * 0.5);
    ctx.lineTo(-r * 0.1, r * 0.15);
    ctx.lineTo(r * 0.5, r * 0.15);
    ctx.lineTo(r * 0.85, r * 0.85);
  });
  stroke(ctx, r * 0.22, color, () => ctx.arc(-r * 0.1, r * 0.4, r * 0.62, -Math.PI * 0.02, Math.PI * 1.32));
}
