// The charts: cost and result, learning curves, parallel coordinates, importance, any two values.

const addChoice = (id, ...given) => $(id).querySelector(".controls").append(choice(...given));

function costs() {
  const known = of("cost");
  if (!known.length || !state.rank) return nothing("cost", "No run has both a cost and a metric.");
  let cost = known[0];
  addChoice("cost", "cost", labelled(known), cost.key, (key) => { cost = columns.get(key); view.draw(); });
  $("cost").append(quiet("Dashed: the Pareto front, the runs that no other one beats at the same or a lower cost."));
  const list = el("ul", { class: "front-list", "aria-label": "Pareto front" });
  const view = chart("cost", () => 330, (svg, width, height) => {
    const found = points(svg, width, height, cost, state.rank);
    const front = pareto(found.rows, cost, state.rank);
    let path = "";
    for (const [index, row] of front.entries()) {
      const [x, y] = found.spots.get(row);
      path += index ? `H${x.toFixed(1)}V${y.toFixed(1)}` : `M${x.toFixed(1)} ${y.toFixed(1)}`;
    }
    if (front.length) draw(svg, "path", { class: "front", d: `${path}H${width - EDGE.right}` });
    for (const row of front) draw(svg, "circle", { class: "on-front", cx: found.spots.get(row)[0], cy: found.spots.get(row)[1], r: found.size + 1.5 });
    list.replaceChildren(...front.slice(-8).map((row) => el("li", {}, el("button", {
      type: "button", onclick: () => pin(row), onpointermove: moved(() => mark(row)), onfocus: () => mark(row),
    }, `${cut(data.names[row], 24)}: ${shown(state.rank, state.rank.values[row])}, ${shown(cost, cost.values[row])}`))));
    return found;
  }, () => `${state.rank.label} by ${cost.label}, with the Pareto front`);
  $("cost").append(list);
}

function pareto(rows, cost, rank) {
  const sorted = [...rows].sort((a, b) => cost.values[a] - cost.values[b] || better(rank, rank.values[a], rank.values[b]));
  const front = [];
  for (const row of sorted) {
    const last = front[front.length - 1];
    if (last === undefined || better(rank, rank.values[row], rank.values[last]) < 0) front.push(row);
  }
  return front;
}

function curves() {
  const names = Object.keys(data.curves).filter((name) => data.curves[name].some((each) => each.length > 1));
  if (!names.length) return nothing("curves", "No run was trained for several epochs.");
  let name = names[0];
  addChoice("curves", "show", names.map((each) => [each, each]), name, (key) => { name = key; view.draw(); });
  const view = chart("curves", (width) => (width < 500 ? 330 : 400), (svg, width, height) => {
    const series = data.curves[name];
    const rows = state.shown.filter((row) => series[row].length);
    const epochOf = (row, index) => 1 + index * data.every[row];
    const longest = Math.max(2, ...rows.map((row) => epochOf(row, series[row].length - 1)));
    const column = { unit: name.endsWith("accuracy") ? "percent" : "decimal", label: name };
    const known = rows.map((row) => series[row].filter((each) => each !== null)).filter((each) => each.length);
    const highest = known.map((each) => Math.max(...each)).sort((a, b) => a - b);
    // A run that diverged would flatten all others.
    const usual = highest[Math.floor((highest.length - 1) / 2)];
    const high = Math.min(highest[highest.length - 1] ?? 1, usual > 0 ? 3 * usual : Infinity);
    const y = numbers([Math.min(high, ...known.map((each) => Math.min(...each))), high], column, 5, true);
    const x = numbers([1, longest], { unit: "count" }, Math.min(longest - 1, width / 80), true);
    const [px, py] = frame(svg, width, height, x, y, ["epoch", name]);
    const spot = (row, index) => (series[row][index] == null ? null : [px(x.at(epochOf(row, index))), py(Math.max(-0.02, Math.min(1.02, y.at(series[row][index]))))]);
    const line = (row) => polyline(series[row].map((_, index) => spot(row, index)));
    lines(svg, rows, line, 0.28);
    return {
      near(left, top) {
        const epoch = Math.max(1, Math.min(longest, Math.round(1 + ((left - px(0)) / (px(1) - px(0))) * (longest - 1))));
        return nearest(rows, 30, (row) => Math.abs((spot(row, Math.round((epoch - 1) / data.every[row])) ?? [0, Infinity])[1] - top));
      },
      trace(layer, row, kind) { if (series[row].length) draw(layer, "path", { class: kind, d: line(row) }); },
      place: (row) => (row < 0 ? null : spot(row, series[row].length - 1)),
    };
  }, () => `${name} after each epoch, a line for each run; the stronger its colour, the better`);
}

