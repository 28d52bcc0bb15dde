// One run: what it found, its losses by epoch, and how to run it again.

import { makeChart } from "./chart.js";
import { element } from "./elements.js";
import { progressBar } from "./jobs.js";
import { boardTable, boards } from "./leaderboards.js";
import { bullets, card, copyButton, legend, more, verdict } from "./parts.js";
import { amount, modelName, moment, things } from "./words.js";

export const reportLink = (run) =>
  element(
    "p",
    {},
    element("a", { href: run.report, target: "_blank", rel: "noopener" }, "Its report"),
    element("span", { className: "muted" }, " (a page of its own)"),
  );
export const back = () => element("p", {}, element("a", { href: "#runs" }, "\u2190 All runs"));

export function drawRun(run, curves, columns, graphs) {
  return [
    back(),
    element("p", { className: "eyebrow" }, `${run.kind} \u00b7 ${run.state} \u00b7 ${moment(run.changed_at)} UTC`),
    run.sentence
      ? verdict("h1", run.sentence, run.verdict)
      : element("h1", { className: "verdict" }, run.state === "running" ? `${run.name} is being trained.` : run.name),
    run.progress && [
      progressBar({ fraction: run.progress.done / run.progress.total, progress: run.progress }),
      element("p", { className: "small" }, run.progress.words),
    ],
    run.sentences.length > 1 && bullets(run.sentences),
    run.report && reportLink(run),
    element("div", { id: "run-board" }, boards(run.leaderboard)),
    element(
      "div",
      { className: "pictures" },
      curves.map((one) => curveCard(one, graphs)),
    ),
    run.leaderboard.length > 0 && card({ title: "All columns" }, boardTable(run.leaderboard, columns, `run-${run.id}`)),
    run.notes.length > 0 && card({ title: "Notes" }, bullets(run.notes)),
    facts(run),
  ];
}

/** Losses by epoch; the chart lives as long as the page, so that a cursor is not lost when an epoch comes. */
function curveCard(one, graphs) {
  const key = `${one.market} ${one.model}`;
  if (!graphs.has(key))
    graphs.set(key, makeChart({ label: `Loss of ${modelName(one.model)} on ${one.market} by epoch` }));
  const graph = graphs.get(key),
    { epoch: x } = one;
  const hasHeld = one.validation_loss.some((value) => value !== null);
  graph.draw(() => ({
    x: { kind: "whole", title: "epoch" },
    y: { unit: "loss" },
    layers: [
      { kind: "band", role: "model", x, low: one.low, high: one.high },
      { kind: "line", role: "second", x, y: one.validation_loss },
      { kind: "line", role: "model", x, y: one.loss },
    ],
    points: x.map((at, number) => ({
      x: at,
      words: `epoch ${at}: loss ${amount(one.loss[number])}${one.validation_loss[number] === null ? "" : `, held back ${amount(one.validation_loss[number])}`}`,
    })),
  }));
  return card(
    {
      title: `Training of ${modelName(one.model)}`,
      caption: `${one.market}: mean over ${things(one.runs, "run")}, band from the smallest to the largest.`,
    },
    legend([["model", "training loss"], ...(hasHeld ? [["second", "on what was held back"]] : [])]),
    graph.node,
  );
}

function facts(run) {
  const seconds = Object.entries(run.seconds);
  return [
    seconds.length > 0 &&
      card(
        { title: "How long it took" },
        element(
          "dl",
          { className: "lines" },
          seconds.map(([name, took]) =>
            element("div", {}, element("dt", {}, name), element("dd", {}, `${amount(took)} s`)),
          ),
        ),
      ),
    run.spec &&
      more(
        "Its spec, to run it again",
        `spec-${run.id}`,
        element("pre", { tabIndex: 0 }, run.spec),
        copyButton(run.spec, "Copy the spec"),
      ),
  ];
}
