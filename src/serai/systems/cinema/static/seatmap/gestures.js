/* Fingers, mouse and wheel, turned into taps, hovers, drags and views.
 *
 * It prevents the accident that costs a sale: a finger that pans must not pick a seat. A press is a tap only when one
 * pointer alone went down and up without moving more than the slop; as soon as a second finger lands, nothing is
 * tapped until all are up. When the plan is at its smallest, a vertical swipe belongs to the page.
 */

import { pinchView, zoomAt } from "./geometry.js";

const SLOP_PX = { mouse: 4, pen: 6, touch: 10 };
const TAP_MAX_MS = 600;
const WHEEL_STEP = 0.0022;

/**
 * `on`: view() and limits() are asked; setView(view), tap(point, event), hover(point|null, event) are told;
 * drag(point, event) may return {move, end, cancel} to take a one-pointer drag for itself, else it pans.
 * @returns {() => void} detaches
 */
export function attachGestures(element, on) {
  const pointers = new Map();
  let press = null;
  let session = null;
  let pinched = false;

  const at = (event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  function down(event) {
    if (event.pointerType === "mouse" && event.button > 1) return;
    const point = at(event);
    pointers.set(event.pointerId, point);
    element.setPointerCapture?.(event.pointerId);
    if (pointers.size === 1) {
      pinched = false;
      press = { point, time: event.timeStamp, type: event.pointerType, moved: false, last: point, event };
    } else {
      pinched = true;
      session?.cancel?.();
      session = null;
    }
  }

  function move(event) {
    const point = at(event);
    if (!pointers.has(event.pointerId)) {
      if (event.pointerType !== "touch") on.hover(point, event);
      return;
    }
    if (pointers.size === 2) pinch(event.pointerId, point);
    else if (pointers.size === 1 && !pinched) drag(point, event);
    pointers.set(event.pointerId, point);
  }

  function pinch(id, point) {
    const before = [...pointers.values()];
    const after = [...pointers].map(([key, value]) => (key === id ? point : value));
    on.setView(pinchView(on.view(), before, after, on.limits()));
  }

  function drag(point, event) {
    if (!press.moved) {
      const slop = SLOP_PX[press.type] ?? SLOP_PX.touch;
      if (Math.hypot(point.x - press.point.x, point.y - press.point.y) < slop) return;
      press.moved = true;
      session = on.drag?.(press.point, press.event) ?? null;
      element.dataset.panning = String(!session);
      on.hover(null, event);
    }
    if (session) session.move(point, event);
    else {
      const view = on.view();
      on.setView({ ...view, x: view.x + point.x - press.last.x, y: view.y + point.y - press.last.y });
    }
    press.last = point;
  }

  function up(event) {
    if (!pointers.delete(event.pointerId)) return;
    const point = at(event);
    if (pointers.size) return;
    delete element.dataset.panning;
    if (session) session.end(point, event);
    else if (press && !press.moved && !pinched && event.timeStamp - press.time < TAP_MAX_MS) on.tap(press.point, press.event);
    press = session = null;
  }

  function cancel(event) {
    if (!pointers.delete(event.pointerId)) return;
    session?.cancel?.();
    press = session = null;
    pinched = true;
    delete element.dataset.panning;
  }

  function wheel(event) {
    const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    const [dx, dy] = [event.deltaX * lines, event.deltaY * lines];
    const view = on.view();
    if (event.shiftKey) on.setView({ ...view, x: view.x - (dx || dy), y: view.y });
    else {
      const limits = on.limits();
      const atEnd = dy > 0 ? view.scale <= limits.min * 1.001 : view.scale >= limits.max * 0.999;
      if (atEnd && !event.ctrlKey) return;
      const speed = event.ctrlKey ? 4 : 1;
      on.setView(zoomAt(view, at(event), Math.exp(-dy * WHEEL_STEP * speed), limits));
    }
    event.preventDefault();
  }

  const leave = (event) => on.hover(null, event);
  const listeners = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: cancel, pointerleave: leave, wheel };
  for (const [name, handler] of Object.entries(listeners)) element.addEventListener(name, handler, { passive: false });
  return () => {
    for (const [name, handler] of Object.entries(listeners)) element.removeEventListener(name, handler);
  };
}