function parallel() {
  if (!settings.length) return nothing("axes", "All runs have the same settings.");
  const known = [...ordered, ...of("cost"), ...results];
  for (const each of [...ordered.slice(0, innerWidth < 700 ? 3 : 6), state.rank]) if (each) state.axes.add(each.key);
  $("axes").querySelector(".controls").append(picker("axes", known, state.axes, () => {
    for (const key of [...state.brushes.keys()]) if (!state.axes.has(key)) state.brushes.delete(key);
    refilter();
  }));
  $("axes").append(quiet("Each line is a run; the stronger its colour, the better. Drag along an axis to keep some values, click it to keep all."));
  chart("axes", (width) => (width < 500 ? 300 : 360), (svg, width, height) => {
    const shownAxes = known.filter((each) => state.axes.has(each.key) && each !== state.rank);
    if (state.rank && state.axes.has(state.rank.key)) shownAxes.push(state.rank);
    const top = 46, bottom = height - 20, edge = width < 500 ? 54 : 78, left = edge, right = width - edge, last = shownAxes.length - 1;
    const scales = shownAxes.map((each) => scaleOf(each, all, 5));
    // Lines through the same few values are spread a little, so that their number shows.
    const spread = scales.map((each) => (each.different > 12 ? 0 : Math.min(0.07, 0.3 / each.different)));
    const shift = (row, index) => (((row * 7919 + index * 104729) % 997) / 997 - 0.5) * spread[index];
    const px = (index) => (last < 1 ? (left + right) / 2 : left + (index / last) * (right - left));
    const py = (place) => bottom - place * (bottom - top);
    const spots = (row) => shownAxes.map((each, index) => {
      const place = scales[index].at(each.values[row]);
      return place === null ? null : [px(index), py(place + shift(row, index))];
    });
    const line = (row) => polyline(spots(row));
    const shownRows = new Set(state.shown);
    const rest = all.filter((row) => !shownRows.has(row));
    if (rest.length) draw(svg, "path", { class: "out", d: rest.map(line).join(""), "stroke-width": 0.6 });
    lines(svg, state.shown, line, 0.12);
    const room = Math.max(5, Math.floor((right - left) / Math.max(1, last) / 7));
    shownAxes.forEach((each, index) => axis(svg, each, scales[index], { x: px(index), top, bottom, index, last, room, outer: Math.floor((edge - 8) / 6.5) }));
    return {
      near(x, y) {
        const step = last < 1 ? 0 : ((x - left) / (right - left)) * last;
        const before = Math.max(0, Math.min(last - 1, Math.floor(step))), part = step - before;
        return nearest(state.shown, 14, (row) => {
          const places = spots(row), one = places[before], two = last < 1 ? one : places[before + 1];
          return one && two ? Math.abs(one[1] + part * (two[1] - one[1]) - y) : Infinity;
        });
      },
      trace(layer, row, kind) { draw(layer, "path", { class: kind, d: line(row) }); },
      place: (row) => (row < 0 ? null : spots(row).findLast(Boolean) ?? null),
    };
  }, () => "Parallel coordinates: the settings and the result of each run");
}

