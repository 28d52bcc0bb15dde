// Charts as drawings of our own: laid out anew for every width, in the colours of the page, read by eye and keyboard.
//
// A chart is told as data: layers that are drawn over one another, two axes, and points that can be read one by one.
// The element that holds it is a slider, so that arrow keys walk along the points and each is spoken.

import { drawing, element, unique } from "./elements.js";
import { bounds, roundTicks, scale, timeTicks } from "./scales.js";
import { count, evenly } from "./words.js";

const NARROW = 540;
const LETTER = 7.6;

/** The box of a chart: `draw(tell)` puts another content in; `tell(isNarrow)` gives layers, axes and points. */
export function makeChart({ label, tall = false }) {
  const readout = element("p", { className: "readout" });
  const plot = element("div", {
    className: tall ? "plot tall" : "plot",
    tabIndex: 0,
    role: "slider",
    "aria-label": label,
    "aria-roledescription": "chart",
    "aria-valuemin": 0,
    "aria-valuemax": 0,
    "aria-valuenow": 0,
    id: unique("plot"),
  });
  plot.dataset.key = label;
  const node = element("div", { className: "chart" }, readout, plot);
  const state = { tell: null, shown: null, at: null, width: 0 };
  const redraw = () => {
    const width = plot.clientWidth;
    state.width = width;
    if (!state.tell || !width) return;
    state.shown = paint(plot, state.tell(width < NARROW), width, plot.clientHeight);
    point(plot, readout, state, state.at);
  };
  new ResizeObserver(() => plot.clientWidth !== state.width && redraw()).observe(plot);
  listen(plot, readout, state);
  const draw = (tell) => {
    state.tell = tell;
    redraw();
  };
  return { node, draw };
}

function listen(plot, readout, state) {
  const last = () => (state.shown ? state.shown.points.length - 1 : 0);
  const go = (at) => point(plot, readout, state, Math.max(0, Math.min(last(), at)));
  const pointed = (event) => {
    if (!state.shown?.points.length) return;
    const x = event.clientX - plot.getBoundingClientRect().left;
    const far = (one) => Math.abs(state.shown.x(one.x) - x);
    go(state.shown.points.reduce((best, one, at, all) => (far(one) < far(all[best]) ? at : best), 0));
  };
  plot.addEventListener("pointermove", pointed);
  plot.addEventListener("pointerdown", pointed); // a touch need not move, and what it marked stays when it ends
  plot.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && point(plot, readout, state, null));
  plot.addEventListener("blur", () => point(plot, readout, state, null));
  plot.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
    const now = state.at ?? last();
    if (event.key in steps) go(now + steps[event.key]);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(last());
    else return;
    event.preventDefault();
  });
}

/** Mark a point and say it; without one the newest is said, and none is marked. */
function point(plot, readout, state, at) {
  const { points = [], x, cursor } = state.shown ?? {};
  state.at = at !== null && at < points.length ? at : null;
  const shown = points[state.at ?? points.length - 1];
  readout.textContent = shown?.words ?? "";
  plot.setAttribute("aria-valuemax", Math.max(0, points.length - 1));
  plot.setAttribute("aria-valuenow", state.at ?? Math.max(0, points.length - 1));
  plot.setAttribute("aria-valuetext", shown?.words ?? "nothing to show yet");
  if (!cursor) return;
  cursor.classList.toggle("off", state.at === null);
  if (state.at !== null) cursor.setAttribute("transform", `translate(${x(shown.x).toFixed(1)} 0)`);
}

/** Draw a chart of a size; what the cursor needs is returned. */
function paint(plot, { layers, x: along, y: up, points = [] }, width, height) {
  const isNarrow = width < NARROW;
  const [low, high] = up.bounds ?? bounds(layers.flatMap(heights), 0.06);
  const { ticks, step } = roundTicks(low, high, isNarrow ? 4 : 5);
  const write = up.write ?? ((value) => evenly(value, step));
  const words = ticks.map((tick) => write(tick));
  const left = Math.max(...words.map((one) => one.length), 3) * LETTER + 12;
  const box = { left, right: width - (isNarrow ? 4 : 12), top: up.unit ? 22 : 10, bottom: height - 26 };
  const [first, last] = along.bounds ?? bounds(layers.map((layer) => layer.x ?? []));
  const room = (last - first) * 0.012;
  const x = scale([first - room, last + room], [box.left, box.right]);
  const y = scale([low, high], [box.bottom, box.top]);
  const clip = unique("clip");
  const cursor = drawing("g", { class: "cursor off" }, drawing("line", { y1: box.top, y2: box.bottom }));
  plot.replaceChildren(
    drawing(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        width: "100%",
        height,
        "aria-hidden": "true",
      },
      drawing(
        "clipPath",
        { id: clip },
        drawing("rect", {
          x: box.left,
          y: box.top - 6,
          width: Math.max(0, box.right - box.left),
          height: box.bottom - box.top + 12,
        }),
      ),
      sideAxis({ ticks, words, y, box, unit: up.unit }),
      footAxis({ along, x, box, isNarrow, first, last }),
      drawing(
        "g",
        { "clip-path": `url(#${clip})` },
        layers.map((layer) => DRAWN[layer.kind](layer, x, y, box)),
      ),
      cursor,
    ),
  );
  return { x, points, cursor };
}

