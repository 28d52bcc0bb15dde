// The shell: which page is shown, and who is told what changes. Pages are fetched when they are first opened.

import { follow, get } from "./api.js";
import { swap } from "./elements.js";
import { fault, say, waiting } from "./parts.js";

const PAGES = ["now", "track-record", "leaderboard", "runs", "judge", "fool-yourself", "data"];
const FIRST = "now";
const PATIENCE = { least: 300, most: 1000, away: 30_000 };
const opened = new Map();
const ready = new Map();
const stale = new Set();
let shown = null;
let queued = null;

const tab = (name) => document.getElementById(`tab-${name}`);
const panel = (name) => document.getElementById(`panel-${name}`);

function whither() {
  const [name, rest = ""] = location.hash.slice(1).split("/");
  return PAGES.includes(name) ? [name, rest] : [FIRST, ""];
}

async function show() {
  const [name, rest] = whither();
  const isAnother = name !== shown;
  shown = name;
  for (const one of PAGES) {
    panel(one).hidden = one !== name;
    tab(one).setAttribute("aria-selected", String(one === name));
    tab(one).tabIndex = one === name ? 0 : -1;
  }
  document.title = `${tab(name).textContent} \u00b7 Coincast`;
  if (isAnother) tab(name).scrollIntoView({ block: "nearest", inline: "center" });
  const page = await open(name);
  page?.turn?.(rest);
  if (stale.has(name)) refresh();
}

async function open(name) {
  if (!opened.has(name)) {
    swap(panel(name), waiting());
    opened.set(
      name,
      import(`./page-${name}.js`).then((module) => module.open(panel(name), whither()[1])),
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

/** Something changed: pages that speak of it are drawn anew, the one that is seen soon, the others when they are opened. */
function changed(kind, data) {
  if (kind === "health") showHealth(data);
  if (kind === "hello" || kind === "reload") askHealth();
  for (const name of opened.keys()) {
    const page = ready.get(name); // none yet: what it fetches may be older than this change
    if (!page || kind === "reload" || page.hears.includes(kind)) stale.add(name);
    page?.heard?.(kind, data);
  }
  if (stale.has(shown)) queued ??= setTimeout(refresh, document.hidden ? PATIENCE.most : PATIENCE.least);
}

async function refresh() {
  clearTimeout(queued);
  queued = setTimeout(() => {
    queued = null;
    if (stale.has(shown)) refresh();
  }, PATIENCE.most);
  const name = shown;
  if (!stale.delete(name)) return;
  const page = await open(name);
  await page?.refresh?.().catch((error) => say(error.message));
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
    showHealth(health.watch);
    document.getElementById("version").textContent = `Coincast ${health.version}.`;
    const banner = document.getElementById("banner");
    banner.hidden = health.banner === null;
    banner.textContent = health.banner ?? "";
  } catch (error) {
    showHealth({ state: "offline", words: error.message });
  }
}

/** The line to the server; a browser gives up on one that was refused, so it is opened again after a while. */
function listen() {
  const source = follow(changed, (isThere) => {
    if (isThere) return;
    showHealth({ state: "offline", words: "connection lost, trying again" });
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, PATIENCE.away);
  });
  addEventListener("pagehide", () => source.close(), { once: true });
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
addEventListener("hashchange", show);
addEventListener("pageshow", (event) => event.persisted && location.reload());
show();
askHealth();
listen();
