// Jobs: what was started from the page, how far it is, and a way to end it.

import { remove } from "./api.js";
import { element } from "./elements.js";
import { card, entry, say } from "./parts.js";
import { amount, lasting, moment } from "./words.js";

export function jobCard(jobs) {
  if (!jobs.length) return null;
  return card({ title: "Started from this page" }, element("ul", { className: "list", id: "jobs" }, jobs.map(drawJob)));
}

function drawJob(job) {
  const works = ["waiting", "running"].includes(job.state);
  return entry(
    { "data-job": job.id, "data-state": job.state },
    element("b", {}, job.title),
    element("span", { className: "state" }, stateWords(job)),
    job.state === "running" && progressBar(job),
    works && job.progress && element("p", { className: "small" }, progressWords(job.progress)),
    job.message && element("p", { className: "worse" }, job.message),
    element("p", { className: "small" }, element("code", {}, job.command)),
    element("div", { className: "actions" }, job.run_id && look(job), works && cancelButton(job)),
  );
}

const progressWords = ({ words, loss }) => `${words}${loss === null ? "" : `, loss ${amount(loss)}`}`;

const look = (job) =>
  element(
    "a",
    { href: `#runs/${job.run_id}`, className: "button quiet", "data-key": `look-${job.id}` },
    job.state === "finished" ? "See what it found" : "Watch it",
  );

function cancelButton(job) {
  const cancel = async () => {
    button.disabled = true;
    try {
      await remove(`/jobs/${job.id}`);
      say("Cancelled.");
    } catch (error) {
      button.disabled = false;
      button.after(element("span", { className: "worse", role: "alert" }, error.message));
    }
  };
  const button = element(
    "button",
    { type: "button", className: "quiet", "data-key": `cancel-${job.id}`, onclick: cancel },
    "Cancel",
  );
  return button;
}

function stateWords({ state, began_at: began, ended_at: ended }) {
  if (state === "running") return `running since ${moment(began)} UTC`;
  if (began && ended) return `${state} after ${lasting(ended - began)}`;
  return state;
}

export function progressBar({ fraction, progress }) {
  const isKnown = fraction !== null;
  return element(
    "div",
    {
      className: isKnown ? "bar" : "bar unknown",
      role: "progressbar",
      "aria-label": progress?.words ?? "training",
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      "aria-valuenow": isKnown ? Math.round(100 * fraction) : undefined,
    },
    element("i", { place: isKnown ? { width: `${100 * fraction}%` } : {} }),
  );
}
