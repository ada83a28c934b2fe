/* <plan-editor src="..." save-url="..." save-method="PUT">: draw and change a hall's seating plan.
 *
 * It holds the plan, the history and the selection, and joins tools, inspector and wire. It prevents lost work: every
 * change is one step of undo, leaving the page with unsaved changes asks first, and a refused save keeps everything and
 * shows each fault with its place. Events (bubble): `saved` {plan}, `change` {plan, dirty}. Property `plan` (the document).
 */

import { inLine } from "./choice.js";
import { icon, make } from "./icons.js";
import { Refused, send } from "./live.js";
import { checkPlan, exportPlan, fitSize, importPlan } from "./plan-format.js";
import { HELP, helpDialog } from "./plan-help.js";
import { Inspector } from "./plan-inspector.js";
import { areasOf, duplicate, emptyPlan, moveBy, remove, rotateBy, seatsOf } from "./plan-model.js";
import { beginDrag, drawOverlay, hit, pickedBox, tap, TOOLS } from "./plan-tools.js";
import { boundsOf, toWorld } from "./geometry.js";
import { sceneOf } from "./scene.js";
import { Stage } from "./stage.js";
import { ensureStyles } from "./styles.js";
import { categoryColors } from "./theme.js";

const HISTORY_MAX = 200;
const GRID = 50;

class PlanEditor extends HTMLElement {
  ids = () => crypto.randomUUID();

  async connectedCallback() {
    await ensureStyles();
    if (!this.isConnected || this.stage) return;
    this.classList.add("sm", "sm-editor");
    this.selection = new Set();
    this.options = { gap: 25, rowGap: 30, arc: 0, aisles: [], category: "Standard", labelScheme: "letters", labelFrom: "", numbering: "ltr" };
    this.tool = "select";
    this.snapping = true;
    this.#build();
    this.guard = (event) => this.dirty && event.preventDefault();
    addEventListener("beforeunload", this.guard);
    this.#start(emptyPlan(this.ids));
    if (this.hasAttribute("src")) await this.#load();
  }

  disconnectedCallback() {
    removeEventListener("beforeunload", this.guard);
    this.stage?.destroy();
    this.stage = null;
  }

  /** The document as it would be saved; setting it reads a document and starts anew. */
  get document() {
    return exportPlan(this.plan);
  }

  set document(value) {
    const { plan, errors, warnings } = importPlan(value, this.ids);
    if (plan) this.#start(plan);
    this.#tell([...errors, ...warnings], plan ? "warning" : "error");
  }

  get dirty() {
    return this.plan !== this.clean;
  }

  get scale() {
    return this.stage.view.scale;
  }

  // ---- building

