/* The colours that the canvas draws with, read from the page so that light, dark and a house style need no code here.
 *
 * A canvas knows no custom properties: each is resolved through a hidden probe element, which also settles
 * light-dark(), color-mix() and relative colours. Watchers tell when the page's theme changed.
 */

const NAMES = ["paper", "ink", "muted", "line", "taken", "taken-small", "taken-ink", "accent", "success", "danger", "stage", "stage-ink", "grid"];
/** For categories that have no colour of their own; told apart also by people who see red and green alike. */
export const PALETTE = Object.freeze(["#4a63c9", "#d08a2a", "#23877d", "#a64d8c", "#bd5b3a", "#728531", "#50789c", "#7d58b8"]);

/** {paper, ink, muted, ...} as colours that a canvas takes, and `font`. */
export function readTheme(host) {
  const probe = document.createElement("span");
  probe.hidden = true;
  host.append(probe);
  const theme = {};
  for (const name of NAMES) {
    probe.style.color = `var(--sm-${name})`;
    theme[name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase())] = getComputedStyle(probe).color;
  }
  theme.font = getComputedStyle(host).fontFamily || "sans-serif";
  probe.remove();
  return theme;
}

/** Call `onChange` when the page's theme may have changed; returns a function that stops it. */
export function watchTheme(onChange) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", onChange);
  const observer = new MutationObserver(onChange);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["class", "style", "data-theme"] });
  return () => {
    dark.removeEventListener("change", onChange);
    observer.disconnect();
  };
}

/** How the plan format marks wheelchair places: by a category of their own, named after the one that they belong to. */
export const WHEELCHAIR_SUFFIX = " (wheelchair)";
export const baseCategory = (name) => (name.endsWith(WHEELCHAIR_SUFFIX) ? name.slice(0, -WHEELCHAIR_SUFFIX.length) : name);

/** The colour of each category: its own, else one of the palette by its place; a wheelchair category shares its base's. */
export function categoryColors(categories) {
  const bases = [...new Set(categories.map(({ name }) => baseCategory(name)))];
  const own = new Map(categories.map(({ name, color }) => [name, color]));
  const colorOf = (name) => own.get(name) || own.get(baseCategory(name)) || PALETTE[bases.indexOf(baseCategory(name)) % PALETTE.length];
  return new Map(categories.map(({ name }) => [name, colorOf(name)]));
}

const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const luminances = new Map();

/** WCAG relative luminance of any CSS colour, 0 to 1. */
export function luminance(color) {
  if (!luminances.has(color)) {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = color;
    pixel.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...pixel.getImageData(0, 0, 1, 1).data].map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    luminances.set(color, 0.2126 * r + 0.7152 * g + 0.0722 * b);
  }
  return luminances.get(color);
}

/** White or near-black, whichever reads better on `color`. */
export const inkOn = (color) => (luminance(color) > 0.3 ? "#14161c" : "#ffffff");
