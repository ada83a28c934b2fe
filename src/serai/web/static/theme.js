// Runs before the first paint, so that a remembered theme never flashes the other one. Kept tiny because it blocks.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("serai-theme");
  } catch {
    // A browser that refuses storage gets the system's theme.
  }
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