  #build() {
    this.canvas = make("div", { class: "sm-map sm-canvas", tabindex: "0", role: "application", "aria-roledescription": "plan editor", "aria-label": "Plan. Press question mark for the keyboard commands." });
    this.status = make("div", { class: "sm-editor-status" });
    this.spoken = make("div", { class: "sm-hidden", "aria-live": "polite" });
    this.nameInput = make("input", { class: "sm-input sm-editor-name", "aria-label": "Name of the plan", maxlength: "100" });
    this.nameInput.addEventListener("change", () => this.commit({ ...this.plan, name: this.nameInput.value }, "Rename"));
    this.file = make("input", { type: "file", accept: "application/json,.json", hidden: true, "aria-label": "Plan file" });
    this.file.addEventListener("change", () => this.#importFile());
    this.inspector = new Inspector(this);
    this.help = helpDialog();
    const rail = make("div", { class: "sm-rail", role: "toolbar", "aria-label": "Tools", "aria-orientation": "vertical" });
    for (const tool of TOOLS) rail.append(this.#iconButton(tool.icon, `${tool.label} (${tool.key.toUpperCase()})`, () => this.setTool(tool.name), { "data-tool": tool.name }));
    this.rail = rail;
    const body = make("div", { class: "sm-editor-body" }, rail, make("div", { class: "sm-editor-stage" }, this.canvas, this.status), this.inspector.element);
    this.replaceChildren(make("div", { class: "sm-frame sm-editor-frame" }, this.#topBar(), body), this.help, this.file, this.spoken);
    this.stage = new Stage(this.canvas, {
      padding: 40,
      look: (seat) => ({ look: seat.accessible ? "accessible" : "available", color: this.colors.get(seat.category) ?? "#888888" }),
      overlay: (ctx, view, theme) => void drawOverlay(this, ctx, theme),
      backdrop: (ctx, rect, theme) => this.#backdrop(ctx, rect, theme),
      tap: (point, event) => tap(this, point, event),
      hover: (point) => this.#hover(point),
      drag: (point, event) => beginDrag(this, point, event),
      view: () => this.#showStatus(),
      theme: () => this.plan && this.inspector.render(),
    });
    this.stage.refreshTheme();
    this.addEventListener("keydown", (event) => this.#key(event));
    this.addEventListener("keyup", (event) => event.key === " " && this.#pan(false));
    this.setTool("select");
  }

  #iconButton(name, label, onclick, more = {}) {
    return make("button", { type: "button", class: "sm-tool", "aria-label": label, title: label, html: icon(name), onclick, ...more });
  }

  #topBar() {
    this.undoButton = this.#iconButton("undo", "Undo (Ctrl+Z)", () => this.undo());
    this.redoButton = this.#iconButton("redo", "Redo (Ctrl+Shift+Z)", () => this.redo());
    this.snapButton = this.#iconButton("magnet", "Snap to seats (G)", () => this.#toggleSnap(), { "aria-pressed": "true" });
    this.saveButton = make("button", { type: "button", class: "sm-button sm-button-main", html: `${icon("save")}<span>Save</span>`, onclick: () => this.save() });
    this.saveState = make("span", { class: "sm-save-state", role: "status" });
    const group = (...items) => make("div", { class: "sm-tool-group" }, ...items);
    return make(
      "div",
      { class: "sm-bar sm-editor-bar" },
      this.nameInput,
      group(this.undoButton, this.redoButton, this.snapButton),
      group(
        this.#iconButton("import", "Import a plan", () => this.file.click()),
        this.#iconButton("export", "Export this plan", () => this.#exportFile()),
        this.#iconButton("help", "Keyboard commands (?)", () => this.help.showModal()),
      ),
      this.saveState,
      this.saveButton,
    );
  }

  #backdrop(ctx, rect, theme) {
    const { width, height } = this.plan.size;
    ctx.fillStyle = theme.paper;
    ctx.fillRect(0, 0, width, height);
    ctx.strokeStyle = theme.line;
    ctx.lineWidth = 1 / this.scale;
    ctx.strokeRect(0, 0, width, height);
    if (GRID * this.scale < 14) return;
    ctx.fillStyle = theme.grid;
    const dot = 1.6 / this.scale;
    const from = (value) => Math.max(GRID, Math.ceil(value / GRID) * GRID);
    for (let x = from(rect.x); x < Math.min(rect.x + rect.width, width); x += GRID) {
      for (let y = from(rect.y); y < Math.min(rect.y + rect.height, height); y += GRID) ctx.fillRect(x - dot / 2, y - dot / 2, dot, dot);
    }
  }

  // ---- plan, history, selection

  #start(plan) {
    this.past = [];
    this.future = [];
    this.plan = plan;
    this.clean = plan;
    this.zoneId = plan.zones[0]?.uuid;
    this.options.category = plan.categories[0]?.name ?? "Standard";
    this.selection = new Set();
    this.#rebuild(false);
  }

  /** Take a new plan as one step of undo; `added` becomes the selection. */
  commit(plan, label, added) {
    if (plan === this.plan) return;
    this.past.push({ plan: this.plan, label, selection: this.selection });
    if (this.past.length > HISTORY_MAX) this.past.shift();
    this.future = [];
    this.plan = fitSize(plan);
    if (added) this.selection = new Set(added);
    this.#rebuild(true);
    this.#changed(`${label}. ${this.#selectionWords()}`);
  }

  undo() {
    this.#travel(this.past, this.future, "Undone");
  }

  redo() {
    this.#travel(this.future, this.past, "Done again");
  }

  #travel(from, to, word) {
    const step = from.pop();
    if (!step) return;
    to.push({ plan: this.plan, label: step.label, selection: this.selection });
    this.plan = step.plan;
    this.selection = step.selection;
    this.#rebuild(true);
    this.#changed(`${word}: ${step.label}`);
  }

