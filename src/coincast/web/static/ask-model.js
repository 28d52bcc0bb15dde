// Ask a saved model what comes next: it answers at once, from the newest candles of the store.

import { get, getAll, newestCandles } from "./api.js";
import { element, swap } from "./elements.js";
import { makeOutlook, stepTable } from "./outlook.js";
import { more, verdict } from "./parts.js";
import { amount, eachInterval, modelName, moment, quote } from "./words.js";

/** What can be opened to ask; nothing is fetched before, because a list of models opens each of them. */
export function makeAsk() {
  const inside = element("div"),
    found = element("div", { id: "asked" });
  const node = more("Ask a saved model", "ask", inside, found);
  node.addEventListener("toggle", async () => {
    if (!node.open) return;
    await fill(inside, found).catch((error) => swap(inside, refused(error)));
  });
  return node;
}

const refused = (error) => element("p", { className: "worse", role: "alert" }, error.message);

async function fill(inside, found) {
  const [models, markets] = await Promise.all([getAll("/models", { limit: 200 }), getAll("/markets", { limit: 200 })]);
  const asked = models.items.map((model) => ({ model, markets: known(model, markets.items) }));
  const able = asked.filter((one) => one.markets.length);
  swap(
    inside,
    able.length
      ? makeForm(able, found)
      : element("p", { className: "said" }, "None is saved yet: a watch loop saves every model that it trains."),
  );
}

/** The markets of the store that a model can be asked about. */
const known = (model, markets) =>
  markets.filter(({ market, interval }) => interval === model.interval && model.markets.includes(market));

function makeForm(able, found) {
  const models = element(
    "select",
    { name: "saved-model" },
    able.map(({ model }) => element("option", { value: model.id }, modelWords(model))),
  );
  const markets = element("select", { name: "asked-market" });
  const offer = () => {
    const { markets: offered } = able.find(({ model }) => model.id === models.value);
    swap(
      markets,
      offered.map((one) => element("option", { value: one.id }, one.market)),
    );
  };
  models.addEventListener("change", offer);
  offer();
  const made = element(
    "form",
    {},
    element(
      "div",
      { className: "fields wide spaced" },
      element("label", {}, "Model", models),
      element("label", {}, "Market", markets),
    ),
    element("div", { className: "actions" }, element("button", { type: "submit" }, "Ask")),
  );
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    swap(found, element("p", { role: "status" }, "Asking \u2026"));
    await ask(models.value, markets.value, found).catch((error) => swap(found, refused(error)));
  });
  return made;
}

const modelWords = ({ trained_until: until, interval, horizon, verdict: word }) =>
  `${eachInterval(interval)} candles, ${horizon} ahead, trained until ${moment(until)} UTC: ${word ?? "not judged"}`;

async function ask(model, market, found) {
  const [answer, candles] = await Promise.all([
    get(`/models/${model}/forecast`, { market_id: market }),
    newestCandles(market),
  ]);
  const names = [...new Set(answer.steps.map((step) => step.model))];
  swap(
    found,
    verdict("h3", answer.sentence, answer.verdict, { className: "verdict spaced" }),
    names.map((name) => draw(answer, name, candles)),
    element(
      "p",
      { className: "small" },
      `Trained until ${moment(answer.trained_until)} UTC; this answer is not written into the ledger. `,
      answer.notes.join(" "),
    ),
  );
}

function draw(answer, name, candles) {
  const steps = answer.steps.filter((step) => step.model === name);
  const item = { ...answer, steps, last_close: steps[0].naive };
  const outlook = makeOutlook(answer.market);
  outlook.draw(item, candles);
  return [
    element(
      "p",
      { className: "said" },
      `${modelName(name)}, asked at the close of ${moment(answer.origin)} UTC: ${amount(steps[0].value, quote(answer.market))} next, naive ${amount(steps[0].naive, quote(answer.market))}.`,
    ),
    outlook.node,
    stepTable(item, `asked ${name}`),
  ];
}
