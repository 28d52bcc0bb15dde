"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("data").textContent);
  const narrow = matchMedia("(max-width: 700px)");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Set();
  let printing = false;

  const colour = (role) => getComputedStyle(document.documentElement).getPropertyValue(`--${role}`).trim();
  const small = () => narrow.matches && !printing;
  const faint = (hex, share) => hex + Math.round(share * 255).toString(16).padStart(2, "0");

  // One meaning, one colour: a trace names its role, the page's palette gives the colour.
  function dress(trace) {
    const line = {
      price: { color: colour("price"), width: small() ? 1.4 : 1.8 },
      ink: { color: colour("ink"), width: 1.6 },
      model: { color: colour("model"), width: small() ? 1.5 : 2 },
      validation: { color: colour("model"), width: 2, dash: "dash" },
      naive: { color: colour("naive"), width: trace.x.length > 500 ? 0.9 : small() ? 1.3 : 1.6, dash: "4px,3px" },
      thin: { color: faint(colour("model"), 0.3), width: 0.8 },
      band: { color: "transparent", width: 0 },
      muted: { color: "transparent", width: 0 },
    }[trace.role];
    const { role, unit, ...rest } = trace;
    const made = { type: "scatter", hovertemplate: `%{y:,.6~g} ${unit || ""}`, ...rest };
    if (line) made.line = line;
    if (role === "band" && trace.fill) made.fillcolor = faint(colour("model"), dark.matches && !printing ? 0.28 : 0.18);
    if (role === "muted" && trace.fill) made.fillcolor = faint(colour("muted"), dark.matches && !printing ? 0.26 : 0.16);
    if (role === "truth") made.marker = { color: colour("ink"), size: 4 };
    if (role === "lowest") made.marker = { color: "transparent", size: 15, line: { color: colour("model"), width: 2 } };
    if (role === "bars") { made.marker = { color: faint(colour("model"), 0.6), line: { width: 0 } }; delete made.mode; }
    if (role === "ink") made.fillcolor = faint(colour("muted"), 0.18);
    if (role === "dots") made.marker = { color: faint(colour("model"), 0.5), size: 4 };
    if (role === "model" && (trace.mode || "").includes("markers")) made.marker = { color: colour("model"), size: 6 };
    if (role === "volume") { made.marker = { color: colour("naive"), line: { width: 0 } }; delete made.mode; }
    if (trace.hoverinfo === "skip") delete made.hovertemplate;
    return made;
  }

  function arrange(chart) {
    const given = chart.layout;
    const size = small() ? 13 : 12;
    const axis = {
      gridcolor: colour("rule"), zeroline: false, linecolor: colour("rule"), automargin: true, fixedrange: small(),
      tickfont: { color: colour("muted"), size }, nticks: small() ? 5 : 8,
    };
    const label = (text, y) => ({
      text, x: 0, y, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", showarrow: false,
      font: { color: colour("muted"), size },
    });
    const layout = {
      margin: { l: 44, r: 10, t: 26, b: given.x ? 42 : 30 }, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
      font: { family: getComputedStyle(document.body).fontFamily, color: colour("ink"), size },
      showlegend: false, hovermode: given.x ? "closest" : "x unified", dragmode: small() ? false : "zoom", bargap: 0,
      hoverlabel: { bgcolor: colour("card"), bordercolor: colour("rule"), font: { color: colour("ink") } },
      xaxis: { ...axis, showgrid: false, type: given.x ? "linear" : "date", hoverformat: given.x ? undefined : "%Y-%m-%d %H:%M" },
      yaxis: { ...axis, rangemode: given.zero ? "tozero" : "normal", separatethousands: true, fixedrange: true },
      annotations: [label(given.y, 1.0)],
    };
    if (given.whole) layout.xaxis.tickformat = "d";
    if (given.whole && chart.traces[0].x.length < 12) layout.xaxis.dtick = 1;
    if (given.x) layout.xaxis.title = { text: given.x, font: { size: 12, color: colour("muted") }, standoff: 6 };
    else if (chart.traces.every((trace) => String(trace.x[0]).length === 10)) layout.xaxis.hoverformat = "%Y-%m-%d";
    if (!given.x) layout.xaxis.range = extent(chart);
    if (given.y2) {
      layout.xaxis.anchor = "y2";
      layout.yaxis.domain = [0.36, 1];
      layout.yaxis2 = { ...axis, domain: [0, 0.24], rangemode: "tozero", nticks: 4, fixedrange: true };
      layout.annotations.push(label(given.y2, 0.255));
    }
    layout.shapes = (given.parts || []).map(([name, first, last]) => ({
      type: "rect", xref: "x", yref: "paper", x0: first, x1: last, y0: 0, y1: 1, layer: "below", line: { width: 0 },
      fillcolor: faint(colour("muted"), name === "test" ? 0.13 : 0.06),
    }));
    return layout;
  }

  // Markers would widen the axis of time beyond the data.
  function extent(chart) {
    const all = chart.traces.flatMap((trace) => trace.x);
    return [all.reduce((a, b) => (a < b ? a : b)), all.reduce((a, b) => (a > b ? a : b))];
  }

  function draw(id) {
    const chart = charts[id];
    const config = { responsive: !printing, displayModeBar: false, displaylogo: false, scrollZoom: false, doubleClick: "reset" };
    drawn.add(id);
    const pressed = document.querySelector(`button[data-chart="${id}"][aria-pressed="true"]`);
    const done = Plotly.react(id, chart.traces.map(dress), arrange(chart), config);
    if (pressed && pressed.previousElementSibling) show(pressed);
    return done;
  }

  // Prices fill the height of the part that is shown.
  function show(button) {
    const { chart: id, first, last } = button.dataset;
    let low = Infinity, high = -Infinity;
    for (const trace of charts[id].traces) {
      trace.x.forEach((x, place) => {
        const y = trace.y[place];
        if (y !== null && x >= first && x <= last) { low = Math.min(low, y); high = Math.max(high, y); }
      });
    }
    const room = (high - low) * 0.06 || 1;
    const whole = !button.previousElementSibling;
    Plotly.relayout(id, whole ? { "xaxis.range": extent(charts[id]), "yaxis.autorange": true }
      : { "xaxis.range": [first, last], "yaxis.range": [low - room, high + room] });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".ranges button");
    if (!button) return;
    for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
    show(button);
  });

  // A figure that points at a row of a closed table opens it.
  function open() {
    const row = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const box = row && row.closest("details");
    if (box && !box.open) { box.open = true; row.scrollIntoView({ block: "center" }); }
  }
  addEventListener("hashchange", open);
  open();

  const redraw = () => drawn.forEach(draw);
  narrow.addEventListener("change", redraw);
  dark.addEventListener("change", redraw);
  addEventListener("beforeprint", () => {
    printing = true;
    document.documentElement.classList.add("print");
    Object.keys(charts).forEach((id) => { document.getElementById(id).style.width = "670px"; draw(id); });
  });
  addEventListener("afterprint", () => {
    printing = false;
    document.documentElement.classList.remove("print");
    Object.keys(charts).forEach((id) => { document.getElementById(id).style.width = ""; draw(id); });
  });

  const near = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (entry.isIntersecting && !drawn.has(entry.target.id)) draw(entry.target.id);
  }), { rootMargin: "900px" });
  Object.keys(charts).forEach((id) => near.observe(document.getElementById(id)));
})();