  #changed(words) {
    this.spoken.textContent = words;
    this.dispatchEvent(new CustomEvent("change", { bubbles: true, detail: { plan: this.plan, dirty: this.dirty } }));
  }

  #rebuild(keepView) {
    this.colors = categoryColors(this.plan.categories);
    const { width, height } = this.plan.size;
    this.scene = sceneOf(seatsOf(this.plan), areasOf(this.plan), [{ x: 0, y: 0 }, { x: width, y: height }]);
    const alive = new Set([...this.scene.seats.map((seat) => seat.id), ...this.scene.areas.map((area) => area.uuid)]);
    this.selection = new Set([...this.selection].filter((id) => alive.has(id)));
    this.stage.setScene(this.scene, { keepView });
    this.messages = checkPlan(this.plan);
    this.refresh();
  }

  /** Inspector, buttons and status follow what is so. */
  refresh() {
    this.nameInput.value = this.plan.name;
    this.undoButton.disabled = !this.past.length;
    this.redoButton.disabled = !this.future.length;
    this.saveState.textContent = this.dirty ? "Unsaved changes" : "";
    this.saveButton.disabled = !this.hasAttribute("save-url");
    this.inspector.render();
    this.#showStatus();
    this.redraw();
  }

  redraw() {
    this.stage.renderer.invalidateOverlay();
  }

  /** Select ids; `add` keeps what was selected, `toggle` takes away what is already in. */
  select(ids, add = false, toggle = false) {
    const next = new Set(add ? this.selection : []);
    const all = toggle && add && ids.every((id) => next.has(id));
    for (const id of ids) all ? next.delete(id) : next.add(id);
    this.selection = next;
    this.spoken.textContent = this.#selectionWords();
    this.inspector.render();
    this.#showStatus();
    this.redraw();
  }

  selectedSeats() {
    return this.scene.seats.filter((seat) => this.selection.has(seat.id));
  }

  #selectionWords() {
    const seats = this.selectedSeats().length;
    const areas = this.selection.size - seats;
    if (!this.selection.size) return "Nothing selected";
    return [seats && `${seats} ${seats === 1 ? "seat" : "seats"}`, areas && `${areas} ${areas === 1 ? "area" : "areas"}`].filter(Boolean).join(" and ") + " selected";
  }

  /** All seats of the row of a seat. */
  rowOf(id) {
    const { rowId } = this.scene.seats.find((seat) => seat.id === id);
    return this.scene.seats.filter((seat) => seat.rowId === rowId).map((seat) => seat.id);
  }

  placed = (plan) => seatsOf(plan);
  world = (screen) => toWorld(this.stage.view, screen);

  /** How new rows are to be, in the words of plan-model. */
  drawingOptions() {
    const { gap, rowGap, arc, aisles, category, labelScheme, labelFrom, numbering } = this.options;
    const labels = labelFrom ? { scheme: labelScheme, from: labelFrom } : undefined;
    return { zoneId: this.zoneId, gap, rowGap, arc, aisles, category, labels, numbering: { scheme: numbering } };
  }

  // ---- commands

  setTool(name) {
    this.tool = name;
    this.canvas.dataset.tool = name;
    for (const button of this.rail.children) button.setAttribute("aria-pressed", String(button.dataset.tool === name));
    if (this.scene) this.#showStatus();
    if (this.scene) this.redraw();
  }

  #toggleSnap() {
    this.snapping = !this.snapping;
    this.snapButton.setAttribute("aria-pressed", String(this.snapping));
  }

  removeSelected() {
    this.commit(remove(this.plan, this.selection), "Delete", []);
  }

  duplicateSelected() {
    if (!this.selection.size) return;
    const { plan, added } = duplicate(this.plan, this.selection, this.options.gap, this.options.rowGap, this.ids);
    this.commit(plan, "Duplicate", added);
  }

  rotateSelected(degrees) {
    const box = pickedBox(this);
    if (box) this.commit(rotateBy(this.plan, this.selection, degrees, { x: box.x + box.width / 2, y: box.y + box.height / 2 }), "Rotate");
  }

  #nudge(dx, dy) {
    if (this.selection.size) this.commit(moveBy(this.plan, this.selection, dx, dy), "Move");
  }

  /* The keyboard's way to a row: one after the other, front to back. */
  #stepRow(by) {
    if (!this.scene.rows.length) return;
    const now = this.scene.rows.findIndex((row) => row.seats.some((seat) => this.selection.has(seat.id)));
    const row = this.scene.rows.at((now + by) % this.scene.rows.length);
    this.select(row.seats.map((seat) => seat.id));
    this.stage.reveal(inLine(row.seats)[0]);
    this.spoken.textContent = `Row ${row.label}, ${row.seats.length} seats selected`;
  }

  /** Look at a message's place. */
  showMessage(message) {
    if (message.ids?.length) this.select(message.ids);
    if (message.at) this.stage.showRect(boundsOf([message.at], 140));
  }

  #hover(point) {
    this.pointer = point;
    this.canvas.dataset.over = String(Boolean(point && this.tool === "select" && hit(this, point)));
    if (this.tool === "aisle") this.redraw();
  }

  #pan(on) {
    this.panning = on;
    this.canvas.dataset.pan = String(on);
  }

  #key(event) {
    const typing = event.target.matches("input, select, textarea, dialog *");
    const command = event.ctrlKey || event.metaKey;
    const name = `${command ? "ctrl+" : ""}${event.shiftKey && event.key.length > 1 ? "shift+" : ""}${event.key.toLowerCase()}`;
    if (typing && name !== "ctrl+s") return;
    if (event.target.matches("button") && (name === " " || name === "enter")) return;
    const shifted = command && event.shiftKey && name === "ctrl+z" ? "ctrl+y" : name;
    const action = this.#commands()[shifted];
    if (!action) return;
    event.preventDefault();
    action();
  }

  #commands() {
    const tools = Object.fromEntries(TOOLS.map(({ key, name }) => [key, () => this.setTool(name)]));
    const arrows = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };
    const nudges = Object.entries(arrows).flatMap(([key, [x, y]]) => [
      [key, () => this.#nudge(x, y)],
      [`shift+${key}`, () => this.#nudge(x * 10, y * 10)],
    ]);
    return {
      ...tools,
      ...Object.fromEntries(nudges),
      " ": () => this.#pan(true),
      delete: () => this.removeSelected(),
      backspace: () => this.removeSelected(),
      escape: () => (this.tool === "select" ? this.select([]) : this.setTool("select")),
      "ctrl+z": () => this.undo(),
      "ctrl+y": () => this.redo(),
      "ctrl+d": () => this.duplicateSelected(),
      "ctrl+a": () => this.select(this.scene.seats.map((seat) => seat.id)),
      "ctrl+s": () => this.save(),
      "[": () => this.rotateSelected(-15),
      "]": () => this.rotateSelected(15),
      ".": () => this.#stepRow(1),
      ",": () => this.#stepRow(-1),
      g: () => this.#toggleSnap(),
      "+": () => this.stage.zoomBy(1.6),
      "=": () => this.stage.zoomBy(1.6),
      "-": () => this.stage.zoomBy(1 / 1.6),
      0: () => this.stage.fit(true),
      "?": () => this.help.showModal(),
    };
  }

  // ---- files and the wire

  async #load() {
    try {
      const { body } = await send("GET", this.getAttribute("src"));
      this.document = body;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status !== 404) this.#tell([error.message], "error");
    }
  }

  async save() {
    if (!this.hasAttribute("save-url")) return;
    const plan = this.plan;
    this.saveState.textContent = "Saving…";
    try {
      const { body } = await send(this.getAttribute("save-method") ?? "PUT", this.getAttribute("save-url"), exportPlan(plan));
      this.clean = plan;
      this.refresh();
      this.saveState.textContent = this.dirty ? "Unsaved changes" : "Saved";
      this.dispatchEvent(new CustomEvent("saved", { bubbles: true, detail: { plan, answer: body } }));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.refresh();
      const fields = (error.problem.errors ?? []).map(({ field, message }) => `${field}: ${message}`);
      this.#tell([`Not saved. ${error.message}`, ...fields], "error");
    }
  }

  #tell(lines, level) {
    this.inspector.notices = lines.map((text) => ({ level, text, at: null, ids: [] }));
    this.inspector.render();
    if (lines.length) this.spoken.textContent = lines[0];
  }

  async #importFile() {
    const [file] = this.file.files;
    this.file.value = "";
    if (!file || (this.dirty && !confirm("Replace the plan? Unsaved changes would be lost."))) return;
    try {
      this.document = JSON.parse(await file.text());
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#tell([`${file.name} is not JSON: ${error.message}`], "error");
    }
  }

  #exportFile() {
    const link = make("a", { download: `${this.plan.name || "plan"}.json`, href: URL.createObjectURL(new Blob([JSON.stringify(this.document, null, 1)], { type: "application/json" })) });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  #showStatus() {
    if (!this.plan || !this.scene) return;
    const tool = TOOLS.find((one) => one.name === this.tool);
    const parts = [`${this.scene.seats.length.toLocaleString()} seats`, this.#selectionWords(), `${Math.round(this.scale * 100)} %`, HELP.hints[tool.name]];
    this.status.replaceChildren(...parts.map((text) => make("span", {}, text)));
  }
}

customElements.define("plan-editor", PlanEditor);
