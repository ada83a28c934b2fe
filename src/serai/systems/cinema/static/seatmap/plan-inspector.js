/* The editor's right side: what is selected and may be changed about it; else the plan, its categories and new rows. */

import { icon, make } from "./icons.js";
import { swatch } from "./legend.js";
import { addBlock, addZone, BLOCK_SIDE_MAX, changeAreas, changeCategory, isAccessible, renumberRows, renumberSeats, reshapeRows, setAccessible, setCategory } from "./plan-model.js";
import { baseCategory } from "./theme.js";

const NUMBERINGS = [["ltr", "Left to right"], ["rtl", "Right to left"], ["odd-even", "Odd left, even right"]];
const LABELS = [["letters", "A, B, C"], ["numbers", "1, 2, 3"]];
const MESSAGES_SHOWN_MAX = 30;

export class Inspector {
  constructor(editor) {
    this.editor = editor;
    this.notices = [];
    this.element = make("aside", { class: "sm-inspector", "aria-label": "Properties" });
  }

  render() {
    const { editor } = this;
    if (!editor.stage.theme) return;
    const focused = this.element.contains(document.activeElement) ? document.activeElement.getAttribute("name") : null;
    const seats = editor.selectedSeats();
    const areas = editor.scene.areas.filter((area) => editor.selection.has(area.uuid));
    const parts = editor.selection.size ? [this.#selected(seats, areas)] : [this.#newRows(), this.#categories(), this.#zones(), this.#size()];
    this.element.replaceChildren(...parts.flat().filter(Boolean), this.#messages());
    if (focused) this.element.querySelector(`[name="${CSS.escape(focused)}"]`)?.focus();
  }

  // ---- small parts

  #section(title, ...children) {
    return make("section", { class: "sm-section" }, make("h2", {}, title), ...children);
  }

  #field(label, input) {
    return make("label", { class: "sm-field" }, make("span", {}, label), input);
  }

