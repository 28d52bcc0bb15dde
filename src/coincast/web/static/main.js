// The shell: which page is shown, and who is told what changes. Pages are fetched when they are first opened.

import { follow, get } from "./api.js";
import { swap } from "./elements.js";
import { fault, say, waiting } from "./parts.js";

const PAGES = ["now", "track-record", "leaderboard", "runs", "judge", "fool-yourself", "data"];
const FIRST = "now";
const PATIENCE = { soon: 300, pause: 1000, away: 30_000 };
const opened = new Map();
const ready = new Map();
const stale = new Set();
const working = new Set();
let shown = null;
let queued = null;
let line = null;
let again = null;

const tab = (name) => document.getElementById(`tab-${name}`);
const panel = (name) => document.getElementById(`panel-${name}`);

function whither() {
  const [name, rest = ""] = location.hash.slice(1).split("/");
  return PAGES.includes(name) ? [name, rest] : [FIRST, ""];
}

async function show() {
  const [name, rest] = whither();
  const before = shown;
  shown = name;
  for (const one of PAGES) {
    panel(one).hidden = one !== name;
    tab(one).setAttribute("aria-selected", String(one === name));
    tab(one).tabIndex = one === name ? 0 : -1;
  }
  document.title = `${tab(name).textContent} \u00b7 Coincast`;
  if (before !== name) tab(name).scrollIntoView({ block: "nearest", inline: "center" });
  if (before !== null && before !== name) scrollTo(0, 0);
  const page = await open(name, rest);
  page?.turn?.(rest);
  if (stale.has(name)) refresh();
}

async function open(name, rest) {
  if (!opened.has(name)) {
    swap(panel(name), waiting());
    opened.set(
      name,
      import(`./page-${name}.js`).then((module) => module.open(panel(name), rest)),
    );
    opened.get(name).then(
      (page) => {
        ready.set(name, page);
        panel(name).setAttribute("data-ready", "");
      },
      () => {},
    );
  }
  try {
    return await opened.get(name);
  } catch (error) {
    opened.delete(name);
    swap(
      panel(name),
      fault(error, () => show()),
    );
    return null;
  }
}

/** Something changed: pages that speak of it are drawn anew, the one that is seen soon, the others once they are. */
function changed(kind, data) {
  const isAll = kind === "hello" || kind === "reload"; // what changed before the line stood was told to nobody
  if (kind === "health") showHealth(data);
  if (isAll) {
    askHealth();
    stale.add(shown);
  }
  for (const name of opened.keys()) {
    const page = ready.get(name); // none yet: what it fetches may be older than this change
    if (!page || isAll || page.hears.includes(kind)) stale.add(name);
    page?.heard?.(kind, data);
  }
  queue();
}

/** Draw what is seen anew, soon. */
function queue() {
  if (stale.has(shown) && !working.has(shown)) queued ??= setTimeout(refresh, PATIENCE.soon);
}

/** Draw the page that is seen anew, one time after the other and with a pause between them. */
async function refresh() {
  clearTimeout(queued);
  queued = null;
  const name = shown;
  if (working.has(name) || !stale.delete(name)) return;
  if (!opened.has(name)) return void show();
  working.add(name);
  const page = await opened.get(name).catch(() => null);
  await page?.refresh?.().catch((error) => say(error.message));
  setTimeout(() => {
    working.delete(name);
    queue();
  }, PATIENCE.pause);
}

function showHealth(watch) {
  const pulse = document.getElementById("pulse");
  pulse.dataset.state = watch.state;
  pulse.lastElementChild.textContent = watch.words;
  pulse.title = watch.words;
}

async function askHealth() {
  try {
    const health = await get("/health");
    if (line?.readyState !== EventSource.CLOSED) showHealth(health.watch); // without a line the page does not follow it
    document.getElementById("version").textContent = `Coincast ${health.version}.`;
    const banner = document.getElementById("banner");
    banner.hidden = health.banner === null;
    banner.textContent = health.banner ?? "";
  } catch (error) {
    showHealth({ state: "offline", words: error.message });
  }
}

/** Open the line to the server while somebody looks: a browser has six for all of its windows together. */
function listen() {
  clearTimeout(again);
  line?.close();
  line = document.hidden ? null : follow(changed, lost);
}

/** A browser comes back by itself, but not where it was refused: then it is tried again after a while. */
function lost() {
  showHealth({ state: "offline", words: "connection lost, trying again" });
  if (line?.readyState === EventSource.CLOSED) again = setTimeout(listen, PATIENCE.away);
}

function walkTabs(event) {
  const at = PAGES.findIndex((name) => tab(name) === event.target);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: PAGES.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const name = PAGES[(to + PAGES.length) % PAGES.length];
  tab(name).focus();
  location.hash = name;
}

document.querySelector("[role=tablist]").addEventListener("keydown", walkTabs);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("content").focus();
});
document.addEventListener("visibilitychange", listen);
addEventListener("pagehide", () => line?.close());
addEventListener("hashchange", show);
addEventListener("pageshow", (event) => event.persisted && location.reload());
show();
askHealth();
listen();
