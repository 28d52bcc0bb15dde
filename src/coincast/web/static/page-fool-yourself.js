// Fool yourself: the random walk of article 0 with its seed slider, and how often a walk looks like a forecast.

import { get } from "./api.js";
import { makeChart } from "./chart.js";
import { element, swap } from "./elements.js";
import { card, fault, legend, nextSteps, say } from "./parts.js";
import { makeControls } from "./seed-controls.js";
import { amount } from "./words.js";
import { headline, lines, oddsCard } from "./walk-parts.js";

const MANY = 200;

export async function open(panel) {
  let hasMarkets = false;
  const refresh = async () => {
    if (hasMarkets) return;
    const markets = await get("/walks/markets", { limit: 200 });
    hasMarkets = markets.items.length > 0;
    if (hasMarkets) await drawWalks(panel, markets.items);
    else swap(panel, empty(markets.next_steps));
  };
  await refresh();
  return { hears: ["candle"], refresh };
}

const empty = (commands) =>
  nextSteps(
    "No candles to draw a walk on yet.",
    "A random walk needs at least 140 stored candles; with article 0\u2019s own files it is the article\u2019s own walk.",
    commands,
  );

async function drawWalks(panel, markets) {
  const state = { market: markets[0].market_id, asked: 0 };
  const head = element("div"),
    errors = element("div"),
    odds = element("div");
  const pictures = makePictures();
  const drawSeed = async (seed) => {
    const turn = (state.asked += 1);
    panel.setAttribute("aria-busy", "true");
    const walk = await get("/walks", { market_id: state.market, seed }).catch((error) => error);
    if (turn !== state.asked) return;
    panel.setAttribute("aria-busy", "false");
    if (walk instanceof Error)
      return void swap(errors, element("p", { className: "worse", role: "alert" }, walk.message));
    swap(errors);
    swap(head, headline(walk));
    controls.show(walk);
    pictures.draw(walk);
    say(
      `Seed ${walk.seed}: the walk ends at ${amount(walk.end, walk.unit)}, the price at ${amount(walk.actual.at(-1), walk.unit)}.`,
    );
  };
  const takeMarket = (id) => {
    state.market = id;
    drawSeed(controls.seed());
    showOdds(odds, id, () => id === state.market);
  };
  const controls = makeControls(markets, { drawSeed, takeMarket });
  swap(panel, head, controls.node, errors, pictures.node, odds);
  await drawSeed(controls.seed());
  const { market } = state;
  showOdds(odds, market, () => market === state.market);
}

/** Both walks of a seed: the whole path, and step by step. */
function makePictures() {
  const whole = makeChart({ label: "Full walk: drawn from the first day on, beside the price", tall: true });
  const single = makeChart({ label: "Step by step: each from the true price before it", tall: true });
  const node = element(
    "div",
    { className: "pictures" },
    card(
      {
        title: "What the tutorials show: a whole path",
        caption: "One draw for each step from the first on. It looks like a price because it moves like one.",
      },
      legend([
        ["price", "price"],
        ["model", "random walk"],
        ["naive", "naive: the last known price"],
      ]),
      whole.node,
    ),
    card(
      {
        title: "The same numbers, step by step",
        caption: "Each step begins at the true price before it, so the line hugs the price, one step late.",
      },
      legend([
        ["price", "price"],
        ["model", "random walk"],
        ["naive", "naive: the price before"],
      ]),
      single.node,
    ),
  );
  const draw = (walk) => {
    whole.draw(() =>
      lines(
        walk,
        walk.full_interval,
        walk.actual.map(() => walk.naive_full),
      ),
    );
    single.draw(() => lines(walk, walk.single_point, walk.naive_single));
  };
  return { node, draw };
}

async function showOdds(node, market, isWanted) {
  swap(
    node,
    card({ title: "How often does a walk look like a forecast?", caption: `Counting over ${MANY} walks \u2026` }),
  );
  const told = await get("/walks/odds", { market_id: market, walks: MANY }).catch((error) => error);
  if (!isWanted()) return;
  swap(node, told instanceof Error ? fault(told, () => showOdds(node, market, isWanted)) : oddsCard(told));
}
