// How numbers, times and names are written: the same here as in reports.

const MINUS = "\u2212";
const NOTHING = "\u2013";
const SPACE = "\u00a0";
const UNITS = { m: "minute", h: "hour", d: "day", w: "week", M: "month" };
const SECONDS = { m: 60, h: 3600, d: 86400, w: 604800, M: 2629800 };

const ROLES = { better: "better", worse: "worse", "not distinguishable": "undecided", "too few": "few" };
export const role = (word) => ROLES[word] || "muted";
export const known = (value) => typeof value === "number" && Number.isFinite(value);

const grouped = (value, digits) =>
  value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** A share as a percentage: 0.0912 is "9.1 %". */
export function percent(value, { signed = false, digits = 1 } = {}) {
  if (!known(value)) return NOTHING;
  const size = Math.abs(value) * 100;
  const text = grouped(size, size < 1000 ? digits : 0);
  const isZero = Number(text.replaceAll(",", "")) === 0;
  return (isZero ? "" : value < 0 ? MINUS : signed ? "+" : "") + text + SPACE + "%";
}

/** Both ends of an interval of a skill. */
export function span(low, high) {
  if (!known(low) && !known(high)) return NOTHING;
  const end = (value) => percent(value, { signed: true }).replace(SPACE + "%", "");
  return `${end(low)} to ${end(known(high) ? Math.min(high, 1) : high)}${SPACE}%`;
}

/** A price or an error, with as many decimals as it needs. */
export function amount(value, unit = "") {
  if (!known(value)) return NOTHING;
  const size = Math.abs(value);
  let digits = 2;
  if (size >= 10000) digits = size >= 1e6 ? 0 : 1;
  else if (size > 0 && size < 10) digits = Math.min(10, 3 - Math.floor(Math.log10(size)));
  return (value < 0 ? MINUS : "") + grouped(size, digits) + (unit ? SPACE + unit : "");
}

/** A tick of an axis, with as many decimals as the distance to the next one needs, and no more. */
export function evenly(value, step) {
  let digits = 0;
  const rest = (size) => Math.abs(size - Math.round(size)) / size;
  while (digits < 10 && rest(step * 10 ** digits) > 1e-6) digits += 1;
  return (value < -step * 1e-6 ? MINUS : "") + grouped(Math.abs(value), digits);
}

export const count = (value) => (known(value) ? grouped(value, 0) : NOTHING);

/** A number with what it counts: "1 forecast", "2,000 forecasts". */
export const things = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** The error that decides: of a price in percent, else as a number. */
export const error = (value, metric) =>
  metric === "abs_log_error" || metric === "miss" ? percent(value, { digits: 2 }) : amount(value);

export function bytes(value) {
  if (!known(value)) return NOTHING;
  return value < 1e6 ? `${grouped(value / 1e3, 0)} kB` : `${grouped(value / 1e6, 1)} MB`;
}

const two = (value) => String(value).padStart(2, "0");

export function day(time) {
  const at = new Date(time);
  return `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
}

export function clock(time, seconds = false) {
  const at = new Date(time);
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}${seconds ? `:${two(at.getUTCSeconds())}` : ""}`;
}

/** A moment as finely as candles of an interval need it; all times are UTC. */
export function moment(time, interval = "1m") {
  if (!known(time)) return NOTHING;
  return /[dwM]$/.test(interval) ? day(time) : `${day(time)} ${clock(time)}`;
}

export const intervalSeconds = (interval) => {
  const found = /^(\d+)([mhdwM])$/.exec(interval || "");
  return found ? Number(found[1]) * SECONDS[found[2]] : 86400;
};

/** `1d` is "1 day", `15m` "15 minutes". */
export function intervalName(interval) {
  const found = /^(\d+)([mhdwM])$/.exec(interval || "");
  return found ? things(Number(found[1]), UNITS[found[2]]) : interval || "";
}

/** `1d` is "1-day", for what stands before a noun. */
export function eachInterval(interval) {
  const found = /^(\d+)([mhdwM])$/.exec(interval || "");
  return found ? `${found[1]}-${UNITS[found[2]]}` : interval || "";
}

/** A length of time, roughly. */
export function lasting(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  for (const [length, noun] of [
    [86400, "day"],
    [3600, "hour"],
    [60, "minute"],
  ]) {
    if (seconds >= 2 * length) return things(Math.round(seconds / length), noun);
  }
  return things(seconds, "second");
}

/** What is traded, without where: `binance:BTC/USDT` is BTC/USDT. */
export const pair = (market) => (market || "").replace(/^[^:]*:/, "");
export const venue = (market) => ((market || "").includes(":") ? market.split(":", 1)[0] : "");
export const quote = (market) => (pair(market).split("/")[1] || "").split(":")[0];

/** `lstm.ensemble` is "LSTM ensemble". */
export const modelName = (model) =>
  (model || "")
    .replace(/^(ar|arima|arma|cnn|ets|ewma|garch|gru|har|lstm|mlp|rnn|tcn)(?![a-z])/, (letters) =>
      letters.toUpperCase(),
    )
    .replace(/\.ensemble$/, " ensemble")
    .replaceAll("_", " ");

/**
 * A sentence cut around its deciding word: [before, word, after, which of them it is].
 *
 * Where the word that is asked for is not in it, the sentence says another one; the last place counts, because a name that
 * stands before may hold such a word, too.
 */
export function around(sentence, word) {
  const tried = [word, ...Object.keys(ROLES)].filter(Boolean);
  for (const one of tried) {
    const at = (sentence || "").toLowerCase().lastIndexOf(one);
    if (at >= 0)
      return [sentence.slice(0, at), sentence.slice(at, at + one.length), sentence.slice(at + one.length), one];
  }
  return [sentence || "", "", "", word];
}
