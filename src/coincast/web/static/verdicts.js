// The sentence over many verdicts.

import { things } from "./words.js";

const WORDS = ["better", "not distinguishable", "worse", "too few"];
const RIVAL = "\u201cthe price stays where it is\u201d";

/**
 * One sentence over the words of many verdicts, and the deciding word in it.
 *
 * `noun` is who was judged; naive itself has no word and does not count.
 */
export function overall(words, noun) {
  const [better, undecided, worse, few] = WORDS.map((word) => words.filter((one) => one === word).length);
  const total = better + undecided + worse + few;
  if (few === total) return ["There are too few scored forecasts for a verdict.", "too few"];
  if (better)
    return [`${better} of ${things(total, noun)} ${better === 1 ? "is" : "are"} better than ${RIVAL}.`, "better"];
  if (undecided) return [`No ${noun} is shown to be better: not distinguishable from ${RIVAL}.`, "not distinguishable"];
  return [`Every ${noun}${few ? " with a verdict" : ""} is worse than ${RIVAL}.`, "worse"];
}

/** How often each word was said: "2 not distinguishable, 1 worse". */
export const tally = (words) =>
  WORDS.map((word) => [words.filter((one) => one === word).length, word])
    .filter(([times]) => times)
    .map((said) => said.join(" "))
    .join(", ");
