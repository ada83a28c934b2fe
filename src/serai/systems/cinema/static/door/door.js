/* The check-in page: joins the field, the camera, the desk that decides and the view that shows. */

import { Camera, canScan } from "./camera.js";
import { Desk } from "./desk.js";
import { Memory } from "./memory.js";
import { canVerify } from "./token.js";
import { View } from "./view.js";

const REFRESH_MS = 5_000;
const DEVICE = /^[!-~]+( [!-~]+)*$/;
const DEVICE_CHARS_MAX = 80;

const root = document.getElementById("door");
const data = JSON.parse(document.getElementById("door-data").textContent);
const view = new View(root, data.zone);
const field = view.part("code");
const form = view.part("form");

const memory = await Memory.open().catch(() => null);
const device = await deviceName();
const desk = new Desk({ data, device, memory, able: await canVerify(), changed: () => view.figures(desk) });
await desk.restore();

// ---- scanning: one after the other, in the order in which they came

let line = Promise.resolve();

function scan(text) {
  if (!text.trim()) return;
  line = line.then(async () => view.answer(await desk.scan(text)));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  scan(field.value);
  field.value = "";
  field.focus();
});

/* A hand scanner types wherever the focus is: what is typed beside the field belongs into it. */
document.addEventListener("keydown", (event) => {
  const elsewhere = event.target.closest("input, textarea, select, button, a, [contenteditable], summary");
  if (elsewhere || event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return;
  field.focus();
});

// ---- camera

const camera = new Camera(view.part("video"), scan);

async function toggleCamera() {
  const box = view.part("camera");
  const on = box.hidden;
  try {
    if (on) await camera.start();
    else camera.stop();
    showCamera(on);
    if (!on) field.focus();
  } catch (error) {
    camera.stop();
    showCamera(false);
    view.part("camera-words").textContent = error.name === "NotAllowedError" ? "The camera is not allowed. Allow it in the browser’s settings, or use a hand scanner." : "No camera answers. Use a hand scanner or the keyboard.";
  }
}

function showCamera(on) {
  view.part("camera").hidden = !on;
  view.part("camera-button").setAttribute("aria-pressed", String(on));
  view.part("camera-label").textContent = on ? "Stop camera" : "Use camera";
  view.part("camera-words").textContent = "";
}

if (await canScan()) {
  view.part("camera-button").hidden = false;
  view.part("camera-button").addEventListener("click", toggleCamera);
} else view.part("camera-words").textContent = "This browser cannot read codes with its camera; a hand scanner or the keyboard can.";

// ---- this device

async function deviceName() {
  const kept = memory && (await memory.get("settings", "device"));
  if (kept) return kept.value;
  const value = `Door ${[...crypto.getRandomValues(new Uint8Array(2))].map((byte) => byte.toString(16).padStart(2, "0")).join("").toUpperCase()}`;
  await memory?.put("settings", { name: "device", value });
  return value;
}

const name = view.part("device");
name.value = device;
name.addEventListener("change", async () => {
  const value = name.value.trim();
  if (!DEVICE.test(value) || value.length > DEVICE_CHARS_MAX) {
    name.value = desk.device;
    return;
  }
  desk.device = value;
  await memory?.put("settings", { name: "device", value });
});

view.part("forget").addEventListener("click", () => desk.forgetFaults());

// ---- the network

async function keepFresh() {
  if (!document.hidden) await desk.refresh();
  setTimeout(keepFresh, REFRESH_MS);
}

addEventListener("online", () => desk.refresh());
addEventListener("offline", () => desk.cutOff());
document.addEventListener("visibilitychange", () => document.hidden || desk.refresh());

/* The page itself must open again without a network: a phone drops pages that it does not show. */
async function keepPage() {
  if (!navigator.serviceWorker) return;
  await navigator.serviceWorker.register("/cinema/door/worker.js");
  const { active } = await navigator.serviceWorker.ready;
  const files = performance.getEntriesByType("resource").map((entry) => entry.name).filter((address) => new URL(address).pathname.startsWith("/static/"));
  active.postMessage({ page: location.href, files: [...new Set(files)] });
}

root.dataset.ready = "";
field.disabled = false;
if (!matchMedia("(pointer: coarse)").matches) field.focus();
keepFresh();
await keepPage();
