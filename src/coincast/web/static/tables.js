// Tables: sorted by a press on a heading; headings are explained to those who point at them or reach them by keyboard.

import { element, swap, unique } from "./elements.js";

const orders = new Map();
const tip = element("div", { className: "tip", role: "presentation", hidden: true });
document.body.append(tip);

/**
 * A table of rows.
 *
 * Columns are `{title, words, isNumber, cell(row), order(row)}`: a heading, its explanation, what stands in a cell (text or
 * an element), and by what is sorted. `key` names the table, so that its order is kept when it is drawn anew.
 */
export function table({ label, key, columns, rows, isTall = false }) {
  const body = element("tbody");
  const headings = columns.map((column, at) => heading(column, () => sortBy(at)));
  const shown = () => {
    const { at, way } = orders.get(key) ?? {};
    headings.forEach((one, number) =>
      one.setAttribute("aria-sort", number !== at ? "none" : way > 0 ? "ascending" : "descending"),
    );
    const sorted =
      at === undefined ? rows : [...rows].sort((a, b) => way * compare(columns[at].order(a), columns[at].order(b)));
    swap(
      body,
      sorted.map((row) =>
        element(
          "tr",
          {},
          columns.map((column, number) =>
            element(
              number ? "td" : "th",
              { className: column.isNumber ? "number" : (column.className ?? ""), scope: number ? undefined : "row" },
              column.cell(row),
            ),
          ),
        ),
      ),
    );
  };
  const sortBy = (at) => {
    const now = orders.get(key);
    orders.set(key, { at, way: now?.at === at ? -now.way : columns[at].isNumber ? -1 : 1 });
    shown();
  };
  shown();
  return element(
    "div",
    {
      className: isTall ? "scroll tall" : "scroll",
      role: "region",
      "aria-label": label,
      tabIndex: 0,
      "data-key": `${key}-table`,
    },
    element("table", {}, element("thead", {}, element("tr", {}, headings)), body),
  );
}

function compare(a, b) {
  const missing = (value) => value === null || value === undefined || Number.isNaN(value);
  if (missing(a) || missing(b)) return missing(a) === missing(b) ? 0 : missing(a) ? 1 : -1;
  return typeof a === "string" ? a.localeCompare(b) : a - b;
}

function heading({ title, words, isNumber, order }, sort) {
  const inside = order ? element("button", { type: "button", onclick: sort }, title) : element("span", {}, title);
  const made = element("th", { scope: "col", className: isNumber ? "number" : "" }, inside);
  if (words) explain(inside, words);
  return made;
}

/** Explain an element to those who point at it or reach it by keyboard. */
export function explain(node, words) {
  const told = element("span", { className: "unseen", id: unique("hint") }, words);
  node.setAttribute("aria-describedby", told.id);
  node.classList.add("hint");
  if (node.tagName !== "BUTTON") node.tabIndex = 0;
  node.after(told);
  queueMicrotask(() => told.isConnected || node.after(told));
  for (const name of ["pointerenter", "focus"]) node.addEventListener(name, () => show(node, words));
  for (const name of ["pointerleave", "blur"]) node.addEventListener(name, hide);
}

function show(node, words) {
  tip.textContent = words;
  tip.hidden = false;
  const around = node.getBoundingClientRect();
  const left = Math.max(8, Math.min(around.left, document.documentElement.clientWidth - tip.offsetWidth - 8));
  const below = around.bottom + 8 + tip.offsetHeight < innerHeight;
  Object.assign(tip.style, {
    left: `${left}px`,
    top: `${below ? around.bottom + 8 : around.top - tip.offsetHeight - 8}px`,
  });
}

function hide() {
  tip.hidden = true;
}

addEventListener("keydown", (event) => event.key === "Escape" && hide());
addEventListener("scroll", hide, true);
