/* What the pointer does in the editor, one tool each: begin a drag, follow it, end it; and what is drawn meanwhile.
 *
 * A tool never changes the plan while the pointer moves. It draws a ghost above and commits once at the end, so that a
 * drag is one step to undo and two thousand seats are not rebuilt sixty times a second.
 */

import { boundsOf } from "./geometry.js";
import { addArea, addBlock, addRow, insertAisle, moveBy, rotateBy, rowShape, snap } from "./plan-model.js";
import { cornersOf, isOnArea } from "./scene.js";
import { drawSeat } from "./seat-shape.js";

const SNAP_PX = 7;
const HANDLE_PX = 26;
const ROTATE_STEP = 15;
/** A drag shorter than this in world pixels draws nothing. */
const DRAWN_MIN = 8;

export const TOOLS = Object.freeze([
  { name: "select", key: "v", icon: "select", label: "Select and move" },
  { name: "hand", key: "h", icon: "hand", label: "Pan the view" },
  { name: "row", key: "r", icon: "row", label: "Draw a row" },
  { name: "block", key: "b", icon: "block", label: "Draw a block of rows" },
  { name: "aisle", key: "i", icon: "aisle", label: "Open an aisle" },
  { name: "screen", key: "s", icon: "screen", label: "Draw the screen or stage" },
  { name: "rectangle", key: "a", icon: "rectangle", label: "Draw an area" },
  { name: "ellipse", key: "e", icon: "ellipse", label: "Draw a round area" },
  { name: "text", key: "t", icon: "text", label: "Write text" },
]);

/** What was hit at a world point: {kind: "seat"|"area"|"rotate", id}, or null. */
export function hit(editor, point) {
  const handle = rotateHandle(editor);
  if (handle && Math.hypot(point.x - handle.x, point.y - handle.y) < 12 / editor.scale) return { kind: "rotate" };
  const seat = editor.scene.index.nearest(point.x, point.y, editor.scene.size * 0.6);
  if (seat) return { kind: "seat", id: seat.id };
  const area = editor.scene.areas.findLast((one) => isOnArea(one, point));
  return area ? { kind: "area", id: area.uuid } : null;
}

/** Everything picked as points: seats' middles and areas' corners. */
export function pickedPoints(editor) {
  const seats = editor.scene.seats.filter((seat) => editor.selection.has(seat.id));
  const corners = editor.scene.areas.filter((area) => editor.selection.has(area.uuid)).flatMap(cornersOf);
  return [...seats, ...corners];
}

/** The box around what is picked, or null. */
export function pickedBox(editor) {
  const points = pickedPoints(editor);
  return points.length ? boundsOf(points, editor.scene.size * 0.75) : null;
}

function rotateHandle(editor) {
  const box = editor.selection.size && editor.tool === "select" ? pickedBox(editor) : null;
  return box && { x: box.x + box.width / 2, y: box.y - HANDLE_PX / editor.scale, box };
}

/** Begin a drag with the current tool; null lets the view pan. */
export function beginDrag(editor, point, event) {
  if (editor.panning || event.button === 1 || editor.tool === "hand" || editor.tool === "aisle" || editor.tool === "text") return null;
  if (editor.tool === "select") return beginSelect(editor, point, event);
  return drawing(editor, point);
}

function beginSelect(editor, point, event) {
  const target = hit(editor, point);
  if (target?.kind === "rotate") return rotating(editor, point);
  if (!target) return marquee(editor, point, event.shiftKey);
  if (!editor.selection.has(target.id)) editor.select([target.id], event.shiftKey);
  return moving(editor, point);
}

const session = (editor, { draw, move, end }) => {
  editor.ghost = draw;
  return {
    move: (screen, event) => {
      move(editor.world(screen), event);
      editor.redraw();
    },
    end: (screen, event) => {
      editor.ghost = null;
      end(editor.world(screen), event);
      editor.redraw();
    },
    cancel: () => {
      editor.ghost = null;
      editor.redraw();
    },
  };
};

