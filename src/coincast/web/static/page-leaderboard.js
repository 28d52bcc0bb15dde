// Leaderboard: models x markets, from live forecasts and from finished runs.

import { getAll } from "./api.js";
import { element, swap } from "./elements.js";
import { boards, boardTable, isNaive } from "./leaderboards.js";
import { card, choice, figures, nextSteps, verdict } from "./parts.js";
import { modelName, percent, things } from "./words.js";

const SOURCES = [
  { value: "", words: "All" },
  { value: "ledger", words: "Live only" },
  { value: "run", words: "Past candles only" },
];

export async function open(panel) {
  let source = "";
  const refresh = async () => {
    const told = await getAll("/leaderboard", { source, limit: 500 });
    if (!told.items.length && !source)
      return void swap(
        panel,
        nextSteps(
          "Nothing has been judged yet.",
          "A comparison trains models and judges them beside \u201cthe price stays where it is\u201d; live forecasts are judged as their candles settle.",
          told.next_steps,
        ),
      );
    swap(
      panel,
      draw(told, source, (taken) => {
        source = taken;
        refresh();
      }),
    );
  };
  await refresh();
  return { hears: ["score", "run"], refresh };
}

function draw({ items, columns }, source, take) {
  const judged = items.filter((row) => !isNaive(row));
  const markets = new Set(items.map((row) => `${row.market} ${row.interval}`));
  return [
    element(
      "p",
      { className: "eyebrow" },
      `${things(new Set(judged.map((row) => row.model)).size, "model")} \u00b7 ${things(markets.size, "market")}`,
    ),
    verdict("h1", ...headline(judged)),
    element(
      "p",
      { className: "lead" },
      "Skill is how much smaller a model\u2019s error is than that of \u201cthe price stays where it is\u201d, on the same forecasts. Where the line crosses naive, luck explains the difference.",
    ),
    choice({ label: "Where the forecasts come from", options: SOURCES, value: source, take, key: "source" }),
    summary(judged),
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

function headline(judged) {
  const of = (word) => judged.filter((row) => row.verdict === word).length;
  if (of("better"))
    return [
      `${of("better")} of ${things(judged.length, "verdict")} ${of("better") === 1 ? "is" : "are"} better than naive.`,
      "better",
    ];
  if (of("not distinguishable"))
    return ["No model is better than naive: the best are not distinguishable from it.", "not distinguishable"];
  if (of("worse")) return ["Every model that was judged is worse than naive.", "worse"];
  return ["There are too few forecasts for a verdict so far.", "too few"];
}

function summary(judged) {
  const of = (word) => judged.filter((row) => row.verdict === word).length;
  const [best] = [...judged]
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
