// What the cinema's pages do in the browser beyond the console's own script. Everything works without it; it only
// spares the buyer a wait or a wrong clock.

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

/* The chosen day stays in sight. */
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

document.addEventListener("htmx:after:swap", showDay);
showDay();
