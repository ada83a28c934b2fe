// Draws every <figure data-chart> with uPlot in the colours of the tokens. Its data stand in the page as JSON:
// {"x": [unix seconds], "series": [{"label", "unit", "values", "bars"?}], "names"?}; the figure's table says the same to everybody else.

const COLOURS = ["--accent", "--saffron", "--info", "--ok"];
const HEIGHT = 240;
const LABEL_PX = 64;

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
const resolved = (name) => {
  const probe = document.createElement("i");
  probe.className = "visually-hidden";
  document.body.append(probe);
  probe.style.color = token(name);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
};

const DAY_S = 86_400;

// Hours of the day, or days where the span is longer; in the page's language.
function moments(chart, splits) {
  const days = chart.scales.x.max - chart.scales.x.min > 2 * DAY_S;
  const style = days ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return splits.map((at) => new Date(at * 1000).toLocaleString(document.documentElement.lang, style));
}

// Days are not moments: each has its place in the middle of a bar, and the labels stand at days only.
const dayScale = (x) => ({ scales: { x: { range: (_, from, to) => [from - (0.6 * (to - from)) / Math.max(x.length - 1, 1), to + (0.6 * (to - from)) / Math.max(x.length - 1, 1)] } } });
const thinned = (x, width) => {
  const step = Math.max(1, Math.ceil((x.length * LABEL_PX) / width));
  return x.filter((_, place) => place % step === 0);
};

function draw(figure) {
  const { x, series, names } = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  const target = figure.querySelector("[data-chart-canvas]");
  const axis = { stroke: resolved("--ink-subtle"), grid: { stroke: resolved("--line"), width: 1 }, ticks: { show: false } };
  const font = "12px " + token("--font");
  const lines = series.map((one, index) => ({
    label: one.label,
    value: (_, value) => (value == null ? "–" : `${value} ${one.unit}`),
    stroke: resolved(COLOURS[index % COLOURS.length]),
    width: 2,
    dash: index % 2 ? [6, 4] : [],
    points: { show: false },
    ...(one.bars ? { paths: uPlot.paths.bars({ size: [0.6, 48], radius: 0.12 }), fill: resolved(COLOURS[index % COLOURS.length]) } : {}),
  }));
  target.replaceChildren();
  new uPlot(
    {
      width: target.clientWidth,
      height: HEIGHT,
      ...(names ? dayScale(x) : {}),
      series: [{ label: names ? "Day" : "Time", value: (chart, at) => (at == null ? "–" : (names?.[x.indexOf(at)] ?? moments(chart, [at])[0])) }, ...lines],
      axes: [{ ...axis, font, values: moments, ...(names ? { splits: () => thinned(x, target.clientWidth) } : {}) }, { ...axis, font }],
      cursor: { points: { size: 8 } },
    },
    [x, ...series.map((one) => one.values)],
    target,
  );
}

function drawAll() {
  for (const figure of document.querySelectorAll("[data-chart]")) draw(figure);
}

new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
new ResizeObserver(drawAll).observe(document.querySelector("main"));
