// What the server is asked, and what it tells by itself.

const BASE = "/api/v1";

/** What the server refused, in its own words. */
class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(BASE + path, options);
  } catch (fault) {
    if (fault.name === "AbortError") throw fault;
    throw new Refused(0, "offline", "The server does not answer. Is coincast serve still running?");
  }
  if (response.status === 401) {
    location.assign("/login");
  }
  const told = await response.json().catch(() => null);
  if (!response.ok) {
    const { code = "failed", message = `The server answered ${response.status}.` } = told?.error ?? {};
    throw new Refused(response.status, code, message);
  }
  return told;
}

const query = (asked) => {
  const pairs = Object.entries(asked).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
};

export const get = (path, asked = {}, signal) => ask(path + query(asked), { signal });

export const send = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const sendTable = (path, asked, file) =>
  ask(path + query(asked), { method: "POST", headers: { "Content-Type": "text/csv" }, body: file });

export const remove = (path) => ask(path, { method: "DELETE", headers: { "Content-Type": "application/json" } });

/** Every page of a list, up to a limit. */
export async function getAll(path, asked = {}, most = 1000) {
  const first = await get(path, asked);
  const items = [...first.items];
  let { next } = first;
  while (next && items.length < most) {
    const more = await get(path, { ...asked, cursor: next });
    items.push(...more.items);
    next = more.next;
  }
  return { ...first, items, next };
}

/** The newest candles of a market; null where the store has none, or they cannot be read just now. */
export const newestCandles = (id) => (id ? get(`/markets/${id}/candles`, { last: 120 }).catch(() => null) : null);

const KINDS = ["hello", "reload", "candle", "forecast", "score", "outage", "health", "run", "job", "record"];

/** Follow what changes: `tell(kind, data)` for each message, `lost()` when the line breaks. */
export function follow(tell, lost) {
  const source = new EventSource(`${BASE}/events`);
  for (const kind of KINDS) {
    source.addEventListener(kind, (message) => tell(kind, JSON.parse(message.data)));
  }
  source.addEventListener("error", lost);
  return source;
}
