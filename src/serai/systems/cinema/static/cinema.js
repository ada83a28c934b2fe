// What the cinema's pages do in the browser beyond links and forms. Everything works without it; it only spares the
// buyer a wait, a second press, or a wrong clock.

const DRIFT_MS = 2_000;

/* A form that must be sent once: the second press would be answered by the same attempt, but looks like a mistake. */
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

/* A page that comes back from the browser's memory may be sent again. */
function freshen() {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    const button = form.querySelector("button[type=submit]");
    button.removeAttribute("aria-disabled");
    if (button.dataset.before) button.querySelector("[data-label]").textContent = button.dataset.before;
  }
}

/* The server's clock decides when a hold ends: the countdown is told by how much this device's clock is off. */
function setClock() {
  const offset = (element) => Date.parse(element.dataset.now) - Date.now();
  for (const element of document.querySelectorAll("hold-countdown[data-now]")) {
    if (Math.abs(offset(element)) > DRIFT_MS) element.setAttribute("clock-offset-ms", String(offset(element)));
  }
}

document.addEventListener("submit", sendOnce);
document.addEventListener("expired", (event) => {
  if (event.target.localName === "hold-countdown") location.reload();
});
addEventListener("pageshow", (event) => event.persisted && freshen());

setClock();
document.querySelector("form[data-submits]")?.requestSubmit();
const waiting = document.querySelector("[data-reload-after]");
if (waiting) setTimeout(() => location.replace(location.pathname), waiting.dataset.reloadAfter * 1000);
for (const bad of document.querySelectorAll("#pay [aria-invalid=true], #wait [aria-invalid=true]")) {
  bad.focus();
  break;
}

/* The waiting list shows itself when seats run short: to all once none is free, else to those whose party is larger. */
const wait = document.getElementById("wait");
let searched = false;

function offerList(free) {
  const sold = free === 0;
  for (const words of wait.querySelectorAll("[data-free]")) words.hidden = (words.dataset.free === "none") !== sold;
  if (sold && (wait.hidden || wait.dataset.soldOut === undefined)) wait.open = true;
  if (sold) wait.dataset.soldOut = "";
  else delete wait.dataset.soldOut;
  wait.hidden = free >= Number(wait.dataset.partyMax) && !searched && !wait.querySelector("[aria-invalid], .wait-refused");
}

if (wait) {
  document.addEventListener("availability", (event) => offerList(event.detail.free));
  document.addEventListener("toofew", (event) => {
    searched = true;
    wait.hidden = false;
    wait.querySelector("[name=count]").value = String(event.detail.count);
  });
}

/* Prices or terms were changed while somebody looked: the map has loaded its own part anew, the terms below it follow. */
document.addEventListener("showchanged", async () => {
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  const terms = page.getElementById("terms");
  if (terms) document.getElementById("terms").textContent = terms.textContent;
});

/* The chosen day stays in sight, and a programme that was changed in place is said. */
function showDay() {
  const strip = document.querySelector(".days");
  const day = strip?.querySelector("[aria-current]");
  if (day) strip.scrollLeft = day.offsetLeft - (strip.clientWidth - day.offsetWidth) / 2;
}

/* A page asks again only while there is something to wait for. */
document.addEventListener("htmx:before:request", (event) => {
  const { while: what } = event.target.dataset;
  if (what && !document.querySelector(what)) event.preventDefault();
});

const wordsAround = (element) => element?.parentElement.textContent.trim().replace(/\s+/g, " ");
let announced = wordsAround(document.querySelector("[data-announce]"));

document.addEventListener("htmx:after:swap", () => {
  showDay();
  setClock();
  const said = wordsAround(document.querySelector("[data-announce]"));
  if (!said || said === announced) return; // a page that asks again and again tells only news
  announced = said;
  document.getElementById("announcer").textContent = said;
});
showDay();
