/* What the colours and the shapes mean. A category is also a filter: pressed, it dims all others on the map. */

import { formatMoney } from "./choice.js";
import { make } from "./icons.js";
import { drawSeat } from "./seat-shape.js";

export const STATE_NAMES = Object.freeze({
  available: "Available",
  selected: "Your choice",
  yours: "Yours",
  held: "Held by someone",
  booked: "Booked",
  blocked: "Not for sale",
  accessible: "Wheelchair place",
});
const SWATCH_PX = 18;

/** A seat of that look as a small picture. */
export function swatch(look, color, theme, size = SWATCH_PX) {
  const canvas = make("canvas", { class: "sm-swatch", "aria-hidden": "true" });
  const ratio = devicePixelRatio || 1;
  const side = size * 1.25;
  canvas.width = canvas.height = Math.round(side * ratio);
  canvas.style.width = canvas.style.height = `${side}px`;
  drawSeat(canvas.getContext("2d"), look, color, canvas.width / 2, canvas.height / 2, size * ratio * 0.92, theme);
  return canvas;
}

/** [{name, color, low, high, free}] of a show's seats, dearest first; prices in minor units of their currency. */
export function categoriesOf(seats, colors, isFree) {
  const found = new Map();
  for (const seat of seats) {
    const entry = found.get(seat.category) ?? { name: seat.category, color: colors.get(seat.category), low: seat.price, high: seat.price, free: 0, accessible: Boolean(seat.accessible) };
    if (seat.price.amount < entry.low.amount) entry.low = seat.price;
    if (seat.price.amount > entry.high.amount) entry.high = seat.price;
    if (isFree(seat)) entry.free += 1;
    entry.accessible &&= Boolean(seat.accessible);
    found.set(seat.category, entry);
  }
  return [...found.values()].sort((a, b) => b.high.amount - a.high.amount);
}

export function priceText({ low, high }, locale) {
  return low.amount === high.amount ? formatMoney(low, locale) : `${formatMoney(low, locale)} – ${formatMoney(high, locale)}`;
}

/** The category buttons; `pick(name|null)` is called when the filter changes. */
export function categoryLegend(categories, { theme, locale, active, pick }) {
  const list = make("ul", { class: "sm-categories", "aria-label": "Prices" });
  for (const category of categories) {
    const pressed = active === category.name;
    const button = make(
      "button",
      { type: "button", class: "sm-category", "aria-pressed": String(pressed), "data-category": category.name, onclick: () => pick(pressed ? null : category.name) },
      swatch(category.accessible ? "accessible" : "available", category.color, theme),
      make("span", { class: "sm-category-name" }, category.name),
      make("span", { class: "sm-category-price" }, priceText(category, locale)),
    );
    list.append(make("li", {}, button));
  }
  return list;
}

/** The states that occur, each with its picture. */
export function stateLegend(looks, color, theme) {
  const list = make("ul", { class: "sm-states", "aria-label": "Meaning of the seats" });
  for (const look of looks) list.append(make("li", {}, swatch(look, color, theme, 15), STATE_NAMES[look]));
  return list;
}
