// Jobs: what was started from the page, how far it is, and a way to end it.

import { remove } from "./api.js";
import { element } from "./elements.js";
import { card, say } from "./parts.js";
import { amount, lasting, moment } from "./words.js";

const WORKS = ["waiting", "running"];

export function jobCard(jobs) {
  if (!jobs.length) return null;
  return card({ title: "Started from this page" }, element("ul", { className: "list", id: "jobs" }, jobs.map(drawJob)));
}

function drawJob(job) {
  const works = WORKS.includes(job.state);
  return element(
    "li",
    { "data-job": job.id, "data-state": job.state },
    element(
      "div",
      { className: "run" },
      element(
        "div",
        { className: "head" },
        element("b", {}, job.title),
        element("span", { className: "state" }, stateWords(job)),
      ),
      job.state === "running" && progressBar(job),
      job.progress &&
        works &&
        element(
          "p",
          { className: "small" },
          `${job.progress.words}${job.progress.loss === null ? "" : `, loss ${amount(job.progress.loss)}`}`,
        ),
      job.message && element("p", { className: "worse" }, job.message),
      element("p", { className: "small" }, element("code", {}, job.command)),
      element(
        "div",
        { className: "actions" },
        job.run_id &&
          element(
            "a",
            { href: `#runs/${job.run_id}`, className: "button quiet", "data-key": `look-${job.id}` },
            job.state === "finished" ? "See what it found" : "Watch it",
          ),
        works &&
          element(
            "button",
            {
              type: "button",
              className: "quiet",
              "data-key": `cancel-${job.id}`,
              onclick: (event) => cancel(job, event.target),
            },
            "Cancel",
          ),
      ),
    ),
  );
}

async function cancel(job, button) {
  button.disabled = true;
  await remove(`/jobs/${job.id}`).then(
    () => say("Cancelled."),
    (error) => say(error.message),
  );
}

function stateWords({ state, began_at: began, ended_at: ended }) {
  if (state === "running") return `running since ${moment(began)} UTC`;
  if (began && ended) return `${state} after ${lasting(ended - began)}`;
  return state;
}

export function progressBar({ fraction, progress }) {
  const share = fraction ?? null;
  return element(
    "div",
    {
      className: share === null ? "bar unknown" : "bar",
      role: "progressbar",
      "aria-label": progress?.words ?? "training",
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      "aria-valuenow": share === null ? undefined : Math.round(100 * share),
    },
    element("i", { place: share === null ? {} : { width: `${100 * share}%` } }),
  );
}
