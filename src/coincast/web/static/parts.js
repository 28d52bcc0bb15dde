// Parts that several pages are made of.

import { element, unique } from "./elements.js";
import { around, role } from "./words.js";

/** A verdict as a heading, its deciding word in its colour. */
export function verdict(tag, sentence, word, properties = {}) {
  const [before, said, after, found] = around(sentence, word);
  return element(
    tag,
    { className: "verdict", ...properties },
    before,
    said && element("em", { className: role(found) }, said),
    after,
  );
}

/** Four figures with what they are; `role` gives a colour. */
export function figures(list) {
  return element(
    "dl",
    { className: "figures" },
    list.map(({ text, caption, role: tone, id }) =>
      element(
        "div",
        { className: "card" },
        element("dd", { className: [tone ?? "", text.length > 11 ? "long" : ""].join(" ").trim(), id }, text),
        element("dt", {}, caption),
      ),
    ),
  );
}

/** A card with a title and a line that says what it shows, over which span, on how many forecasts. */
export function card({ title, caption, key, className = "" }, ...children) {
  const id = unique("card");
  const made = element(
    "section",
    { className: `card ${className}`.trim(), "aria-labelledby": id },
    element("h3", { id }, title),
    caption && element("p", { className: "small" }, caption),
    children,
  );
  if (key) made.dataset.key = key;
  return made;
}

/** What lines and bands of a chart mean: pairs of role and words. */
export const legend = (pairs) =>
  element(
    "ul",
    { className: "key" },
    pairs.map(([tone, words]) => element("li", {}, element("i", { className: tone, "aria-hidden": "true" }), words)),
  );

/** An entry of a list: its name, how it stands with it at the right, and what more there is to say. */
export const entry = (properties, name, state, ...rest) =>
  element(
    "li",
    properties,
    element("div", { className: "run" }, element("div", { className: "head" }, name, state), rest),
  );

export const bullets = (lines) =>
  element(
    "ul",
    {},
    lines.map((line) => element("li", {}, line)),
  );

/** What can be opened for more. */
export function more(title, key, ...children) {
  return element(
    "details",
    { className: "card", "data-key": key },
    element("summary", {}, element("h3", {}, title)),
    children,
  );
}

/** What to do where there is nothing yet: the exact commands, ready to be copied. */
export function nextSteps(title, words, commands) {
  return element(
    "section",
    { className: "empty" },
    element("h1", { className: "verdict" }, title),
    element("p", { className: "lead" }, words),
    commands.length > 0 &&
      element(
        "ul",
        { className: "commands" },
        commands.map((command) => element("li", {}, element("code", {}, command), copyButton(command))),
      ),
  );
}

export function copyButton(text, words = "Copy") {
  const button = element("button", { type: "button", className: "quiet", "aria-label": `${words}: ${text}` }, words);
  button.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(text).then(
      () => {
        button.textContent = "Copied";
        say("Copied.");
      },
      () => {
        button.textContent = "Not allowed";
      },
    );
    setTimeout(() => {
      button.textContent = words;
    }, 2000);
  });
  return button;
}

/** What the server refused, and a way to ask again. */
export function fault(error, again) {
  return element(
    "section",
    { className: "empty", role: "alert" },
    element("h1", { className: "verdict" }, "This could not be fetched."),
    element("p", { className: "lead" }, error.message),
    again && element("p", {}, element("button", { type: "button", onclick: again }, "Ask again")),
  );
}

/** The room that a page will take, so that nothing jumps when its data comes. */
export const waiting = () =>
  element(
    "div",
    { className: "skeleton", "aria-hidden": "true" },
    element("i", { className: "s-line" }),
    element("i", { className: "s-head" }),
    element(
      "div",
      { className: "figures" },
      [0, 1, 2, 3].map(() => element("i", { className: "s-figure" })),
    ),
    element("i", { className: "s-card" }),
    element("i", { className: "s-card" }),
  );

let spoken = 0;

/** Tell a listener what changed; of what changes each second only now and then, unless he asked for it. */
export function say(words, { asked = true } = {}) {
  if (!asked && Date.now() - spoken < 10_000) return;
  spoken = Date.now();
  document.getElementById("said").textContent = words;
}

/** A row of choices of which one is taken: radio buttons, with arrow keys as the browser has them. */
export function choice({ label, options, value, take, key }) {
  const name = unique("choice");
  return element(
    "fieldset",
    { className: "choice" },
    element("legend", { className: "unseen" }, label),
    options.map(({ value: own, words }) =>
      element(
        "label",
        {},
        element("input", {
          type: "radio",
          name,
          value: own,
          checked: own === value,
          onchange: () => take(own),
          "data-key": `${key}-${own}`,
        }),
        element("span", {}, words),
      ),
    ),
  );
}
