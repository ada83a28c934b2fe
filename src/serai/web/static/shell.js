// What the shell does in the browser. Everything hangs on data attributes, so a page needs no script of its own, and
// listeners sit on the document, so what htmx swaps in later behaves like what was there first.

const TOAST_S = 6;
const COPIED_S = 2;
const root = document.documentElement;

function setTheme(theme) {
  root.dataset.theme = theme;
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.setAttribute("aria-pressed", String(theme === "dark"));
  }
}

function toggleTheme() {
  const next = root.dataset.theme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("serai-theme", next);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  setTheme(next);
}

function remembered() {
  try {
    return localStorage.getItem("serai-theme");
  } catch {
    return null;
  }
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.textContent.trim());
  const label = button.querySelector("[data-copy-label]");
  const before = label.textContent;
  label.textContent = "Copied";
  announce("Copied");
  setTimeout(() => (label.textContent = before), COPIED_S * 1000);
}

function announce(text) {
  document.getElementById("announcer").textContent = text;
}

function selectTab(tab) {
  for (const other of tab.closest("[role=tablist]").querySelectorAll("[role=tab]")) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
  }
}

function moveTab(event) {
  const tabs = [...event.target.closest("[role=tablist]").querySelectorAll("[role=tab]")];
  const at = tabs.indexOf(event.target);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const next = tabs.at(to % tabs.length);
  selectTab(next);
  next.focus();
}

// A moment is written in the reader's own zone unless it belongs to a place.
function localise(scope) {
  for (const time of scope.querySelectorAll("time[data-local]")) {
    const at = new Date(time.dateTime);
    time.textContent = at.toLocaleString(root.lang, { dateStyle: "medium", timeStyle: "short" });
    time.removeAttribute("data-local");
  }
}

function armToasts(scope) {
  for (const toast of scope.querySelectorAll("[data-toast]:not([data-armed])")) {
    toast.dataset.armed = "";
    if (toast.dataset.toast === "stay") continue;
    const leave = () => toast.matches(":hover, :focus-within") ? setTimeout(leave, 1000) : toast.remove();
    setTimeout(leave, TOAST_S * 1000);
  }
}

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  if (at("[data-theme-toggle]")) toggleTheme();
  if (at("[data-opens]")) document.getElementById(at("[data-opens]").dataset.opens).showModal();
  if (at("[data-closes]")) at("dialog").close();
  if (at("[data-copy]")) copy(at("[data-copy]"));
  if (at("[role=tab]")) selectTab(at("[role=tab]"));
  if (at("[data-dismiss]")) at("[data-toast], .notice").remove();
  if (at("[data-fills]")) fill(at("[data-fills]"));
  if (event.target.matches("dialog")) event.target.close();
});

function fill(button) {
  const form = document.getElementById(button.dataset.fills);
  form.elements.namedItem("email").value = button.dataset.email;
  form.elements.namedItem("password").value = button.dataset.password;
  form.requestSubmit();
}

document.addEventListener("keydown", (event) => {
  if (event.target.matches("[role=tab]")) moveTab(event);
});

// Nobody watches a hidden tab, so its polls are held back; the timer runs on and asks once it is looked at again.
document.addEventListener("htmx:before:request", (event) => {
  if (document.hidden && event.target.matches("[data-live]")) event.preventDefault();
});

// A list or programme that was changed in place says what it shows now; one that asks again and again, only news.
const toAnnounce = () => document.querySelector("[data-announce]")?.textContent.trim().replace(/\s+/g, " ");
let announced = toAnnounce();

function announceSwap() {
  const said = toAnnounce();
  if (!said || said === announced) return;
  announced = said;
  announce(said);
}

document.addEventListener("htmx:after:swap", () => {
  localise(document);
  armToasts(document);
  announceSwap();
});

// A form that must be sent once: the second press would be answered by the same attempt, but looks like a mistake.
function sendOnce(event) {
  const form = event.target.closest("form[data-once]");
  const button = form?.querySelector("button[type=submit]");
  if (!button) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "";
  button.setAttribute("aria-disabled", "true");
  const label = button.querySelector("[data-label]");
  if (label && button.dataset.busy) {
    button.dataset.before = label.textContent;
    label.textContent = button.dataset.busy;
  }
}

// A page that comes back from the browser's memory may be sent again.
function freshen() {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    const button = form.querySelector("button[type=submit]");
    button.removeAttribute("aria-disabled");
    if (button.dataset.before) button.querySelector("[data-label]").textContent = button.dataset.before;
  }
}

document.addEventListener("submit", sendOnce);
addEventListener("pageshow", (event) => event.persisted && freshen());
document.querySelector("form [aria-invalid=true]")?.focus();

// What the system prefers may have changed between the first paint and now, or change later.
const dark = matchMedia("(prefers-color-scheme: dark)");
const followSystem = () => remembered() || setTheme(dark.matches ? "dark" : "light");
dark.addEventListener("change", followSystem);

// Where one is stays in sight in a navigation that is wider than the window.
const nav = document.querySelector(".nav");
const here = nav?.querySelector("[aria-current]");
if (here) nav.scrollLeft = here.offsetLeft - (nav.clientWidth - here.offsetWidth) / 2;

setTheme(root.dataset.theme);
followSystem();
localise(document);
armToasts(document);
