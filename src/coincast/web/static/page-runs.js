// Runs: what trains now and how far it is, what was found before, curves, reports; and a way to start more.

import { get } from "./api.js";
import { element, swap } from "./elements.js";
import { jobCard } from "./jobs.js";
import { makeOrderForm } from "./orders.js";
import { card, entry, nextSteps, say } from "./parts.js";
import { back, drawRun, reportLink } from "./run-detail.js";
import { count, modelName, moment, role, things } from "./words.js";

export async function open(panel, first) {
  const top = element("div"),
    jobs = element("div"),
    list = element("div"),
    detail = element("div", { id: "run-detail", tabIndex: -1 });
  const overview = element("div", {}, top, jobs);
  const order = element(
    "div",
    { className: "on-screen" },
    element("div", { className: "skeleton order", "aria-hidden": "true" }, element("i", { className: "s-card" })),
  );
  const state = { id: first, jobs: [], graphs: new Map(), hasMarkets: true };
  const showJobs = () => swap(jobs, jobCard(state.jobs));
  const showPart = () => {
    overview.hidden = list.hidden = order.hidden = Boolean(state.id);
    detail.hidden = !state.id;
  };
  const refresh = async () => {
    if (state.id) return showRun();
    const [runs, told] = await Promise.all([get("/runs", { limit: 100 }), get("/jobs", { limit: 50 })]);
    state.jobs = told.items;
    swap(top, head(runs, told.items));
    showJobs();
    swap(list, runList(runs));
  };
  const showRun = async () => {
    const { id } = state;
    const [run, curves, board] = await Promise.all([
      get(`/runs/${id}`),
      get(`/runs/${id}/curves`),
      get("/leaderboard", { limit: 1 }),
    ]);
    if (id === state.id) swap(detail, drawRun(run, curves.items, board.columns, state.graphs));
  };
  const turn = (id) => {
    if (id === state.id) return;
    state.id = id;
    state.graphs.clear();
    showPart();
    scrollTo({ top: 0 });
    refresh().catch((error) => (id ? swap(detail, back(), alarm(error)) : say(error.message)));
  };
  const started = (job) => {
    state.jobs = [job, ...state.jobs.filter((one) => one.id !== job.id)];
    showJobs();
    jobs.scrollIntoView({ block: "nearest" });
  };
  const offer = async () => {
    state.hasMarkets = true;
    const { node, hasMarkets } = await makeOrderForm(started);
    state.hasMarkets = hasMarkets;
    swap(order, node);
  };
  const heard = (kind, data) => {
    if (kind === "candle" && !state.hasMarkets) offer().catch((error) => say(error.message));
    if (kind !== "job") return;
    const known = state.jobs.find((one) => one.id === data.id);
    if (known?.state !== data.state) say(`${data.title}: ${data.state}.`);
    state.jobs = known ? state.jobs.map((one) => (one === known ? { ...one, ...data } : one)) : [data, ...state.jobs];
    if (!state.id) showJobs();
  };
  swap(panel, overview, order, list, detail);
  showPart();
  offer().catch((error) => swap(order, alarm(error)));
  await refresh();
  return { hears: ["run", "job"], refresh, turn, heard };
}

const alarm = (error) => element("p", { role: "alert", className: "lead" }, error.message);

function head(runs, jobs) {
  const working = jobs.filter((job) => job.state === "running").length,
    waiting = jobs.filter((job) => job.state === "waiting").length;
  const finished = runs.items.filter((run) => run.state === "finished").length;
  const words = working
    ? `${things(working, "training")} ${working === 1 ? "is" : "are"} running${waiting ? `, ${waiting} waiting` : ""}.`
    : finished
      ? `${things(finished, "run")} ${finished === 1 ? "has" : "have"} finished, none is running.`
      : "Nothing has been trained here yet.";
  const lead = runs.items.length
    ? "A run is a folder with all that is needed to understand and repeat it: its spec, losses, forecasts, scores and a report."
    : "Start a comparison here, or with one of these commands; each makes a run folder with its spec, losses, forecasts, scores and a report.";
  return runs.items.length || jobs.length
    ? [
        element("p", { className: "eyebrow" }, things(runs.total, "run folder")),
        element("h1", {}, words),
        element("p", { className: "lead" }, lead),
      ]
    : nextSteps(words, lead, runs.next_steps);
}

function runList(runs) {
  if (!runs.items.length) return null;
  return card(
    {
      title: "Run folders",
      caption: runs.total > runs.items.length ? `The newest ${runs.items.length} of ${count(runs.total)}.` : "",
    },
    element("ul", { className: "list" }, runs.items.map(runEntry)),
  );
}

function runEntry(run) {
  const what = [run.models.map(modelName).slice(0, 6).join(", "), run.markets.slice(0, 3).join(", ")];
  return entry(
    {},
    element("a", { href: `#runs/${run.id}`, "data-key": run.id }, element("b", {}, run.name)),
    element(
      "span",
      { className: "state" },
      `${run.kind}, `,
      element("b", { className: role(run.verdict) }, run.verdict ?? run.state),
      ` \u00b7 ${moment(run.changed_at)} UTC`,
    ),
    run.sentence && element("p", {}, run.sentence),
    element("p", { className: "small" }, what.filter(Boolean).join(" on ")),
    run.report && reportLink(run),
  );
}
