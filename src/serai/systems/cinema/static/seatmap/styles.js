/* The stylesheet is fetched once, from beside the modules, unless the page brought it itself. */

/** Resolves when the styles are in force: the canvas reads its colours from them. */
export function ensureStyles() {
  const href = new URL("./seatmap.css", import.meta.url).href;
  if ([...document.styleSheets].some((sheet) => sheet.href?.split("?")[0] === href)) return Promise.resolve();
  let link = document.querySelector("link[data-seatmap]");
  if (!link) {
    link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = href;
    link.dataset.seatmap = "";
    document.head.append(link);
  }
  return new Promise((resolve) => ["load", "error"].forEach((name) => link.addEventListener(name, resolve, { once: true })));
}
