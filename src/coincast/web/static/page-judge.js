// Judge: somebody's own forecasts, dropped as a CSV, beside the naive one. Nothing of it is kept.

import { get, sendTable } from "./api.js";
import { element, swap } from "./elements.js";
import { drawJudgement } from "./judgement.js";
import { say } from "./parts.js";
import { bytes, intervalName } from "./words.js";

const MOST_BYTES = 4e6;
const QUANTITIES = [
  ["price", "price"],
  ["log_return", "log return"],
  ["direction", "direction"],
  ["volatility", "volatility"],
];
const EXAMPLE =
  "target_time,actual,predicted\n2024-01-01,42280.2,42012.9\n2024-01-02,44187.1,42280.2\n2024-01-03,44961.3,44187.1\n";

export async function open(panel) {
  const found = element("div", { id: "judgement", tabIndex: -1 });
  let newest = null;
  const judge = async (files, asked) => {
    const [file] = files;
    newest = file;
    const wrong = refuse(files);
    if (wrong) return void swap(found, refusal(wrong));
    swap(found, element("p", { className: "lead", role: "status" }, `Judging ${file.name || "your table"} \u2026`));
    try {
      const [told, columns] = await Promise.all([sendTable("/judge", asked, file), get("/leaderboard", { limit: 1 })]);
      if (file !== newest) return;
      swap(found, drawJudgement(told, columns.columns, file));
      say(told.headline);
      found.scrollIntoView({ block: "start" });
    } catch (error) {
      if (file === newest) swap(found, refusal(error.message));
    }
  };
  const fields = makeFields();
  const form = element(
    "div",
    { className: "on-screen" },
    makeZone((files) => judge(files, fields.read()), panel),
    fields.node,
  );
  swap(
    panel,
    element("p", { className: "eyebrow" }, "Your own forecasts, from anywhere"),
    element("h1", {}, "Is your forecast worth anything?"),
    element(
      "p",
      { className: "lead" },
      "Drop a CSV with what you forecast and what came. It is judged beside \u201cthe price stays where it is\u201d on the same dates, and nothing of it is kept.",
    ),
    form,
    found,
  );
  return { hears: [] };
}

/** What is wrong with files before any of them is sent; null where nothing is. */
function refuse(files) {
  if (files.length !== 1) return `${files.length || "No"} files were dropped; drop one CSV.`;
  const [{ name, size }] = files;
  if (size > MOST_BYTES) return `${name} has ${bytes(size)}; at most ${bytes(MOST_BYTES)}. Drop fewer rows.`;
  return null;
}

const refusal = (words) =>
  element(
    "section",
    { className: "empty", role: "alert" },
    element("h2", { className: "verdict" }, "This cannot be judged."),
    element("p", { className: "said" }, words),
  );

/** The place to drop a file, and the button for those who do not drop. */
function makeZone(take, panel) {
  const input = element("input", {
    type: "file",
    accept: ".csv,.tsv,.txt,text/csv",
    id: "forecasts",
    className: "unseen",
  });
  input.addEventListener("change", () => {
    if (input.files.length) take([...input.files]);
    input.value = "";
  });
  const zone = element(
    "div",
    { className: "drop" },
    element("p", {}, element("b", {}, "Drop a CSV here")),
    element(
      "p",
      { className: "actions centred" },
      element("label", { htmlFor: "forecasts", className: "button" }, "Choose a file"),
      input,
    ),
    element(
      "p",
      { className: "small centred" },
      `At most ${bytes(MOST_BYTES)}; columns target_time, actual, predicted, and more where there are more.`,
    ),
  );
  acceptDrops(zone, take, panel);
  return zone;
}

/** A file may fall anywhere while the page is shown: beside the place a browser would open it and leave the page. */
function acceptDrops(zone, take, panel) {
  const onDrag = (kind, act) =>
    document.addEventListener(kind, (event) => {
      if (panel.hidden || !event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      act(event);
    });
  const mark = (isOver) => () => zone.classList.toggle("over", isOver);
  onDrag("dragover", mark(true));
  onDrag("dragleave", mark(false));
  onDrag("drop", (event) => {
    mark(false)();
    take([...event.dataTransfer.files]);
  });
}

function makeFields() {
  const market = element("input", { type: "text", maxLength: 100, placeholder: "binance:BTC/USDT" });
  const interval = element(
    "select",
    {},
    ["", "1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w"].map((one) =>
      element("option", { value: one }, one ? intervalName(one) : "as in the file"),
    ),
  );
  const horizon = element("input", { type: "number", min: 1, max: 10000, placeholder: "1" });
  const quantity = element(
    "select",
    {},
    QUANTITIES.map(([value, words]) => element("option", { value }, words)),
  );
  const field = (words, control, note) => element("label", {}, words, control, element("small", {}, note));
  const node = element(
    "details",
    { className: "card", "data-key": "judge-fields" },
    element("summary", {}, element("h3", {}, "What the file does not say, and how it may look")),
    element(
      "div",
      { className: "fields spaced" },
      field("Market", market, "of rows that name none"),
      field("Interval", interval, "of the candles"),
      field("Steps ahead", horizon, "of every row"),
      field("What is forecast", quantity, "a price, mostly"),
    ),
    element("pre", {}, EXAMPLE),
  );
  const read = () => ({
    market: market.value.trim(),
    interval: interval.value,
    horizon: horizon.value,
    quantity: quantity.value,
  });
  return { node, read };
}
