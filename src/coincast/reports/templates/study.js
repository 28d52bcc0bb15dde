"use strict";
(() => {
  const widgets = JSON.parse(document.getElementById("data").textContent);
  const SPACE = "http://www.w3.org/2000/svg";
  const LEFT = 58, RIGHT = 10, TOP = 10, FOOT = 26;

  const number = (value, digits) => value.toLocaleString("en", { maximumFractionDigits: digits });

  function add(parent, name, attributes, text) {
    const made = document.createElementNS(SPACE, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }

  // Round numbers that are few and lie inside.
  function ticks(low, high, most) {
    const rough = (high - low) / most;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 2.5, 5, 10].find((times) => power * times >= rough);
    const found = [];
    for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(value);
    return { found, digits: Math.max(0, Math.ceil(-Math.log10(step) + (step / power === 2.5 ? 1 : 0))) };
  }

  function draw(place, panel, choice) {
    const width = Math.max(280, place.clientWidth);
    const height = width < 560 ? 220 : 260;
    const lines = [
      ...Object.entries(panel.fixed).map(([name, values]) => ({ name, values, role: /naive|last price/.test(name) ? "naive" : "ink" })),
      ...Object.entries(panel.chosen).map(([name, rows]) => ({ name, values: rows[choice], role: "model" })),
    ];
    const all = lines.flatMap((line) => line.values).filter((value) => value !== null);
    const low = Math.min(...all), high = Math.max(...all), room = (high - low) * 0.05 || 1;
    const x = (index) => LEFT + (width - LEFT - RIGHT) * index / Math.max(1, panel.dates.length - 1);
    const y = (value) => height - FOOT - (height - FOOT - TOP) * (value - low + room) / (high - low + 2 * room);
    const svg = document.createElementNS(SPACE, "svg");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("aria-hidden", "true");
    const marks = ticks(low - room, high + room, 5);
    for (const value of marks.found) {
      add(svg, "path", { class: "grid", d: `M${LEFT} ${y(value)}H${width - RIGHT}` });
      add(svg, "text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, number(value, marks.digits));
    }
    const dates = Math.max(2, Math.min(6, Math.floor((width - LEFT) / 110)));
    for (let part = 0; part < dates; part += 1) {
      const index = Math.round(part * (panel.dates.length - 1) / (dates - 1));
      const anchor = part === 0 ? "start" : part === dates - 1 ? "end" : "middle";
      add(svg, "text", { x: x(index), y: height - 8, "text-anchor": anchor }, panel.dates[index].slice(0, 10));
    }
    for (const line of lines) {
      let path = "", pen = "M";
      line.values.forEach((value, index) => {
        if (value === null) { pen = "M"; return; }
        path += `${pen}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
        pen = "L";
      });
      add(svg, "path", { class: line.role, d: path });
    }
    place.replaceChildren(svg);
    const ends = Object.values(panel.chosen).map((rows) => rows[choice].at(-1)).filter((value) => value !== null);
    const said = ends.length ? `ends at ${ends.map((value) => number(value, 2)).join(", ")} ${panel.unit}` : panel.unit;
    place.setAttribute("aria-label", `${panel.title}, ${said}`);
    return said;
  }

  for (const [id, widget] of Object.entries(widgets)) {
    const box = document.getElementById(id);
    const slide = box.querySelector("input"), shown = box.querySelector("output");
    const places = [...box.querySelectorAll(".panel")], heads = [...box.querySelectorAll("h5 small")];
    const show = () => {
      const choice = Number(slide.value);
      shown.textContent = widget.choices[choice];
      slide.setAttribute("aria-valuetext", `${widget.label} ${widget.choices[choice]}`);
      widget.panels.forEach((panel, index) => { heads[index].textContent = draw(places[index], panel, choice); });
    };
    slide.value = widget.chosen;
    slide.addEventListener("input", show);
    let width = 0;
    new ResizeObserver(() => { if (box.clientWidth !== width) { width = box.clientWidth; show(); } }).observe(box);
    show();
  }
})();
