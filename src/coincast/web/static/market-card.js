// The card of one market on Now: its verdict, candles with the forecast as a fan, and what is said candle by candle.

import { element, swap } from "./elements.js";
import { makeOutlook, stepTable } from "./outlook.js";
import { choice, verdict } from "./parts.js";
import { amount, eachInterval, known, modelName, moment, pair, percent, quote, span, things, venue } from "./words.js";

/** The card of one market; it lives as long as the page, so that only what changes is drawn anew. */
export function makeCard(first) {
  const state = { model: null, market: first, candles: null, told: "" };
  const title = element("div"),
    facts = element("div"),
    rows = element("div");
  const outlook = makeOutlook(first.market);
  const node = element(
    "article",
    { className: "card market", "data-market": first.market },
    title,
    outlook.node,
    facts,
    element("details", { className: "columns" }, element("summary", {}, "Candle by candle"), rows),
  );
  const draw = () => {
    const { market, candles } = state;
    const item = market.items.find((one) => one.model === state.model) ?? market.items[0];
    swap(
      title,
      heading(market, item, (model) => {
        state.model = model;
        draw();
      }),
    );
    outlook.draw(item, candles);
    swap(facts, sentence(item));
    swap(rows, steps(item));
  };
  const fill = (market, candles) => {
    const told = JSON.stringify([market, candles]);
    if (told === state.told) return; // the loop gives signs of life more often than it forecasts
    Object.assign(state, { told, market, candles: candles ?? state.candles });
    draw();
  };
  return { node, fill };
}

function heading(market, item, take) {
  const { market: name, interval } = market;
  const options = market.items.map((one) => ({ value: one.model, words: modelName(one.model) }));
  return [
    element(
      "p",
      { className: "eyebrow" },
      `${pair(name)} \u00b7 ${venue(name)} \u00b7 ${eachInterval(interval)} candles`,
    ),
    verdict("h2", worth(item), item.verdict?.word),
    options.length > 1 &&
      choice({ label: `Forecaster of ${pair(name)}`, options, value: item.model, take, key: market.key }),
  ];
}

function worth({ verdict: judged }) {
  if (judged?.sentence) return judged.sentence;
  return judged?.n ? "Naive itself: what all others are measured by." : "Nothing of it is scored yet.";
}

function sentence(item) {
  const { verdict: judged } = item,
    unit = quote(item.market);
  const [step] = item.steps;
  const change = step.value / item.last_close - 1;
  const told = [
    `${modelName(item.model)} says ${amount(step.value, unit)} for the candle that closes ${moment(step.target_time, item.interval)} UTC, ${percent(change, { signed: true, digits: 2 })} from the last close; naive says ${amount(step.naive, unit)}.`,
    known(step.actual) && `It closed at ${amount(step.actual, unit)}.`,
    judged?.n &&
      `Skill ${percent(judged.skill, { signed: true })}${known(judged.low) ? ` (${span(judged.low, judged.high)})` : ""} on ${things(judged.n, "origin")}.`,
    item.is_late && "This forecast came late: it will not be scored.",
  ];
  return element("p", { className: "said" }, told.filter(Boolean).join(" "));
}

function steps(item) {
  return [
    element(
      "p",
      { className: "small" },
      `Entry ${item.number} of the ledger, made ${moment(item.made_at)} UTC, origin ${moment(item.origin)} UTC, trained until ${moment(item.trained_until)} UTC.`,
    ),
    stepTable(item, `${item.market} ${item.interval}`),
  ];
}