function marquee(editor, start, add) {
  let end = start;
  const rect = () => ({ x: Math.min(start.x, end.x), y: Math.min(start.y, end.y), width: Math.abs(end.x - start.x), height: Math.abs(end.y - start.y) });
  return session(editor, {
    draw: (ctx, hair, theme) => {
      const { x, y, width, height } = rect();
      ctx.fillStyle = theme.accent;
      ctx.globalAlpha = 0.1;
      ctx.fillRect(x, y, width, height);
      ctx.globalAlpha = 1;
      outlineBox(ctx, rect(), hair, theme.accent);
    },
    move: (point) => (end = point),
    end: () => {
      const box = rect();
      const inside = (p) => p.x >= box.x && p.x <= box.x + box.width && p.y >= box.y && p.y <= box.y + box.height;
      const areas = editor.scene.areas.filter((area) => cornersOf(area).every(inside)).map((area) => area.uuid);
      editor.select([...editor.scene.index.within(box).map((seat) => seat.id), ...areas], add);
    },
  });
}

function moving(editor, start) {
  const picked = editor.selection;
  const seats = editor.scene.seats.filter((seat) => picked.has(seat.id));
  const points = pickedPoints(editor);
  const resting = editor.scene.seats.filter((seat) => !picked.has(seat.id));
  let shift = { dx: 0, dy: 0, guides: [] };
  return session(editor, {
    draw: (ctx, hair, theme) => {
      drawGuides(ctx, editor, shift.guides, hair, theme);
      drawGhosts(ctx, editor, seats.map((seat) => ({ x: seat.x + shift.dx, y: seat.y + shift.dy, category: seat.category })), theme);
      const box = boundsOf(points, editor.scene.size * 0.75);
      outlineBox(ctx, { ...box, x: box.x + shift.dx, y: box.y + shift.dy }, hair, theme.accent);
    },
    move: (point, event) => {
      let [dx, dy] = [point.x - start.x, point.y - start.y];
      if (event.shiftKey) [dx, dy] = Math.abs(dx) > Math.abs(dy) ? [dx, 0] : [0, dy];
      const moved = points.map((p) => ({ x: p.x + dx, y: p.y + dy }));
      const snapped = editor.snapping && !event.altKey ? snap(moved, resting, SNAP_PX / editor.scale) : { dx: 0, dy: 0, guides: [] };
      shift = { dx: dx + snapped.dx, dy: dy + snapped.dy, guides: snapped.guides };
    },
    end: () => {
      if (shift.dx || shift.dy) editor.commit(moveBy(editor.plan, picked, shift.dx, shift.dy), "Move");
    },
  });
}

function rotating(editor, start) {
  const { box } = rotateHandle(editor);
  const centre = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const angle = (p) => (Math.atan2(p.y - centre.y, p.x - centre.x) * 180) / Math.PI;
  const points = pickedPoints(editor);
  let degrees = 0;
  return session(editor, {
    draw: (ctx, hair, theme) => {
      const turn = (degrees * Math.PI) / 180;
      const around = (p) => ({
        x: centre.x + (p.x - centre.x) * Math.cos(turn) - (p.y - centre.y) * Math.sin(turn),
        y: centre.y + (p.x - centre.x) * Math.sin(turn) + (p.y - centre.y) * Math.cos(turn),
        category: p.category,
      });
      drawGhosts(ctx, editor, points.map(around), theme);
      label(ctx, editor, centre, `${Math.round(degrees)}°`, theme);
    },
    move: (point, event) => {
      const raw = angle(point) - angle(start);
      degrees = event.shiftKey ? raw : Math.round(raw / ROTATE_STEP) * ROTATE_STEP;
    },
    end: () => {
      if (degrees) editor.commit(rotateBy(editor.plan, editor.selection, degrees, centre), "Rotate");
    },
  });
}

// ---- drawing new things

