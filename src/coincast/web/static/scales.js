// Where numbers and times lie on an axis, and which of them are written at it.

import { clock, day } from "./words.js";

const MINUTE = 60e3,
  HOUR = 3600e3,
  DAY = 864e5;
const STEPS = [1, 2, 5, 10, 15, 30]
  .map((n) => n * MINUTE)
  .concat(
    [1, 2, 3, 6, 12].map((n) => n * HOUR),
    [1, 2, 4, 7, 14].map((n) => n * DAY),
  );
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120];

/** A linear scale from a domain to a range of dots. */
export function scale([low, high], [first, last]) {
  const width = high - low || 1;
  return (value) => first + ((value - low) / width) * (last - first);
}

/** Round numbers within bounds, about as many as asked for. */
export function roundTicks(low, high, wanted) {
  const raw = (high - low || Math.abs(high) || 1) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find((one) => one * power >= raw * 0.999) * power;
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) ticks.push(at * step);
  return { ticks, step };
}

/** Moments within bounds for which there is room, with the words that tell them apart; the first one tells the year. */
export function timeTicks(low, high, wanted, isClear) {
  const raw = (high - low) / Math.max(1, wanted);
  const step = STEPS.find((one) => one >= raw);
  if (step === undefined) return monthTicks(low, high, raw).filter(({ at }) => isClear(at));
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) ticks.push(at);
  return ticks.filter(isClear).map((at, number) => ({ at, words: timeWords(at, step, number === 0) }));
}

function timeWords(at, step, isFirst) {
  if (step < DAY && at % DAY) return clock(at);
  return isFirst ? day(at) : day(at).slice(5);
}

function monthTicks(low, high, raw) {
  const every = MONTHS.find((months) => months * 30.4 * DAY >= raw) ?? MONTHS.at(-1);
  const first = new Date(low);
  const ticks = [];
  let month = Math.ceil((first.getUTCFullYear() * 12 + first.getUTCMonth()) / every) * every;
  for (; ; month += every) {
    const at = Date.UTC(Math.floor(month / 12), month % 12);
    if (at > high) return ticks;
    if (at >= low) ticks.push({ at, words: every >= 12 ? String(Math.floor(month / 12)) : day(at).slice(0, 7) });
  }
}

/** The smallest and the largest of many lists, without those that are no numbers, and a margin around them. */
export function bounds(lists, margin = 0) {
  let low = Infinity,
    high = -Infinity;
  for (const list of lists) {
    for (const value of list) {
      if (typeof value !== "number" || !Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return [0, 1];
  const room = (high - low || Math.abs(high) * 0.01 || 1) * margin;
  return [low - room, high + room];
}
