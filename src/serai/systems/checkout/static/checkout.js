// What a checkout's pages do in the browser beyond the console's own script. Everything works without it; it only
// spares the buyer a wait or a wrong clock.

const DRIFT_MS = 2_000;

/* The server's clock decides when a hold ends: the countdown is told by how much this device's clock is off. */
function setClock() {
  const offset = (element) => Date.parse(element.dataset.now) - Date.now();
  for (const element of document.querySelectorAll("hold-countdown[data-now]")) {
    if (Math.abs(offset(element)) > DRIFT_MS) element.setAttribute("clock-offset-ms", String(offset(element)));
  }
}

document.addEventListener("expired", (event) => {
  if (event.target.localName === "hold-countdown") location.reload();
});

document.addEventListener("htmx:after:swap", setClock);
setClock();
document.querySelector("form[data-submits]")?.requestSubmit();
const waiting = document.querySelector("[data-reload-after]");
if (waiting) setTimeout(() => location.replace(location.pathname), waiting.dataset.reloadAfter * 1000);
