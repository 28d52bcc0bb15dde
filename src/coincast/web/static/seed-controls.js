// The controls of Fool yourself: the slider of article 0, any other seed, and the candles that are walked on.

import { element } from "./elements.js";
import { card } from "./parts.js";
import { amount, pair, venue } from "./words.js";

const MOST_SEED = 2 ** 32 - 1;
const MOST_DRAWN = 1e6;
const SLIDER = { first: 200, last: 210, start: 205 };
const PATIENCE = 60;

/**
 * Make the controls: `drawSeed(seed)` and `takeMarket(id)` are called when the reader chooses.
 *
 * `show(walk)` puts them where a walk stands; `seed()` is the one that is chosen.
 */
export function makeControls(markets, { drawSeed, takeMarket }) {
  const slider = element("input", { type: "range", id: "seed", min: SLIDER.first, max: SLIDER.last, step: 1 });
  slider.value = SLIDER.start;
  const output = element("output", { htmlFor: "seed" }, slider.value);
  const free = element("input", {
    type: "number",
    id: "free-seed",
    min: 0,
    max: MOST_SEED,
    step: 1,
    value: slider.value,
  });
  const soon = lastOf(drawSeed);
  slider.addEventListener("input", () => {
    output.textContent = free.value = slider.value;
    soon(Number(slider.value));
  });
  const seed = () => Math.max(0, Math.min(MOST_SEED, Math.floor(Number(free.value) || 0)));
  const node = card(
    {
      title: "Choose a seed",
      className: "on-screen",
      caption:
        "Seeds 200 to 210 are those of article 0\u2019s slider. A seed is all that tells one walk from another: it has seen nothing of the price but its mean and its spread.",
    },
    element(
      "div",
      { className: "slider" },
      element("div", {}, element("label", { htmlFor: "seed" }, "Seed ", output), slider, ticks()),
      element(
        "div",
        { className: "actions" },
        freeForm(free, () => drawSeed(seed())),
        another(free, drawSeed),
      ),
    ),
    markets.length > 1 && chooseMarket(markets, takeMarket),
  );
  return { node, seed, show: (walk) => showSeed(walk, { slider, output, free }) };
}

/** Only the last of many calls in a short time. */
function lastOf(call) {
  let timer;
  return (value) => {
    clearTimeout(timer);
    timer = setTimeout(call, PATIENCE, value);
  };
}

function ticks() {
  const seeds = Array.from({ length: SLIDER.last - SLIDER.first + 1 }, (_, at) => SLIDER.first + at);
  return element(
    "div",
    { className: "ticks", "aria-hidden": "true" },
    seeds.map((seed) => element("span", {}, String(seed))),
  );
}

function freeForm(free, draw) {
  const send = (event) => {
    event.preventDefault();
    draw();
  };
  return element(
    "form",
    { className: "actions", onsubmit: send },
    element("label", { htmlFor: "free-seed" }, "Any seed "),
    free,
    element("button", { type: "submit", className: "quiet" }, "Draw"),
  );
}

function another(free, draw) {
  const take = () => {
    free.value = Math.floor(Math.random() * MOST_DRAWN);
    draw(Number(free.value));
  };
  return element("button", { type: "button", className: "quiet", onclick: take }, "Another at random");
}

function chooseMarket(markets, take) {
  const words = (one) =>
    `${pair(one.market)}, ${one.interval}, ${venue(one.market)}${one.is_article ? " (article 0)" : ""}`;
  return element(
    "p",
    {},
    element("label", { htmlFor: "walk-market", className: "muted" }, "On the candles of "),
    element(
      "select",
      { id: "walk-market", onchange: (event) => take(event.target.value) },
      markets.map((one) => element("option", { value: one.market_id }, words(one))),
    ),
  );
}

function showSeed({ seed, end }, { slider, output, free }) {
  const isOnSlider = seed >= SLIDER.first && seed <= SLIDER.last;
  if (isOnSlider) slider.value = seed;
  output.textContent = isOnSlider ? String(seed) : `${seed} (beyond the slider)`;
  slider.setAttribute("aria-valuetext", `${slider.value}${isOnSlider ? `: the walk ends at ${amount(end)}` : ""}`);
  free.value = seed;
}
