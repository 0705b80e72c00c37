/* Makes link charts movable. What is in a chart, and where, is read from the picture that the server drew: both are one.
   Nothing here makes markup, and nothing here is needed to read: without scripts the picture stays. */
"use strict";
(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  const elementsOf = (picture) => {
    const nodes = Array.from(picture.querySelectorAll("[data-node]"), (at) => ({
      group: "nodes",
      data: {
        id: at.dataset.node, words: at.dataset.words, label: at.dataset.label, href: at.getAttribute("href") || "",
        colour: at.dataset.kind === "platform" ? "" : at.dataset.colour, focus: at.classList.contains("lc-focus") ? 1 : 0,
      },
      position: { x: Number(at.dataset.x), y: Number(at.dataset.y) },
    }));
    const edges = Array.from(picture.querySelectorAll("[data-from]"), (at, place) => ({
      group: "edges",
      data: {
        id: `edge ${place}`, source: at.dataset.from, target: at.dataset.to, label: at.dataset.label,
        thick: Number(at.dataset.thick), line: at.dataset.kind === "inferred" ? "dashed" : "solid",
      },
    }));
    return [...nodes, ...edges];
  };

  const cut = (text) => (text.length > 26 ? `${text.slice(0, 12)}\u2026${text.slice(-12)}` : text);
  const ownColour = (node) => node.data("colour") || colour("--ink");
  const look = () => [
    {
      selector: "node",
      style: {
        shape: "round-rectangle", width: 190, height: 42, "background-color": colour("--raised"),
        "border-width": (node) => (node.data("focus") ? 4 : 2), "border-color": ownColour,
        label: (node) => `${node.data("words")}\n${cut(node.data("label"))}`,
        "text-wrap": "wrap", "text-max-width": 184, "text-valign": "center", "font-size": 12, "line-height": 1.25,
        "font-family": "DejaVu Sans Mono, Liberation Mono, monospace", color: colour("--ink"),
      },
    },
    {
      selector: "edge",
      style: {
        width: (edge) => edge.data("thick"), "line-color": colour("--strong-line"), "line-opacity": 0.75,
        "line-style": (edge) => edge.data("line"), "target-arrow-shape": "triangle", "arrow-scale": 1.1,
        "target-arrow-color": colour("--strong-line"), "curve-style": "bezier", label: (edge) => cut(edge.data("label")),
        "font-size": 11, color: colour("--ink"), "text-background-color": colour("--raised"),
        "text-background-opacity": 0.9, "text-background-padding": 2, "min-zoomed-font-size": 7,
      },
    },
    { selector: "node:selected", style: { "background-color": colour("--accent-soft"), "border-width": 5 } },
    { selector: "edge:selected", style: { "line-color": colour("--accent"), "target-arrow-color": colour("--accent") } },
    { selector: ".beside", style: { "line-color": colour("--accent"), "target-arrow-color": colour("--accent") } },
  ];

  const movable = (figure) => {
    const picture = figure.querySelector("svg.linkchart");
    const stage = figure.querySelector(".linkchart-stage");
    const still = figure.querySelector(".linkchart-still");
    const told = figure.querySelector(".linkchart-told");
    const tools = figure.querySelector(".linkchart-tools");
    stage.hidden = told.hidden = tools.hidden = false;
    still.hidden = true;
    const chart = window.cytoscape({
      container: stage, elements: elementsOf(picture), style: look(), layout: { name: "preset", padding: 24 },
      minZoom: 0.1, maxZoom: 3, userZoomingEnabled: false, autounselectify: false, selectionType: "single",
      boxSelectionEnabled: false, hideEdgesOnViewport: false,
    });
    dark.addEventListener("change", () => chart.style(look()));
    figure.dataset.nodes = String(chart.nodes().length);

    const whole = () => chart.fit(undefined, 24);
    // A picture larger than the stage begins at what it is about, in a size that can be read.
    whole();
    if (chart.zoom() > 1) { chart.zoom(1); chart.center(); }
    if (chart.zoom() < 0.45) { chart.zoom(0.7); chart.center(chart.nodes("[focus = 1]")); }

    const choose = (node) => {
      chart.elements().unselect().removeClass("beside");
      node.select();
      node.connectedEdges().addClass("beside");
      const box = node.renderedBoundingBox();
      if (box.x1 < 0 || box.y1 < 0 || box.x2 > stage.clientWidth || box.y2 > stage.clientHeight) {
        if (calm.matches) { chart.center(node); } else { chart.animate({ center: { eles: node }, duration: 150 }); }
      }
      told.textContent = `${node.data("words")}: ${node.data("label")}`;
    };
    const nearest = (dx, dy) => {
      const from = chart.nodes(":selected")[0];
      if (!from) { return chart.nodes("[focus = 1]")[0] || chart.nodes()[0]; }
      const at = from.position();
      let found = from;
      let least = Infinity;
      chart.nodes().forEach((node) => {
        const [x, y] = [node.position("x") - at.x, node.position("y") - at.y];
        const along = x * dx + y * dy;
        const aside = Math.abs(x * dy) + Math.abs(y * dx);
        if (node !== from && along > 1 && along + 3 * aside < least) { least = along + 3 * aside; found = node; }
      });
      return found;
    };
    const open = (node) => { if (node && node.data("href")) { window.location.assign(node.data("href")); } };

    chart.on("tap", "node", (event) => choose(event.target));
    chart.on("dbltap", "node", (event) => open(event.target));
    chart.on("tap", "edge", (event) => {
      chart.elements().unselect().removeClass("beside");
      event.target.select();
      const [source, target] = [event.target.source(), event.target.target()];
      told.textContent = `${source.data("label")} \u2192 ${target.data("label")}: ${event.target.data("label")}`;
    });
    // A wheel moves the page until the chart was asked for.
    stage.addEventListener("focus", () => chart.userZoomingEnabled(true));
    stage.addEventListener("blur", () => chart.userZoomingEnabled(false));
    stage.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) { return; }
      const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (way) { event.preventDefault(); event.stopPropagation(); choose(nearest(...way)); }
      if (event.key === "Enter") { open(chart.nodes(":selected")[0]); }
      if (event.key === "+" || event.key === "-") { event.preventDefault(); zoom(event.key === "+" ? 1.25 : 0.8); }
      if (event.key === "0") { whole(); }
    });
    const zoom = (by) => chart.zoom({
      level: chart.zoom() * by, renderedPosition: { x: stage.clientWidth / 2, y: stage.clientHeight / 2 },
    });
    const doing = {
      nearer: () => zoom(1.25),
      farther: () => zoom(0.8),
      whole,
      still: (button) => {
        still.hidden = !still.hidden;
        stage.hidden = told.hidden = !still.hidden;
        button.setAttribute("aria-pressed", String(!still.hidden));
        if (still.hidden) { chart.resize(); }
      },
    };
    tools.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-tool]");
      if (button) { doing[button.dataset.tool](button); }
    });
  };

  if (!window.cytoscape) { return; }
  window.cytoscape.warnings(false);
  for (const figure of document.querySelectorAll("figure[data-linkchart]")) {
    if (figure.querySelectorAll("svg.linkchart [data-node]").length > 0) { movable(figure); }
  }
})();
