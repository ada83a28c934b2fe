// The question before seats are exchanged: which for which.

const map = document.querySelector("seat-map");
const dialog = document.getElementById("exchange");
const list = (name, seats) => {
  dialog.querySelector(`[data-exchange=${name}]`).textContent = seats.join(" and ");
};

map.addEventListener("exchange", ({ detail }) => {
  list("from", detail.from);
  list("to", detail.to);
  dialog.showModal();
});

dialog.querySelector("[data-exchange=yes]").addEventListener("click", () => {
  dialog.close();
  map.holding.confirm();
});
