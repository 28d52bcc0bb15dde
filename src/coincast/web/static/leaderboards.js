// Leaderboards: the picture with naive at zero for each market, and the table with every column explained.

import { skillRows } from "./board.js";
import { element } from "./elements.js";
import { card } from "./parts.js";
import { table } from "./tables.js";
import { count, error, intervalName, known, modelName, percent, role, things } from "./words.js";

const SHARES = ["skill", "low", "high", "detectable"];
const NUMBERS = [...SHARES, "value", "naive", "p", "p_holm", "n", "runs", "runs_better"];

export const isNaive = (row) => row.verdict === null && /^naive\b/.test(row.model);

/** One card for each market, interval and quantity, the best model first. */
export function boards(rows) {
  const groups = new Map();
  for (const row of rows) {
    const key = [row.market, row.interval, row.quantity].join(" ");
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((group) => oneBoard(group, rows));
}

function oneBoard(group, rows) {
  const [{ market, interval, quantity }] = group;
  const sorted = [...group].sort((a, b) => (b.skill ?? -Infinity) - (a.skill ?? -Infinity));
  const numbers = group.map((row) => row.n).filter(known);
  const many = numbers.length
    ? Math.min(...numbers) === Math.max(...numbers)
      ? things(numbers[0], "forecast")
      : `${count(Math.min(...numbers))} to ${things(Math.max(...numbers), "forecast")}`
    : "";
  const what = [interval && intervalName(interval), quantity !== "price" && quantity.replace("_", " "), many]
    .filter(Boolean)
    .join(" \u00b7 ");
  return card(
    {
      title: market,
      caption: `${what}. Dot: skill. Line: 95 % interval of the same test that gives the verdict.`,
      key: `board ${market} ${interval} ${quantity}`,
    },
    skillRows(
      sorted.map((row) => ({
        ...row,
        name: modelName(row.model),
        note: from(row),
        isNaive: isNaive(row),
        href: row.run_id ? `#runs/${row.run_id}` : null,
      })),
      rows,
    ),
  );
}

const from = (row) => ({ ledger: `live, ${things(row.n ?? 0, "origin")}`, run: row.run })[row.source] ?? null;

/** The whole table; columns are those of the server, with its words. */
export function boardTable(rows, columns, key) {
  return table({
    label: "Leaderboard, all columns",
    key,
    rows,
    columns: [columns.find((one) => one.name === "model"), ...columns.filter((one) => one.name !== "model")]
      .filter(Boolean)
      .map(({ name, title, unit, words }) => ({
        title,
        words: unit && unit !== "share" ? `${words} (${unit})` : words,
        isNumber: NUMBERS.includes(name),
        cell: (row) => cell(row, name),
        order: (row) => row[name],
      })),
  });
}

function cell(row, name) {
  const value = row[name];
  if (name === "model") return modelName(value);
  if (name === "verdict")
    return isNaive(row) ? "naive itself" : element("b", { className: role(value) }, value ?? "\u2013");
  if (SHARES.includes(name)) return percent(value, { signed: name !== "detectable" });
  if (name === "value" || name === "naive") return error(value, row.metric);
  if (name === "p" || name === "p_holm")
    return known(value) ? (value < 0.001 ? "< 0.001" : value.toFixed(3)) : "\u2013";
  if (NUMBERS.includes(name)) return count(value);
  if (name === "source" && row.run_id) return element("a", { href: `#runs/${row.run_id}` }, row.run);
  return value === null || value === undefined ? "\u2013" : String(value).replaceAll("_", " ");
}