  #number(name, value, onchange, { min = 0, max = 1000, step = 1 } = {}) {
    const input = make("input", { class: "sm-input", type: "number", name, value, min, max, step });
    input.addEventListener("change", () => {
      const number = Math.min(Math.max(Number(input.value) || 0, min), max);
      input.value = String(number);
      onchange(number);
    });
    return input;
  }

  #select(name, options, value, onchange = () => {}) {
    const select = make("select", { class: "sm-select", name }, ...options.map(([key, words]) => make("option", { value: key }, words)));
    select.value = value;
    select.addEventListener("change", () => onchange(select.value));
    return select;
  }

  #button(words, onclick, name = "", more = {}) {
    return make("button", { type: "button", class: "sm-button sm-button-quiet", onclick, html: `${name ? icon(name) : ""}<span>${words}</span>`, ...more });
  }

  #pair(...children) {
    return make("div", { class: "sm-pair" }, ...children);
  }

  #categoryOptions() {
    return this.editor.plan.categories.filter(({ name }) => !(isAccessible(name) && baseCategory(name) !== name)).map(({ name }) => [name, name]);
  }

  // ---- with a selection

  #selected(seats, areas) {
    const { editor } = this;
    const title = [seats.length && `${seats.length} ${seats.length === 1 ? "seat" : "seats"}`, areas.length && `${areas.length} ${areas.length === 1 ? "area" : "areas"}`].filter(Boolean).join(", ");
    const actions = make(
      "div",
      { class: "sm-actions" },
      this.#button("Duplicate", () => editor.duplicateSelected(), "copy"),
      this.#button("Delete", () => editor.removeSelected(), "trash"),
      this.#button("−15°", () => editor.rotateSelected(-15), "", { "aria-label": "Turn left by 15 degrees" }),
      this.#button("+15°", () => editor.rotateSelected(15), "", { "aria-label": "Turn right by 15 degrees" }),
    );
    return [this.#section(title, actions), ...(seats.length ? this.#seatSections(seats) : []), ...(areas.length ? [this.#area(areas)] : [])];
  }

  #seatSections(seats) {
    const { editor } = this;
    const bases = [...new Set(seats.map((seat) => baseCategory(seat.category)))];
    const options = [...(bases.length > 1 ? [["", "Several"]] : []), ...this.#categoryOptions()];
    const category = this.#select("category", options, bases.length > 1 ? "" : bases[0], (name) => name && editor.commit(setCategory(editor.plan, editor.selection, name), "Set category"));
    const wheel = make("input", { type: "checkbox", name: "wheelchair" });
    wheel.checked = seats.every((seat) => seat.accessible);
    wheel.indeterminate = !wheel.checked && seats.some((seat) => seat.accessible);
    wheel.addEventListener("change", () => editor.commit(setAccessible(editor.plan, editor.selection, wheel.checked), "Set wheelchair places"));
    return [
      this.#section("Category", this.#field("Price category", category), make("label", { class: "sm-check" }, wheel, make("span", { html: icon("wheelchair") }), "Wheelchair place")),
      this.#rowNames(seats),
      this.#seatNumbers(),
      this.#shape(seats),
    ];
  }

  #rowNames(seats) {
    const { editor } = this;
    const rows = new Set(seats.map((seat) => seat.rowId)).size;
    const scheme = this.#select("row-scheme", LABELS, "letters");
    const from = make("input", { class: "sm-input", name: "row-from", placeholder: "A or 1", maxlength: "6" });
    const order = this.#select("row-order", [["front", "From the front"], ["back", "From the back"]], "front");
    const apply = () => {
      const named = renumberRows(editor.plan, editor.selection, { scheme: scheme.value, from: from.value.trim(), reverse: order.value === "back" });
      editor.commit(named, "Name rows");
    };
    return this.#section(rows === 1 ? `Row ${seats[0].row}` : `${rows} rows`, this.#pair(this.#field("Names", scheme), this.#field("First", from)), this.#field("Order", order), this.#button("Name rows", apply));
  }

  #seatNumbers() {
    const { editor } = this;
    const scheme = this.#select("seat-scheme", NUMBERINGS, "ltr");
    const start = this.#number("seat-start", 1, () => {}, { min: 0, max: 9999 });
    const apply = () => editor.commit(renumberSeats(editor.plan, editor.selection, { scheme: scheme.value, start: Number(start.value) }), "Number seats");
    return this.#section("Seat numbers", this.#pair(this.#field("Direction", scheme), this.#field("First", start)), this.#button("Number seats", apply));
  }

  #shape(seats) {
    const { editor } = this;
    if (seats.length < 2) return null;
    const gap = this.#number("shape-gap", editor.options.gap, () => {}, { min: 5, max: 200 });
    const arc = this.#number("shape-arc", editor.options.arc, () => {}, { min: -180, max: 180 });
    const apply = () => editor.commit(reshapeRows(editor.plan, editor.selection, { gap: Number(gap.value), arc: Number(arc.value) }), "Shape rows");
    return this.#section("Shape of the rows", this.#pair(this.#field("Spacing", gap), this.#field("Arc in degrees", arc)), this.#button("Shape rows", apply));
  }

  #area(areas) {
    const { editor } = this;
    const [area] = areas;
    const set = (fields, label) => editor.commit(changeAreas(editor.plan, editor.selection, fields), label);
    const words = make("input", { class: "sm-input", name: "area-text", value: area.text?.text ?? "", maxlength: "190" });
    words.addEventListener("change", () => set({ text: { position: { x: 0, y: 0 }, ...area.text, text: words.value } }, "Write text"));
    const color = make("input", { type: "color", name: "area-color", value: /^#[0-9a-f]{6}$/i.test(area.color ?? "") ? area.color : "#d9d4ca" });
    color.addEventListener("change", () => set({ color: color.value }, "Set colour"));
    const fields = [this.#field("Text", words), this.#field("Text size", this.#number("area-size", area.text?.size ?? 16, (size) => set({ text: { position: { x: 0, y: 0 }, text: "", ...area.text, size } }, "Set text size"), { min: 6, max: 200 }))];
    if (area.shape !== "text") fields.push(this.#field("Colour", color));
    if (area.rectangle) {
      const resize = (side) => (value) => {
        const rectangle = { ...area.rectangle, [side]: value };
        set({ rectangle, text: area.text && { ...area.text, position: { x: rectangle.width / 2, y: rectangle.height / 2 } } }, "Resize");
      };
      fields.push(this.#pair(this.#field("Width", this.#number("area-width", area.rectangle.width, resize("width"), { min: 1, max: 10000 })), this.#field("Height", this.#number("area-height", area.rectangle.height, resize("height"), { min: 1, max: 10000 }))));
    }
    return areas.length === 1 ? this.#section("Area", ...fields) : null;
  }

  // ---- without a selection

  #newRows() {
    const { editor } = this;
    const { options } = editor;
    const keep = (name) => (value) => (options[name] = value);
    const rows = this.#number("block-rows", options.rows ?? 10, keep("rows"), { min: 1, max: BLOCK_SIDE_MAX });
    const seats = this.#number("block-seats", options.seats ?? 16, keep("seats"), { min: 1, max: BLOCK_SIDE_MAX });
    const aisles = make("input", { class: "sm-input", name: "block-aisles", value: options.aisles.join(", "), placeholder: "such as 4, 12" });
    aisles.addEventListener("change", () => (options.aisles = aisles.value.split(/[^0-9]+/).map(Number).filter(Boolean)));
    const first = make("input", { class: "sm-input", name: "block-from", value: options.labelFrom, placeholder: "next", maxlength: "6" });
    first.addEventListener("change", () => (options.labelFrom = first.value.trim()));
    return this.#section(
      "New rows",
      this.#pair(this.#field("Rows", rows), this.#field("Seats in each", seats)),
      this.#pair(this.#field("Seat spacing", this.#number("gap", options.gap, keep("gap"), { min: 5, max: 200 })), this.#field("Row spacing", this.#number("row-gap", options.rowGap, keep("rowGap"), { min: 5, max: 300 }))),
      this.#pair(this.#field("Arc in degrees", this.#number("arc", options.arc, keep("arc"), { min: -180, max: 180 })), this.#field("Aisles after seat", aisles)),
      this.#pair(this.#field("Row names", this.#select("label-scheme", LABELS, options.labelScheme, keep("labelScheme"))), this.#field("First name", first)),
      this.#pair(this.#field("Category", this.#select("new-category", this.#categoryOptions(), options.category, keep("category"))), this.#field("Numbers", this.#select("numbering", NUMBERINGS, options.numbering, keep("numbering")))),
      this.#button("Add this block", () => this.#addBlock(Number(rows.value), Number(seats.value)), "block"),
    );
  }

  /* Below what is there, else in the upper middle of the plan. */
  #addBlock(rows, seats) {
    const { editor } = this;
    const lowest = Math.max(...editor.scene.seats.map((seat) => seat.y), 60);
    const at = { x: editor.plan.size.width / 2, y: editor.scene.seats.length ? lowest + editor.options.rowGap * 2 : 160 };
    const { plan, added } = addBlock(editor.plan, { ...editor.drawingOptions(), at, rows, seats }, editor.ids);
    editor.commit(plan, "Add block", added);
  }

  #categories() {
    const { editor } = this;
    const counts = Map.groupBy(editor.scene.seats, (seat) => seat.category);
    const lines = editor.plan.categories.map((category) => {
      const color = make("input", { type: "color", "aria-label": `Colour of ${category.name}`, value: editor.colors.get(category.name) });
      color.addEventListener("change", () => editor.commit(changeCategory(editor.plan, category.name, { name: category.name, color: color.value }), "Set colour"));
      const name = make("input", { class: "sm-input", "aria-label": "Name of the category", value: category.name, maxlength: "100" });
      name.addEventListener("change", () => this.#rename(category, name));
      const used = counts.get(category.name)?.length ?? 0;
      const gone = make("button", { type: "button", class: "sm-tool", "aria-label": `Remove ${category.name}`, html: icon("close"), onclick: () => editor.commit(changeCategory(editor.plan, category.name, null), "Remove category") });
      gone.disabled = used > 0 || editor.plan.categories.length === 1;
      return make("li", {}, color, name, make("span", { class: "sm-count" }, String(used)), gone);
    });
    const add = () => {
      const color = [...editor.colors.values()].length;
      editor.commit(changeCategory(editor.plan, null, { name: `Category ${color + 1}` }), "Add category");
    };
    return this.#section("Categories", make("ul", { class: "sm-lines" }, ...lines), this.#button("Add category", add, "plus"));
  }

  #rename(category, input) {
    const { editor } = this;
    const name = input.value.trim();
    if (!name || editor.plan.categories.some((one) => one.name === name)) {
      input.value = category.name;
      return;
    }
    if (editor.options.category === category.name) editor.options.category = name;
    editor.commit(changeCategory(editor.plan, category.name, { name }), "Rename category");
  }

  #zones() {
    const { editor } = this;
    const lines = editor.plan.zones.map((zone) => {
      const active = make("input", { type: "radio", name: "zone", "aria-label": `Draw in ${zone.name}` });
      active.checked = zone.uuid === editor.zoneId;
      active.addEventListener("change", () => (editor.zoneId = zone.uuid));
      const name = make("input", { class: "sm-input", "aria-label": "Name of the zone", value: zone.name ?? "", maxlength: "100" });
      name.addEventListener("change", () => editor.commit({ ...editor.plan, zones: editor.plan.zones.map((one) => (one === zone ? { ...zone, name: name.value } : one)) }, "Rename zone"));
      return make("li", {}, active, name, make("span", { class: "sm-count" }, String(zone.rows.reduce((sum, row) => sum + row.seats.length, 0))));
    });
    const add = () => {
      const plan = addZone(editor.plan, `Zone ${editor.plan.zones.length + 1}`, editor.ids);
      editor.zoneId = plan.zones.at(-1).uuid;
      editor.commit(plan, "Add zone");
    };
    return this.#section("Zones", make("ul", { class: "sm-lines" }, ...lines), this.#button("Add zone", add, "plus"));
  }

  #size() {
    const { editor } = this;
    const set = (side) => (value) => editor.commit({ ...editor.plan, size: { ...editor.plan.size, [side]: value } }, "Resize the plan");
    const { width, height } = editor.plan.size;
    return this.#section("Size of the plan", this.#pair(this.#field("Width", this.#number("width", width, set("width"), { min: 100, max: 20000 })), this.#field("Height", this.#number("height", height, set("height"), { min: 100, max: 20000 }))));
  }

  #messages() {
    const { editor } = this;
    const all = [...this.notices, ...editor.messages];
    const lines = all.slice(0, MESSAGES_SHOWN_MAX).map((message) =>
      make("li", { "data-level": message.level }, make("button", { type: "button", onclick: () => editor.showMessage(message), html: icon("warn") }, make("span", {}, message.text))),
    );
    if (!lines.length) lines.push(make("li", { "data-level": "good", html: `${icon("check")}<span>The plan is complete.</span>` }));
    return this.#section("Check", make("ul", { class: "sm-messages", "aria-label": "Messages" }, ...lines), swatchRow(editor));
  }
}

/* The categories' colours as the buyer will see them. */
function swatchRow(editor) {
  const row = make("div", { class: "sm-swatches", "aria-hidden": "true" });
  for (const { name } of editor.plan.categories) row.append(swatch(isAccessible(name) ? "accessible" : "available", editor.colors.get(name), editor.stage.theme, 16));
  return row;
}
