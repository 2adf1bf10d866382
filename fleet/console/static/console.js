// Three small things: charts of a box, copying a token, leaving when the session has ended. All else is HTML.
const CHARTS = [
  { key: "load", title: "Processor load", unit: " %", stroke: "#0059b3", fill: "#0059b31a", range: [0, 100] },
  { key: "temperature", title: "Temperature", unit: " °C", stroke: "#a83c00", fill: "#a83c001a" },
  { key: "memory", title: "Memory used", unit: " %", stroke: "#5b3c9e", fill: "#5b3c9e1a", range: [0, 100] },
  { key: "letters", title: "Letters waiting", unit: "", stroke: "#006a4e", fill: "#006a4e1a" },
];
const HEIGHT = 132;
const REDRAW_MS = 30000;
const DAY_S = 86400;
const HOUR_S = 3600; // a young box: what there is fills the picture

async function draw(place) {
  const { default: UPlot } = await import("./vendor/uplot/uPlot.esm.js");
  const answer = await fetch(place.dataset.series, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const data = await answer.json();
  place.replaceChildren();
  for (const chart of CHARTS) {
    if (!data[chart.key].some((value) => value !== null)) continue;
    const frame = document.createElement("figure");
    const title = document.createElement("figcaption");
    const last = data[chart.key].findLast((value) => value !== null);
    title.textContent = chart.title;
    const now = document.createElement("b");
    now.textContent = `${Math.round(last * 10) / 10}${chart.unit}`;
    title.append(now);
    frame.append(title);
    place.append(frame);
    const plot = new UPlot(options(chart, frame.clientWidth, data.at[0]), [data.at, data[chart.key]], frame);
    new ResizeObserver(() => plot.setSize({ width: frame.clientWidth, height: HEIGHT })).observe(frame);
  }
}

function options(chart, width, first) {
  const axis = { stroke: "#4a5f74", font: "12px Titillium Web", grid: { stroke: "#e6ebf0", width: 1 }, ticks: { show: false } };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false },
    scales: { x: { range: () => [Math.max(Date.now() / 1000 - DAY_S, Math.min(first, Date.now() / 1000 - HOUR_S)), Date.now() / 1000] }, y: { range: chart.range ?? ((_plot, _low, high) => [0, Math.max(high * 1.15, 1)]) } },
    axes: [{ ...axis, size: 26, space: 70, values: "{HH}:{mm}" }, { ...axis, size: 42, space: 36 }],
    series: [{}, { stroke: chart.stroke, fill: chart.fill, width: 1.5, spanGaps: false, points: { show: false } }],
  };
}

function charts() {
  const place = document.querySelector("[data-series]");
  if (!place) return;
  draw(place);
  setInterval(() => document.hidden || draw(document.querySelector("[data-series]") ?? place), REDRAW_MS);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = "Copied";
});

document.addEventListener("ended", () => location.assign("/login"));

charts();