// An axis with its values, and the part of it that is kept.
function axis(svg, column, scale, { x, top, bottom, index, last, room, outer }) {
  const ends = index === 0 ? "start" : index === last ? "end" : "middle";
  const at = index === 0 ? Math.max(2, x - 44) : index === last ? x + 44 : x;
  const py = (place) => bottom - place * (bottom - top);
  draw(svg, "text", { class: "title", x: at, y: index % 2 && room < 14 ? 12 : 28, "text-anchor": ends }, cut(column.label, Math.max(room, 8) * (room < 14 ? 2 : 1)));
  draw(svg, "line", { class: "axis", x1: x, x2: x, y1: top, y2: bottom });
  const side = index === last ? [x + 6, "start"] : [x - 6, "end"];
  for (const [, place, label] of scale.ticks) {
    draw(svg, "line", { class: "axis", x1: x - 3, x2: x + 3, y1: py(place), y2: py(place) });
    draw(svg, "text", { x: side[0], y: py(place) + 4, "text-anchor": side[1] }, cut(label, index === 0 || index === last ? outer : Math.max(4, room - 2)));
  }
  const brush = state.brushes.get(column.key);
  if (brush) draw(svg, "rect", { class: "brush", x: x - 8, width: 16, y: py(brush.high), height: Math.max(2, py(brush.low) - py(brush.high)) });
  const handle = draw(svg, "rect", {
    class: "handle", x: x - 13, width: 26, y: top - 6, height: bottom - top + 12, tabindex: "0", role: "group",
    "aria-label": `${column.label}: arrow up leaves out low values, arrow down high ones, Escape keeps all`,
  });
  listen(handle, {
    brush: brush || { low: 0, high: 1 },
    placeOf: (event) => Math.max(0, Math.min(1, (bottom - (event.clientY - svg.getBoundingClientRect().top)) / (bottom - top))),
    keep(low, high) {
      if (low <= 0.001 && high >= 0.999) state.brushes.delete(column.key);
      else state.brushes.set(column.key, { low, high, scale });
      refilter();
    },
    focus: () => svg.querySelectorAll(".handle")[index].focus(),
  });
}

// The pointer and the keys change which part of an axis is kept; each change draws it again.
function listen(handle, { brush, placeOf, keep, focus }) {
  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const first = placeOf(event);
    const move = (moved) => { const now = placeOf(moved); if (Math.abs(now - first) > 0.02) keep(Math.min(first, now), Math.max(first, now)); };
    addEventListener("pointermove", move);
    addEventListener("pointerup", (end) => {
      removeEventListener("pointermove", move);
      if (Math.abs(placeOf(end) - first) <= 0.02) keep(0, 1);
    }, { once: true });
  });
  handle.addEventListener("click", (event) => event.stopPropagation());
  handle.addEventListener("keydown", (event) => {
    if (event.key === "ArrowUp") keep(Math.min(brush.low + 0.05, brush.high - 0.05), brush.high);
    else if (event.key === "ArrowDown") keep(brush.low, Math.max(brush.high - 0.05, brush.low + 0.05));
    else if (event.key === "Escape") keep(0, 1);
    else return;
    event.preventDefault();
    focus();
  });
}

function importances() {
  const found = data.importance, place = $("importance").querySelector(".found");
  if (!found) {
    place.append(quiet(`It takes at least ${data.fewest_runs} measured runs with different settings to say which of them matter.`));
    return;
  }
  const ranked = columns.get(data.ranked), explained = Math.max(0, found.explained);
  const words = explained < 0.05
    ? `The settings do not predict the ${ranked.label} of other runs: the differences may be chance.`
    : `The settings predict ${fixed(100 * explained, 0)} % of the variance of the ${ranked.label} in runs that were not used to learn it. Each bar is the part of the variance in which a setting has a share, alone or together with others.`;
  const bars = el("div", { class: "bars" });
  for (const each of found.settings.filter((one, index) => index < 8 || one.importance >= 0.005).slice(0, 12)) {
    const trend = each.trend === null || Math.abs(each.trend) < 0.4 ? "" : (each.trend > 0) === (ranked.better === "high") ? "higher is better" : "lower is better";
    const level = el("i", {});
    level.style.width = `${Math.min(100, 100 * each.importance)}%`;
    bars.append(
      el("span", { class: "key" }, columns.get(each.name).label), el("span", { class: "track" }, level),
      el("span", { class: "value" }, fixed(100 * each.importance, 1), " %"), el("span", { class: "trend" }, trend),
    );
  }
  place.append(quiet(words), bars);
}

function anyTwo() {
  const known = [...ordered, ...results, ...of("cost"), ...of("fact").filter((each) => each.key !== "created")];
  if (!state.rank || known.length < 2) return nothing("scatter", "There are no two values to compare.");
  let x = ordered.find(numeric) || known.find((each) => each !== state.rank), y = state.rank;
  addChoice("scatter", "x", labelled(known), x.key, (key) => { x = columns.get(key); view.draw(); });
  addChoice("scatter", "y", labelled(known), y.key, (key) => { y = columns.get(key); view.draw(); });
  const view = chart("scatter", () => 330, (svg, width, height) => points(svg, width, height, x, y), () => `${y.label} by ${x.label}`);
}
