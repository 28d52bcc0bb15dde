// Leaderboard: models x markets, from live forecasts and from finished runs.

import { getAll } from "./api.js";
import { element, swap } from "./elements.js";
import { boards, boardTable, isNaive } from "./leaderboards.js";
import { card, choice, figures, nextSteps, say, verdict } from "./parts.js";
import { overall } from "./verdicts.js";
import { modelName, percent, things } from "./words.js";

const SOURCES = [
  { value: "", words: "All" },
  { value: "ledger", words: "Live only" },
  { value: "run", words: "Past candles only" },
];

export async function open(panel) {
  let source = "";
  const take = (taken) => {
    source = taken;
    refresh().catch((error) => say(error.message));
  };
  const refresh = async () => {
    const asked = source;
    const told = await getAll("/leaderboard", { source: asked, limit: 500 });
    if (asked !== source) return;
    if (!told.items.length && !asked)
      return void swap(
        panel,
        nextSteps(
          "Nothing has been judged yet.",
          "A comparison trains models and judges them beside \u201cthe price stays where it is\u201d; live forecasts are judged as their candles settle.",
          told.next_steps,
        ),
      );
    swap(panel, draw(told, asked, take));
  };
  await refresh();
  return { hears: ["score", "run"], refresh };
}

function draw({ items, columns }, source, take) {
  const judged = items.filter((row) => !isNaive(row));
  const words = judged.map((row) => row.verdict);
  const markets = new Set(items.map((row) => `${row.market} ${row.interval}`));
  return [
    element(
      "p",
      { className: "eyebrow" },
      `${things(new Set(judged.map((row) => row.model)).size, "model")} \u00b7 ${things(markets.size, "market")}`,
    ),
    verdict("h1", ...overall(words, "forecaster")),
    element(
      "p",
      { className: "lead" },
      "Skill is how much smaller a forecaster\u2019s error is than that of \u201cthe price stays where it is\u201d, on the same candles. Where its line crosses naive, chance alone can explain the difference.",
    ),
    choice({ label: "Where the forecasts come from", options: SOURCES, value: source, take, key: "source" }),
    summary(judged, words),
    boards(items),
    items.length
      ? card(
          {
            title: "All columns",
            caption:
              "A press on a heading sorts; each heading is explained when you point at it or reach it by keyboard.",
          },
          boardTable(items, columns, "leaderboard"),
        )
      : element("p", {}, "Nothing of this kind yet."),
  ];
}

function summary(judged, words) {
  const of = (word) => words.filter((one) => one === word).length;
  const [best] = judged
    .filter((row) => row.verdict !== "too few" && row.skill !== null)
    .sort((a, b) => b.skill - a.skill);
  return figures([
    {
      text: best ? percent(best.skill, { signed: true }) : "\u2013",
      caption: best ? `largest skill: ${modelName(best.model)} on ${best.market}` : "no skill to show yet",
    },
    { text: String(of("better")), caption: "better than naive", role: of("better") ? "better" : "" },
    {
      text: String(of("not distinguishable")),
      caption: "not distinguishable from it",
      role: of("not distinguishable") ? "undecided" : "",
    },
    { text: String(of("worse")), caption: "worse", role: of("worse") ? "worse" : "" },
  ]);
}
