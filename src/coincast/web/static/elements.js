// Elements of the page. Text from data enters the page here, and only as text.

const SVG = "http://www.w3.org/2000/svg";
let names = 0;

/** Make an element: properties are set as properties, `data-` and `aria-` names and `role` as attributes. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "place") Object.assign(made.style, value);
    else if (name in made && !name.startsWith("aria")) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...filled(children));
  return made;
}

/** Make an element of a drawing; colours come from its class. */
export function drawing(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...filled(children));
  return made;
}

/** Children without those that are not there, lists laid flat. */
function filled(children) {
  return children.flat(3).filter((child) => child !== undefined && child !== null && child !== false);
}

/** A name that no other element has. */
export const unique = (word) => `${word}-${(names += 1)}`;

/**
 * Put new children in the place of old ones. What the reader opened stays open, what he scrolled stays there, what he
 * had in focus keeps it: all are found again by `data-key`.
 */
export function swap(node, ...children) {
  const held = node.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const opened = new Map([...node.querySelectorAll("details[data-key]")].map((one) => [one.dataset.key, one.open]));
  const scrolled = new Map(
    [...node.querySelectorAll(".scroll[data-key]")].map((one) => [one.dataset.key, [one.scrollLeft, one.scrollTop]]),
  );
  node.replaceChildren(...filled(children));
  for (const one of node.querySelectorAll("[data-key]")) {
    const key = one.dataset.key;
    if (one.tagName === "DETAILS" && opened.has(key)) one.open = opened.get(key);
    if (scrolled.has(key)) one.scrollTo(...scrolled.get(key));
    if (held !== undefined && key === held) one.focus({ preventScroll: true });
  }
}
