/* The editor's keyboard commands and the one-line hint of each tool. */

import { icon, make } from "./icons.js";
import { TOOLS } from "./plan-tools.js";

export const HELP = Object.freeze({
  hints: {
    select: "Drag to move or to select, double-click for a row, Shift adds",
    hand: "Drag to pan",
    row: "Drag from the first seat to the last",
    block: "Drag a rectangle; it fills with rows",
    aisle: "Click between two seats; the right side moves over",
    screen: "Drag the size of the screen or stage",
    rectangle: "Drag the size of the area",
    ellipse: "Drag the size of the area",
    text: "Click where the text goes",
  },
  keys: [
    ["Ctrl Z · Ctrl Shift Z", "Undo · redo"],
    ["Ctrl A · Esc", "Select all seats · nothing"],
    [", · .", "Select the row before · after"],
    ["Arrows · Shift arrows", "Move by 1 · by 10"],
    ["Ctrl D · Delete", "Duplicate · delete"],
    ["[ · ]", "Turn by 15° left · right"],
    ["G · Alt while dragging", "Snapping on or off · off for now"],
    ["Space and drag · wheel", "Pan · zoom"],
    ["+ · − · 0", "Zoom in · out · whole plan"],
    ["Ctrl S · ?", "Save · this help"],
  ],
});

/** The dialog; show it with showModal(). */
export function helpDialog() {
  const line = (keys, words) => make("div", {}, make("dt", {}, ...keys.split(" · ").flatMap((key, i) => [i ? " " : "", make("kbd", {}, key)])), make("dd", {}, words));
  const tools = TOOLS.map((tool) => line(tool.key.toUpperCase(), tool.label));
  const dialog = make("dialog", { class: "sm-help", "aria-label": "Keyboard commands" });
  const close = make("button", { type: "button", class: "sm-tool", "aria-label": "Close", html: icon("close"), onclick: () => dialog.close() });
  dialog.append(
    make("div", { class: "sm-choice-head" }, make("h2", {}, "Keyboard commands"), close),
    make("div", { class: "sm-help-columns" }, make("dl", {}, ...tools), make("dl", {}, ...HELP.keys.map(([keys, words]) => line(keys, words)))),
  );
  return dialog;
}
