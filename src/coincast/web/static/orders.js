// Start a comparison or a reproduction: choices of what is there, small numbers, nothing else.

import { get, getAll, send } from "./api.js";
import { element, swap } from "./elements.js";
import { card, choice, say } from "./parts.js";
import { eachInterval, things } from "./words.js";

const NUMBERS = [
  ["epochs", "Epochs", "passes over the training windows"],
  ["seeds", "Seeds", "runs of every network"],
  ["lookback", "Lookback", "past candles that a model sees"],
  ["horizon", "Horizon", "candles ahead"],
];
const KINDS = [
  { value: "comparison", words: "Comparison" },
  { value: "reproduction", words: "Reproduction of an article" },
];
const FIRST_MODEL = "lstm";

/**
 * The form, and whether the store has a market to offer in it; `started(job)` is told when the server has taken the order.
 */
export async function makeOrderForm(started) {
  const [choices, markets] = await Promise.all([get("/jobs/choices"), getAll("/markets", { limit: 200 })]);
  const node = element("div");
  const state = { kind: "comparison" };
  const draw = () =>
    swap(
      node,
      card(
        {
          title: "Start a training",
          caption: "It runs on this server in a process of its own; at most two at once, the others wait.",
        },
        choice({
          label: "What to start",
          options: KINDS,
          value: state.kind,
          key: "kind",
          take: (kind) => {
            state.kind = kind;
            draw();
          },
        }),
        markets.items.length
          ? form(state.kind, choices, markets.items, started)
          : element(
              "p",
              { className: "said" },
              "The store is empty: download or import candles first, as the page Data says.",
            ),
      ),
    );
  draw();
  return { node, hasMarkets: markets.items.length > 0 };
}

function form(kind, choices, markets, started) {
  const message = element("p", { className: "message", role: "status" });
  const fields = kind === "comparison" ? comparison(choices, markets) : reproduction(choices, markets);
  const button = element(
    "button",
    { type: "submit" },
    kind === "comparison" ? "Start the comparison" : "Start the reproduction",
  );
  const made = element("form", {}, fields.nodes, element("div", { className: "actions" }, button), message);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    message.className = "message";
    message.textContent = "Asking the server \u2026";
    try {
      const job = await send("/jobs", { kind, ...fields.read() });
      message.textContent = "It is on its way.";
      say(`Started: ${job.title}.`);
      started(job);
    } catch (error) {
      message.className = "message worse";
      message.textContent = error.message;
    }
    button.disabled = false;
  });
  return made;
}

function checks(name, label, options, taken) {
  const boxes = options.map(({ value, words, note }) => ({
    value,
    box: element("input", { type: "checkbox", name, value, checked: taken.includes(value) }),
    words,
    note,
  }));
  const node = element(
    "fieldset",
    {},
    element("legend", {}, label),
    element(
      "div",
      { className: "checks", role: "group", "aria-label": label, tabIndex: 0 },
      boxes.map(({ box, words, note }) =>
        element("label", {}, box, element("span", {}, words, note && element("small", {}, note))),
      ),
    ),
  );
  return { node, read: () => boxes.filter(({ box }) => box.checked).map(({ value }) => value) };
}

function marketChecks(choices, markets, taken) {
  const options = markets.map((one) => ({
    value: one.id,
    words: one.market,
    note: `${eachInterval(one.interval)}, ${things(one.rows, "candle")}`,
  }));
  return checks("market", `Markets of one interval, at most ${choices.most_markets}`, options, taken);
}

function comparison(choices, markets) {
  const from = marketChecks(choices, markets, [markets[0].id]);
  const models = checks(
    "model",
    `Models, at most ${choices.most_models}; naive is always beside them`,
    choices.models.map((one) => ({ value: one.name, words: one.name, note: one.words })),
    [FIRST_MODEL],
  );
  const numbers = NUMBERS.map(([name, words, note]) => {
    const { least, most, default: usual } = choices.ranges[name];
    const input = element("input", {
      type: "number",
      name,
      min: least,
      max: most,
      step: 1,
      value: usual,
      required: true,
    });
    return {
      name,
      input,
      node: element("label", {}, words, input, element("small", {}, `${note}; ${least} to ${most}`)),
    };
  });
  const read = () => ({
    market_ids: from.read(),
    models: models.read(),
    ...Object.fromEntries(numbers.map(({ name, input }) => [name, Number(input.value)])),
  });
  return {
    nodes: [
      from.node,
      models.node,
      element(
        "div",
        { className: "fields" },
        numbers.map(({ node }) => node),
      ),
    ],
    read,
  };
}

function reproduction(choices, markets) {
  const from = marketChecks(choices, markets, []);
  const note = element("small");
  const articles = element(
    "select",
    { name: "article" },
    choices.articles.map((one) => element("option", { value: one.name }, `${one.name}: ${one.title}`)),
  );
  const size = element(
    "select",
    { name: "size" },
    choices.sizes.map((one) => element("option", { value: one }, one)),
  );
  const explain = () => {
    const one = choices.articles.find(({ name }) => name === articles.value);
    note.textContent = `by ${one.author}; needs ${things(one.markets, "market")} of ${eachInterval(one.interval)} candles`;
  };
  articles.addEventListener("change", explain);
  explain();
  const read = () => ({ article: articles.value, size: size.value, market_ids: from.read() });
  return {
    nodes: [
      element(
        "div",
        { className: "fields wide" },
        element("label", {}, "Article", articles, note),
        element("label", {}, "Size", size, element("small", {}, "quick takes minutes")),
      ),
      from.node,
    ],
    read,
  };
}
