// Tables: sorted by a press on a heading; headings are explained to those who point at them or reach them by keyboard.

import { element, swap, unique } from "./elements.js";
import { count } from "./words.js";

const MANY_ROWS = 12;
const orders = new Map();
const tip = element("div", { className: "tip", role: "presentation", hidden: true });
document.body.append(tip);

/** A column: its heading, its explanation, what it is sorted by, and how that is written in a cell. */
export const column = (title, words, pick, write = (value) => value) => ({
  title,
  words,
  order: pick,
  cell: (row) => write(pick(row)),
});

/** A column of numbers, which stand at the right. */
export const numbers = (title, words, pick, write = count) => ({
  ...column(title, words, pick, write),
  isNumber: true,
});

/** A column of sentences, which may take several lines. */
export const prose = (title, words, pick) => ({ ...column(title, words, pick), className: "prose" });

/** A table of rows; `key` names it, so that its order and its place are kept when it is drawn anew. */
export function table({ label, key, columns, rows }) {
  const body = element("tbody");
  const headings = columns.map((one, at) => heading(one, `${key}-${at}`, () => sortBy(at)));
  const draw = () => {
    const { at, way } = orders.get(key) ?? {};
    headings.forEach((one, number) =>
      one.setAttribute("aria-sort", number !== at ? "none" : way > 0 ? "ascending" : "descending"),
    );
    const order = columns[at]?.order;
    const sorted = order ? [...rows].sort((a, b) => compare(order(a), order(b), way)) : rows;
    swap(
      body,
      sorted.map((row) => tableRow(row, columns)),
    );
  };
  const sortBy = (at) => {
    const now = orders.get(key);
    orders.set(key, { at, way: now?.at === at ? -now.way : columns[at].isNumber ? -1 : 1 });
    draw();
  };
  draw();
  return element(
    "div",
    {
      className: rows.length > MANY_ROWS ? "scroll tall" : "scroll",
      role: "region",
      "aria-label": label,
      tabIndex: 0,
      "data-key": `${key}-table`,
    },
    element("table", {}, element("thead", {}, element("tr", {}, headings)), body),
  );
}

function tableRow(row, columns) {
  const cells = columns.map(({ cell, isNumber, className = "" }, number) =>
    element(
      number ? "td" : "th",
      { className: isNumber ? "number" : className, scope: number ? undefined : "row" },
      cell(row),
    ),
  );
  return element("tr", {}, cells);
}

/** The order of two values; what is missing comes last, whichever way is sorted. */
function compare(a, b, way) {
  const isMissing = (value) => value === null || value === undefined || Number.isNaN(value);
  if (isMissing(a) || isMissing(b)) return isMissing(a) - isMissing(b);
  return way * (typeof a === "string" ? a.localeCompare(b) : a - b);
}

function heading({ title, words, isNumber }, key, sort) {
  const told = element("span", { id: unique("hint"), hidden: true }, words);
  const button = element(
    "button",
    { type: "button", className: "hint", "aria-describedby": told.id, "data-key": key, onclick: sort },
    title,
  );
  return element("th", { scope: "col", className: isNumber ? "number" : "" }, button, told);
}

/** Explain a heading beside it; none hides what was explained. */
function explain(button) {
  tip.hidden = !button;
  if (!button) return;
  tip.textContent = document.getElementById(button.getAttribute("aria-describedby")).textContent;
  const around = button.getBoundingClientRect();
  const left = Math.max(8, Math.min(around.left, document.documentElement.clientWidth - tip.offsetWidth - 8));
  const isBelow = around.bottom + 8 + tip.offsetHeight < innerHeight;
  Object.assign(tip.style, {
    left: `${left}px`,
    top: `${isBelow ? around.bottom + 8 : around.top - tip.offsetHeight - 8}px`,
  });
}

for (const kind of ["pointerover", "focusin"]) {
  addEventListener(kind, ({ target }) => explain(target.closest?.(".hint")));
}
addEventListener("focusout", () => explain(null));
addEventListener("keydown", (event) => event.key === "Escape" && explain(null));
addEventListener("scroll", () => explain(document.querySelector(".hint:focus-visible")), true);