function drawing(editor, raw) {
  const start = snapped(editor, raw);
  let end = start;
  const make = { row: rowOf, block: blockOf, screen: areaOf, rectangle: areaOf, ellipse: areaOf }[editor.tool];
  const tool = editor.tool;
  return session(editor, {
    draw: (ctx, hair, theme) => make(editor, start, end, tool).preview(ctx, hair, theme),
    move: (point, event) => {
      end = snapped(editor, point);
      if (event.shiftKey && tool === "row") end = Math.abs(end.x - start.x) > Math.abs(end.y - start.y) ? { x: end.x, y: start.y } : { x: start.x, y: end.y };
    },
    end: () => {
      if (Math.hypot(end.x - start.x, end.y - start.y) < DRAWN_MIN) return;
      const { plan, added } = make(editor, start, end, tool).make();
      editor.commit(plan, "Draw", added);
      editor.setTool("select");
    },
  });
}

function snapped(editor, point) {
  if (!editor.snapping) return point;
  const { dx, dy } = snap([point], editor.scene.seats, SNAP_PX / editor.scale);
  const grid = (value, shift) => (shift ? value + shift : Math.round(value / 5) * 5);
  return { x: grid(point.x, dx), y: grid(point.y, dy) };
}

function rowOf(editor, from, to) {
  const options = { ...editor.drawingOptions(), from, to };
  return {
    preview: (ctx, hair, theme) => {
      const { plan, added } = addRow(editor.plan, options, counter());
      const ids = new Set(added);
      const seats = editor.placed(plan).filter((seat) => ids.has(seat.id));
      drawGhosts(ctx, editor, seats, theme);
      label(ctx, editor, to, `${seats.length} seats`, theme);
    },
    make: () => addRow(editor.plan, options, editor.ids),
  };
}

function blockOf(editor, a, b) {
  const base = editor.drawingOptions();
  const [width, height] = [Math.abs(b.x - a.x), Math.abs(b.y - a.y)];
  const seats = Math.min(Math.floor(width / base.gap) + 1, 100);
  const rows = Math.min(Math.floor(height / base.rowGap) + 1, 100);
  const at = { x: (a.x + b.x) / 2, y: Math.min(a.y, b.y) };
  const options = { ...base, at, rows, seats };
  return {
    preview: (ctx, hair, theme) => {
      const shape = rowShape({ count: seats, gap: base.gap, arc: base.arc, aisles: base.aisles });
      const ghosts = Array.from({ length: rows }, (_, r) => shape.map((p) => ({ x: at.x + p.x, y: at.y + p.y + r * base.rowGap, category: base.category })));
      drawGhosts(ctx, editor, ghosts.flat(), theme);
      label(ctx, editor, b, `${rows} × ${seats} = ${rows * seats} seats`, theme);
    },
    make: () => addBlock(editor.plan, options, editor.ids),
  };
}

function areaOf(editor, a, b, tool) {
  const [x, y, width, height] = [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.round(Math.abs(b.x - a.x)) || 1, Math.round(Math.abs(b.y - a.y)) || 1];
  const round = tool === "ellipse";
  const middle = round ? { x: 0, y: 0 } : { x: width / 2, y: height / 2 };
  const area = {
    shape: round ? "ellipse" : "rectangle",
    position: round ? { x: x + width / 2, y: y + height / 2 } : { x, y },
    ...(round ? { ellipse: { radius: { x: width / 2, y: height / 2 } } } : { rectangle: { width, height } }),
    rotation: 0,
    text: { text: tool === "screen" ? "Screen" : "", position: middle, size: 16 },
  };
  return {
    preview: (ctx, hair, theme) => {
      outlineBox(ctx, { x, y, width, height }, hair, theme.accent);
      label(ctx, editor, b, `${width} × ${height}`, theme);
    },
    make: () => addArea(editor.plan, editor.zoneId, area, editor.ids),
  };
}

/** A press without a drag. */
export function tap(editor, point, event) {
  if (editor.tool === "aisle") return openAisle(editor, point);
  if (editor.tool === "text") return writeText(editor, point);
  if (editor.tool !== "select") return undefined;
  const target = hit(editor, point);
  if (target?.kind === "rotate") return undefined;
  if (!target) return event.shiftKey ? undefined : editor.select([]);
  const whole = event.detail >= 2 && target.kind === "seat" ? editor.rowOf(target.id) : [target.id];
  return editor.select(whole, event.shiftKey, true);
}

