// What charts have in common: a frame, points, lines, and the run at a point.

const EDGE = { left: 58, right: 14, top: 10, bottom: 40 };

// A chart that is drawn again when its size, the runs or the metric change. `paint` draws into it
// and returns how to find the run at a point and where a run is.
function chart(id, height, paint, says) {
  const panel = $(id);
  const svg = draw(panel, "svg", { class: "chart", tabindex: "0", role: "img" });
  const tip = el("div", { class: "tip", hidden: true });
  panel.append(tip);
  let found = null, over = null, width = 0;
  const widthNow = () => Math.max(160, svg.clientWidth);
  const view = {
    draw() {
      width = widthNow();
      const tall = height(width);
      svg.setAttribute("viewBox", `0 0 ${width} ${tall}`);
      svg.setAttribute("height", tall);
      svg.setAttribute("aria-label", `${says()}. Arrow keys go from run to run, the best first; Enter picks one.`);
      svg.replaceChildren();
      found = paint(svg, width, tall);
      over = draw(svg, "g", { "pointer-events": "none" });
      view.mark();
    },
    mark() {
      if (!over) return;
      over.replaceChildren();
      for (const row of state.pinned) if (state.shown.includes(row)) found.trace(over, row, "picked");
      if (state.now >= 0) found.trace(over, state.now, "now");
      if (!svg.matches(":hover, :focus")) tip.hidden = true;
      else describe(tip, svg, panel, found.place(state.now));
    },
  };
  svg.addEventListener("pointermove", moved((event) => {
    const box = svg.getBoundingClientRect();
    mark(found.near(event.clientX - box.left, event.clientY - box.top));
  }));
  svg.addEventListener("pointerleave", () => {
    if (svg.matches(":focus-visible")) return;
    mark(-1);
    tip.hidden = true;
  });
  svg.addEventListener("blur", () => { tip.hidden = true; });
  svg.addEventListener("click", () => pin(state.now));
  svg.addEventListener("keydown", (event) => {
    if (event.target !== svg) return;
    const at = state.order.indexOf(state.now), last = state.order.length - 1;
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last }[event.key];
    if (to !== undefined && last >= 0) mark(state.order[Math.max(0, Math.min(last, to))]);
    else if (event.key === "Enter" || event.key === " ") pin(state.now);
    else if (event.key === "Escape") mark(-1);
    else return;
    event.preventDefault();
  });
  new ResizeObserver(() => { if (svg.clientWidth && widthNow() !== width) view.draw(); }).observe(panel);
  views.push(view);
  return view;
}

function describe(tip, svg, panel, place) {
  const row = state.now;
  if (row < 0 || !place) { tip.hidden = true; return; }
  const lines = [state.rank, columns.get("seconds"), columns.get("model_bytes"), ...ordered.slice(0, 5)].filter(Boolean);
  const list = lines.flatMap((each) => [el("dt", {}, each.label), el("dd", {}, shown(each, each.values[row]))]);
  tip.replaceChildren(el("strong", {}, data.names[row]), el("dl", {}, ...list));
  tip.hidden = false;
  const box = svg.getBoundingClientRect(), outer = panel.getBoundingClientRect();
  const x = box.left - outer.left + place[0], y = box.top - outer.top + place[1];
  const room = panel.clientWidth - tip.offsetWidth - 8;
  tip.style.left = `${Math.max(8, x + 16 > room ? x - tip.offsetWidth - 16 : x + 16)}px`;
  // Below the point if there is no room above it, under the bar.
  const above = box.top + place[1] - tip.offsetHeight - 12 > 60;
  tip.style.top = `${y + (above ? -tip.offsetHeight - 12 : 16)}px`;
}

function frame(svg, width, height, x, y, titles) {
  const right = width - EDGE.right, bottom = height - EDGE.bottom;
  const px = (place) => EDGE.left + 8 + place * (right - EDGE.left - 16);
  const py = (place) => bottom - 6 - place * (bottom - EDGE.top - 12);
  for (const [, place, label] of y.ticks) {
    draw(svg, "line", { class: "grid", x1: EDGE.left, x2: right, y1: py(place), y2: py(place) });
    draw(svg, "text", { x: EDGE.left - 8, y: py(place) + 4, "text-anchor": "end" }, cut(label, 8));
  }
  let free = -Infinity;
  for (const [, place, label] of x.ticks) {
    const words = cut(label, 14), half = words.length * 3.2;
    const at = Math.min(px(place), width - half - 2);
    draw(svg, "line", { class: "grid", x1: px(place), x2: px(place), y1: EDGE.top, y2: bottom });
    if (at - half < free) continue;
    draw(svg, "text", { x: at, y: bottom + 16, "text-anchor": "middle" }, words);
    free = at + half + 6;
  }
  draw(svg, "line", { class: "axis", x1: EDGE.left, x2: right, y1: bottom, y2: bottom });
  draw(svg, "text", { class: "title", x: right, y: height - 6, "text-anchor": "end" }, titles[0] + (x.log ? " (log)" : ""));
  draw(svg, "text", { class: "title", x: 2, y: height - 6 }, `↑ ${titles[1]}`);
  return [px, py];
}

// Each run as a point, by the values of two columns.
function points(svg, width, height, x, y) {
  const rows = state.shown.filter((row) => x.values[row] !== null && y.values[row] !== null);
  const across = scaleOf(x, rows, width / 90), up = scaleOf(y, rows, 5);
  const [px, py] = frame(svg, width, height, across, up, [x.label, y.label]);
  const spots = new Map(rows.map((row) => [row, [px(across.at(x.values[row])), py(up.at(y.values[row]))]]));
  const size = rows.length > 400 ? 3 : rows.length > 100 ? 4 : 5;
  shades(rows).forEach((members, group) => {
    const layer = draw(svg, "g", { fill: shade(group), "fill-opacity": rows.length > 400 ? 0.75 : 0.9 });
    for (const row of members) draw(layer, "circle", { cx: spots.get(row)[0].toFixed(1), cy: spots.get(row)[1].toFixed(1), r: size });
  });
  return {
    rows, spots, size,
    near: (left, top) => nearest(rows, 40 * 40, (row) => (spots.get(row)[0] - left) ** 2 + (spots.get(row)[1] - top) ** 2),
    trace(layer, row, kind) {
      const spot = spots.get(row);
      if (spot) draw(layer, "circle", { class: kind, cx: spot[0], cy: spot[1], r: size + 2.5 });
    },
    place: (row) => spots.get(row),
  };
}

// Each run as a line; `line` returns the path of one. With many, the palest have the opacity `least`.
function lines(svg, rows, line, least) {
  const many = rows.length > 200;
  shades(rows).forEach((members, group) => {
    if (members.length) draw(svg, "path", { d: members.map(line).join(""), stroke: shade(group), "stroke-width": many ? 0.7 : 1.5, opacity: many ? least + 0.09 * group : 0.9 });
  });
}

// The path through points, interrupted where one is null.
function polyline(spots) {
  let path = "", pen = "M";
  for (const spot of spots) {
    if (spot) path += `${pen}${spot[0].toFixed(1)} ${spot[1].toFixed(1)}`;
    pen = spot ? "L" : "M";
  }
  return path;
}

// The run whose distance is the smallest and below `most`; -1 if there is none.
function nearest(rows, most, distance) {
  let found = -1, least = most;
  for (const row of rows) {
    const far = distance(row);
    if (far < least) { least = far; found = row; }
  }
  return found;
}

function nothing(id, words) {
  $(id).append(quiet(words));
}