function heights(layer) {
  return [layer.y, layer.low, layer.high].filter(Array.isArray).concat(layer.kind === "level" ? [[layer.at]] : []);
}

function sideAxis({ ticks, words, y, box, unit }) {
  const marks = ticks.map((tick, at) => [
    drawing("line", { class: "grid", x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) }),
    drawing("text", { x: box.left - 8, y: y(tick) + 4, "text-anchor": "end" }, words[at]),
  ]);
  return drawing("g", { class: "axis" }, marks, unit && drawing("text", { x: 0, y: 11, class: "unit" }, unit));
}

function footAxis({ along, x, box, isNarrow, first, last }) {
  const wanted = Math.max(2, Math.floor((box.right - box.left) / (isNarrow ? 95 : 130)));
  const room = along.title.length * LETTER;
  const isClear = (at) => x(at) < box.right - room - 26 && x(at) > box.left + 12;
  const ticks =
    along.kind === "time" ? timeTicks(first, last, wanted, isClear) : wholeTicks(first, last, wanted, isClear);
  return drawing(
    "g",
    { class: "axis" },
    ticks.map(({ at, words }) => drawing("text", { x: x(at), y: box.bottom + 20, "text-anchor": "middle" }, words)),
    drawing("text", { x: box.right, y: box.bottom + 20, "text-anchor": "end", class: "unit" }, along.title),
  );
}

const wholeTicks = (first, last, wanted, isClear) =>
  roundTicks(first, last, wanted)
    .ticks.filter((at) => Number.isInteger(at) && isClear(at))
    .map((at) => ({ at, words: count(at) }));

/** Runs of points without a hole, as dots. */
function runs(xs, ys, x, y) {
  const found = [];
  let run = [];
  xs.forEach((at, number) => {
    const value = ys[number];
    if (typeof value === "number" && Number.isFinite(value)) run.push([x(at), y(value)]);
    else if (run.length) {
      found.push(run);
      run = [];
    }
  });
  return run.length ? [...found, run] : found;
}

const path = (dots) => dots.map(([a, b], at) => `${at ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join("");

const DRAWN = {
  line: (layer, x, y) =>
    drawing(
      "g",
      { class: `line ${layer.role}` },
      runs(layer.x, layer.y, x, y).map((run) => drawing("path", { d: path(run) })),
    ),

  band(layer, x, y) {
    const keep = layer.x.map(
      (_, at) => Number.isFinite(layer.low[at] ?? NaN) && Number.isFinite(layer.high[at] ?? NaN),
    );
    const only = (list) => list.map((value, at) => (keep[at] ? value : null));
    const lows = runs(layer.x, only(layer.low), x, y),
      highs = runs(layer.x, only(layer.high), x, y);
    return drawing(
      "g",
      { class: `band ${layer.role}` },
      highs.map((run, at) => drawing("path", { d: `${path(run)}${path([...lows[at]].reverse()).replace("M", "L")}Z` })),
    );
  },

  dots: (layer, x, y) =>
    drawing(
      "g",
      { class: "dots" },
      layer.x.map(
        (at, number) =>
          Number.isFinite(layer.y[number] ?? NaN) &&
          drawing("circle", { cx: x(at).toFixed(1), cy: y(layer.y[number]).toFixed(1), r: 3 }),
      ),
    ),

  level: (layer, x, y, box) =>
    drawing("g", { class: `line ${layer.role}` }, drawing("path", { d: `M${box.left} ${y(layer.at)}H${box.right}` })),

  spans: (layer, x, y, box) =>
    drawing(
      "g",
      { class: `spans ${layer.role}` },
      layer.spans.map(([since, until]) =>
        drawing("rect", {
          x: x(since),
          width: Math.max(2, x(until) - x(since)),
          y: box.top,
          height: box.bottom - box.top,
        }),
      ),
    ),

  candles(layer, x, y) {
    const wide = Math.max(1.5, Math.min(14, (x(layer.length) - x(0)) * 0.66));
    return drawing(
      "g",
      { class: "candles" },
      layer.x.map((end, at) => {
        const [open, close] = [layer.open[at], layer.close[at]];
        if (!Number.isFinite(close ?? NaN)) return false;
        const from = Number.isFinite(open ?? NaN) ? open : close;
        const middle = x(end),
          upper = y(Math.max(from, close)),
          lower = y(Math.min(from, close));
        const wick = `M${middle} ${y(layer.high[at] ?? close)}V${upper}M${middle} ${lower}V${y(layer.low[at] ?? close)}`;
        return drawing(
          "g",
          { class: close >= from ? "rise" : "fall" },
          drawing("path", { d: wick }),
          drawing("rect", { x: middle - wide / 2, width: wide, y: upper, height: Math.max(1, lower - upper) }),
        );
      }),
    );
  },
};