function openAisle(editor, point) {
  const all = new Set(editor.scene.seats.map((seat) => seat.id));
  const picked = editor.selection.size ? editor.selection : all;
  editor.commit(insertAisle(editor.plan, picked, point.x, Math.round(editor.options.gap * 1.2)), "Open aisle");
  editor.setTool("select");
}

function writeText(editor, point) {
  const area = { shape: "text", position: { x: Math.round(point.x), y: Math.round(point.y) }, rotation: 0, text: { text: "Text", position: { x: 0, y: 0 }, size: 18 } };
  const { plan, added } = addArea(editor.plan, editor.zoneId, area, editor.ids);
  editor.commit(plan, "Write text", added);
  editor.setTool("select");
}

// ---- the layer above

/** Selection, handles, and the ghost of the drag that is under way. */
export function drawOverlay(editor, ctx, theme) {
  const hair = 1.5 / editor.scale;
  if (editor.ghost) {
    editor.ghost(ctx, hair, theme);
    return;
  }
  if (editor.tool === "aisle" && editor.pointer) drawGuides(ctx, editor, [{ axis: "x", at: editor.pointer.x }], hair, theme);
  if (!editor.selection.size) return;
  ctx.strokeStyle = theme.accent;
  ctx.lineWidth = hair * 1.3;
  ctx.beginPath();
  for (const seat of editor.scene.seats) {
    if (!editor.selection.has(seat.id)) continue;
    ctx.moveTo(seat.x + editor.scene.size * 0.64, seat.y);
    ctx.arc(seat.x, seat.y, editor.scene.size * 0.64, 0, 7);
  }
  ctx.stroke();
  const handle = rotateHandle(editor);
  const box = handle?.box ?? pickedBox(editor);
  if (!box) return;
  outlineBox(ctx, box, hair, theme.accent);
  if (handle) drawHandle(ctx, handle, hair, theme);
}

function drawHandle(ctx, { x, y, box }, hair, theme) {
  ctx.beginPath();
  ctx.moveTo(x, box.y);
  ctx.lineTo(x, y);
  ctx.stroke();
  ctx.beginPath();
  ctx.arc(x, y, hair * 4, 0, 7);
  ctx.fillStyle = theme.paper;
  ctx.fill();
  ctx.stroke();
}

function outlineBox(ctx, { x, y, width, height }, hair, color) {
  ctx.strokeStyle = color;
  ctx.lineWidth = hair;
  ctx.setLineDash([hair * 4, hair * 3]);
  ctx.strokeRect(x, y, width, height);
  ctx.setLineDash([]);
}

function drawGuides(ctx, editor, guides, hair, theme) {
  ctx.strokeStyle = theme.danger;
  ctx.lineWidth = hair * 0.8;
  ctx.beginPath();
  for (const { axis, at } of guides) {
    ctx.moveTo(axis === "x" ? at : -1e5, axis === "x" ? -1e5 : at);
    ctx.lineTo(axis === "x" ? at : 1e5, axis === "x" ? 1e5 : at);
  }
  ctx.stroke();
}

function drawGhosts(ctx, editor, seats, theme) {
  ctx.globalAlpha = 0.65;
  for (const seat of seats) drawSeat(ctx, "available", editor.colors.get(seat.category) ?? theme.accent, seat.x, seat.y, editor.scene.size, theme);
  ctx.globalAlpha = 1;
}

function label(ctx, editor, at, text, theme) {
  const size = 13 / editor.scale;
  ctx.font = `600 ${size}px ${theme.font}`;
  const width = ctx.measureText(text).width + size * 1.2;
  ctx.fillStyle = theme.ink;
  ctx.beginPath();
  ctx.roundRect(at.x + size, at.y + size * 0.6, width, size * 1.9, size * 0.5);
  ctx.fill();
  ctx.fillStyle = theme.paper;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  ctx.fillText(text, at.x + size * 1.6, at.y + size * 1.58);
}

/* Ids that live only as long as a preview. */
function counter() {
  let next = 0;
  return () => `preview-${next++}`;
}
