"use strict";
// The board of many runs: everything is drawn from the JSON in the page; names are only ever text.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const count = data.names.length;
  const all = [...Array(count).keys()];
  const columns = new Map(data.columns.map((each) => [each.key, each]));
  const numeric = (column) => column.unit !== "text" && column.unit !== "moment";
  const of = (...groups) => data.columns.filter((each) => groups.includes(each.group));
  const results = of("metric", "validation");
  const settings = of("setting");
  const important = data.importance ? data.importance.settings.map((each) => each.name) : [];
  const ordered = [...settings].sort((a, b) => place(a.key) - place(b.key));
  const state = {
    rank: columns.get(data.ranked) || null,
    words: [],
    complete: false,
    brushes: new Map(),
    shown: all,
    order: all,
    now: -1,
    pinned: new Set(),
    sort: null,
    columns: null,
    axes: null,
  };
  const views = [];
  const $ = (id) => document.getElementById(id);

  function place(key) {
    const found = important.indexOf(key);
    return found < 0 ? 1e6 : found;
  }

  // --- elements ---------------------------------------------------------------------------------

  function el(name, properties, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (key in made && typeof value !== "string") made[key] = value;
      else made.setAttribute(key === "class" ? "class" : key, value);
    }
    made.append(...children.filter((each) => each !== null && each !== undefined));
    return made;
  }

  function draw(parent, name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }

  function choice(label, options, chosen, change) {
    const select = el("select", { onchange: () => change(select.value) });
    for (const [key, text] of options) select.append(new Option(text, key, false, key === chosen));
    return el("label", {}, label, select);
  }

  const labelled = (list) => list.map((each) => [each.key, each.label]);

  // --- numbers ----------------------------------------------------------------------------------

  const fixed = (value, digits) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

  function short(value) {
    const size = Math.abs(value);
    if (size && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
    return value.toLocaleString("en", { maximumSignificantDigits: 4 });
  }

  function time(seconds) {
    if (seconds < 60) return seconds < 10 ? `${fixed(seconds, 1)} s` : `${Math.round(seconds)} s`;
    const minutes = Math.round(seconds / 60), rest = Math.round(seconds) % 60;
    if (seconds < 600 && rest) return `${Math.floor(Math.round(seconds) / 60)} min ${String(rest).padStart(2, "0")} s`;
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  }

  function amount(value, unit) {
    for (const [letter, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
      if (Math.abs(value) >= size) return `${fixed(value / size, value / size < 10 ? 1 : 0)} ${letter}${unit}`.trim();
    }
    return `${short(value)} ${unit}`.trim();
  }

  function shown(column, value) {
    if (value === null || value === undefined) return "–";
    switch (column.unit) {
      case "percent": return `${fixed(100 * value, 1)} %`;
      case "decimal": return fixed(value, 4);
      case "seconds": return time(value);
      case "bytes": return amount(value, "B");
      case "count": return value < 1e4 ? value.toLocaleString("en") : amount(value, "");
      case "moment": return value.slice(0, 16).replace("T", " ");
      case "number": return short(value);
      default: return String(value);
    }
  }

  function onAxis(column, value) {
    if (column.unit === "percent") return `${short(+(100 * value).toPrecision(6))} %`;
    return column.unit === "decimal" ? short(value) : shown(column, value);
  }

  // --- scales -----------------------------------------------------------------------------------

  const TIMES = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000, 86400, 172800, 432000, 864000];

  function steps(low, high, wanted, unit) {
    const raw = (high - low) / wanted || 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const times = unit === "seconds" && raw > 10 && TIMES.find((each) => each >= 0.7 * raw);
    const step = times || [1, 2, 2.5, 5, 10].find((each) => each * power >= 0.7 * raw) * power;
    const found = [];
    for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) found.push(+at.toPrecision(12));
    return found;
  }

  function powers(low, high, wanted, unit) {
    if (unit === "seconds" && low >= 1) return thinned(TIMES.filter((each) => each >= low && each <= high), wanted);
    const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
    const parts = last - first > wanted ? [1] : last - first > 2 ? [1, 3] : [1, 2, 5];
    const found = [];
    for (let power = first; power <= last; power++) {
      for (const part of parts) found.push(+(part * 10 ** power).toPrecision(6));
    }
    return thinned(found.filter((each) => each >= low * 0.999 && each <= high * 1.001), wanted);
  }

  function thinned(list, wanted) {
    const every = Math.ceil(list.length / (wanted + 2)) || 1;
    return list.filter((_, index) => index % every === 0);
  }

  // Where a value is between 0 and 1, with the values to name; texts are spread evenly.
  function scaleOf(column, rows, wanted) {
    const values = rows.map((row) => column.values[row]).filter((each) => each !== null && each !== undefined);
    if (!numeric(column)) return named(values);
    const found = numbers(values.map(Number), column, wanted, column.group === "metric" || column.group === "validation");
    return { ...found, different: new Set(values).size };
  }

  function named(values) {
    const texts = [...new Set(values.map(String))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    const places = new Map(texts.map((text, index) => [text, texts.length < 2 ? 0.5 : index / (texts.length - 1)]));
    const every = Math.ceil(texts.length / 12);
    return {
      different: texts.length,
      at: (value) => (value === null || value === undefined ? null : places.get(String(value)) ?? null),
      ticks: texts.filter((_, index) => index % every === 0).map((text) => [text, places.get(text), text]),
    };
  }

  function numbers(values, column, wanted, plain) {
    let low = Infinity, high = -Infinity;
    for (const each of values) { low = Math.min(low, each); high = Math.max(high, each); }
    if (low > high) { low = 0; high = 1; }
    const log = !plain && low > 0 && high / low > 50;
    if (low === high) {
      const room = column.unit === "percent" ? 0.05 : Math.abs(low) / 2 || 0.5;
      low -= room;
      high = column.unit === "percent" ? Math.min(1, high + room) : high + room;
    }
    const change = log ? Math.log10 : (value) => value;
    const from = change(low), to = change(high);
    const at = (value) => (value === null || value === undefined ? null : (change(+value) - from) / (to - from));
    const ticks = (log ? powers(low, high, wanted, column.unit) : steps(low, high, wanted, column.unit)).map((each) => [each, at(each), onAxis(column, each)]);
    return { at, ticks, log };
  }

  // --- which runs -------------------------------------------------------------------------------

  const text = all.map((row) => [
    data.names[row], data.unfinished[row], ...data.tags[row], data.notes[row],
    ...settings.map((each) => `${each.label}=${each.values[row]}`),
    ...of("fact").map((each) => `${each.label}=${each.values[row]}`),
  ].join("\n").toLowerCase());

  function better(column, one, other) {
    if (one === null || one === undefined) return other === null || other === undefined ? 0 : 1;
    if (other === null || other === undefined) return -1;
    if (typeof one === "string" || typeof other === "string") return String(one).localeCompare(String(other), "en", { numeric: true });
    return column.better === "high" ? other - one : one - other;
  }

  function refilter() {
    state.shown = all.filter((row) => {
      if (state.complete && data.unfinished[row]) return false;
      if (!state.words.every((word) => text[row].includes(word))) return false;
      for (const [key, brush] of state.brushes) {
        const place = brush.scale.at(columns.get(key).values[row]);
        if (place === null || place < brush.low - 1e-9 || place > brush.high + 1e-9) return false;
      }
      return true;
    });
    const rank = state.rank;
    state.order = rank ? [...state.shown].sort((a, b) => better(rank, rank.values[a], rank.values[b]) || a - b) : state.shown;
    const part = state.shown.length === count ? "" : `${state.shown.length.toLocaleString("en")} of `;
    $("shown").textContent = `${part}${count.toLocaleString("en")} ${count === 1 ? "run" : "runs"}`;
    if (!state.shown.includes(state.now)) state.now = -1;
    views.forEach((view) => view.draw());
  }

  // Shades of the metric by rank, in a few groups, so that a thousand lines are a few paths.
  const SHADES = 6;
  function shades(rows) {
    const rank = state.rank;
    const groups = Array.from({ length: SHADES }, () => []);
    if (!rank) { groups[SHADES - 1].push(...rows); return groups; }
    const measured = rows.filter((row) => rank.values[row] !== null).sort((a, b) => better(rank, rank.values[b], rank.values[a]));
    measured.forEach((row, index) => groups[Math.floor((index / measured.length) * SHADES)].push(row));
    groups[0].push(...rows.filter((row) => rank.values[row] === null));
    return groups;
  }
  const shade = (group) => `color-mix(in oklab, var(--full) ${Math.round((100 * group) / (SHADES - 1))}%, var(--low))`;

  function mark(row) {
    if (row === state.now) return;
    state.now = row;
    views.forEach((view) => view.mark && view.mark());
  }

  function pin(row) {
    if (row < 0) return;
    if (!state.pinned.delete(row)) state.pinned.add(row);
    views.forEach((view) => (view.pin || view.mark || (() => {}))());
  }

  // Browsers send such events also when the page moves below a pointer that rests.
  function moved(handle) {
    return (event) => { if (event.movementX || event.movementY) handle(event); };
  }

  // --- charts -----------------------------------------------------------------------------------

  const EDGE = { left: 58, right: 14, top: 10, bottom: 40 };

  // A chart that is drawn again when its size, the runs or the metric change. `paint` draws into it
  // and returns how to find the run at a point and where a run is.
  function chart(id, height, paint, says) {
    const panel = $(id);
    const svg = draw(panel, "svg", { class: "chart", tabindex: "0", role: "img" });
    const tip = el("div", { class: "tip", hidden: true });
    panel.append(tip);
    let found = null, over = null, width = 0;
    const view = {
      draw() {
        width = Math.max(160, svg.clientWidth);
        const tall = typeof height === "function" ? height(width) : height;
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
      const at = state.order.indexOf(state.now);
      const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: state.order.length - 1 }[event.key];
      if (to !== undefined && state.order.length) mark(state.order[Math.max(0, Math.min(state.order.length - 1, to))]);
      else if (event.key === "Enter" || event.key === " ") pin(state.now);
      else if (event.key === "Escape") mark(-1);
      else return;
      event.preventDefault();
    });
    new ResizeObserver(() => { if (svg.clientWidth && Math.max(160, svg.clientWidth) !== width) view.draw(); }).observe(panel);
    views.push(view);
    return view;
  }

  function describe(tip, svg, panel, place) {
    const row = state.now;
    if (row < 0 || !place) { tip.hidden = true; return; }
    const lines = [];
    if (state.rank) lines.push(state.rank);
    for (const key of ["seconds", "model_bytes"]) if (columns.has(key)) lines.push(columns.get(key));
    lines.push(...ordered.slice(0, 5));
    const list = el("dl", {});
    for (const each of lines) list.append(el("dt", {}, each.label), el("dd", {}, shown(each, each.values[row])));
    tip.replaceChildren(el("strong", {}, data.names[row]), list);
    tip.hidden = false;
    const left = svg.offsetLeft === undefined ? svg.getBoundingClientRect().left - panel.getBoundingClientRect().left : svg.offsetLeft;
    const top = svg.getBoundingClientRect().top - panel.getBoundingClientRect().top;
    const room = panel.clientWidth - tip.offsetWidth - 8;
    const x = left + place[0] + 16;
    tip.style.left = `${Math.max(8, x > room ? left + place[0] - tip.offsetWidth - 16 : x)}px`;
    // Below the point if there is no room above it, under the bar.
    const above = svg.getBoundingClientRect().top + place[1] - tip.offsetHeight - 12 > 60;
    tip.style.top = `${top + place[1] + (above ? -tip.offsetHeight - 12 : 16)}px`;
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

  const cut = (words, most) => (words.length > most ? `${words.slice(0, most - 1)}…` : words);

  function points(svg, width, height, x, y, colour) {
    const rows = state.shown.filter((row) => x.values[row] !== null && y.values[row] !== null);
    const across = scaleOf(x, rows, width / 90), up = scaleOf(y, rows, 5);
    const [px, py] = frame(svg, width, height, across, up, [x.label, y.label]);
    const spots = new Map(rows.map((row) => [row, [px(across.at(x.values[row])), py(up.at(y.values[row]))]]));
    const size = rows.length > 400 ? 3 : rows.length > 100 ? 4 : 5;
    for (const [group, members] of colour(rows).entries()) {
      const layer = draw(svg, "g", { fill: shade(group), "fill-opacity": rows.length > 400 ? 0.75 : 0.9 });
      for (const row of members) if (spots.has(row)) draw(layer, "circle", { cx: spots.get(row)[0].toFixed(1), cy: spots.get(row)[1].toFixed(1), r: size });
    }
    return {
      rows, spots, size,
      near(left, top) {
        let best = -1, least = 40 * 40;
        for (const [row, [a, b]] of spots) {
          const far = (a - left) ** 2 + (b - top) ** 2;
          if (far < least) { least = far; best = row; }
        }
        return best;
      },
      trace(layer, row, kind) {
        const spot = spots.get(row);
        if (spot) draw(layer, "circle", { class: kind, cx: spot[0], cy: spot[1], r: size + 2.5 });
      },
      place: (row) => spots.get(row),
    };
  }

  // --- cost -------------------------------------------------------------------------------------

  function costs() {
    const known = of("cost");
    const panel = $("cost");
    if (!known.length || !state.rank) return nothing(panel, "No run has both a cost and a metric.");
    let cost = known[0];
    const list = el("ul", { class: "front-list", "aria-label": "Pareto front" });
    panel.querySelector(".controls").append(choice("cost", labelled(known), cost.key, (key) => { cost = columns.get(key); view.draw(); }));
    panel.insertBefore(el("p", { class: "quiet" }, "Dashed: the Pareto front, the runs that no other one beats at the same or a lower cost."), null);
    const view = chart("cost", 330, (svg, width, height) => {
      const found = points(svg, width, height, cost, state.rank, shades);
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
    panel.append(list);
    return view;
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

  function nothing(panel, words) {
    panel.append(el("p", { class: "quiet" }, words));
    return null;
  }

  // --- learning curves --------------------------------------------------------------------------

  function curves() {
    const names = Object.keys(data.curves).filter((name) => data.curves[name].some((each) => each.length > 1));
    const panel = $("curves");
    if (!names.length) return nothing(panel, "No run was trained for several epochs.");
    let name = names[0];
    panel.querySelector(".controls").append(choice("show", names.map((each) => [each, each]), name, (key) => { name = key; view.draw(); }));
    const view = chart("curves", (width) => (width < 500 ? 330 : 400), (svg, width, height) => {
      const series = data.curves[name];
      const rows = state.shown.filter((row) => series[row].length);
      const longest = Math.max(2, ...rows.map((row) => series[row].length));
      const column = { unit: name.endsWith("accuracy") ? "percent" : "decimal", label: name };
      const every = rows.flatMap((row) => series[row]).filter((each) => each !== null).sort((a, b) => a - b);
      // A run that diverged would flatten all others.
      const high = every.length < 50 ? every[every.length - 1] ?? 1 : Math.min(every[every.length - 1], every[Math.floor(0.98 * (every.length - 1))] * 1.5 || Infinity);
      const y = numbers([every[0] ?? 0, high], column, 5, true);
      const x = numbers([1, longest], { unit: "count" }, Math.min(longest - 1, width / 80), true);
      const [px, py] = frame(svg, width, height, x, y, ["epoch", name]);
      const clip = (value) => py(Math.max(-0.02, Math.min(1.02, y.at(value))));
      const line = (row) => {
        let path = "", pen = "M";
        series[row].forEach((value, index) => {
          if (value === null) { pen = "M"; return; }
          path += `${pen}${px(x.at(index + 1)).toFixed(1)} ${clip(value).toFixed(1)}`;
          pen = "L";
        });
        return path;
      };
      const thin = rows.length > 200;
      shades(rows).forEach((members, group) => {
        if (members.length) draw(svg, "path", { d: members.map(line).join(""), stroke: shade(group), "stroke-width": thin ? 0.7 : 1.4, opacity: thin ? 0.28 + 0.1 * group : 0.85 });
      });
      return {
        near(left, top) {
          const epoch = Math.max(1, Math.min(longest, Math.round(1 + ((left - px(0)) / (px(1) - px(0))) * (longest - 1))));
          let best = -1, least = 30;
          for (const row of rows) {
            const value = series[row][epoch - 1];
            if (value === null || value === undefined) continue;
            const far = Math.abs(clip(value) - top);
            if (far < least) { least = far; best = row; }
          }
          return best;
        },
        trace(layer, row, kind) { if (series[row].length) draw(layer, "path", { class: kind, d: line(row) }); },
        place(row) {
          const values = row < 0 ? [] : series[row];
          const last = values.length - 1;
          return last < 0 || values[last] === null ? null : [px(x.at(last + 1)), clip(values[last])];
        },
      };
    }, () => `${name} after each epoch, a line for each run; the stronger its colour, the better`);
    return view;
  }

  // --- parallel coordinates ---------------------------------------------------------------------

  function parallel() {
    const panel = $("axes");
    if (!settings.length) return nothing(panel, "All runs have the same settings.");
    const known = [...ordered, ...of("cost"), ...results];
    if (!state.axes) state.axes = new Set([...ordered.slice(0, innerWidth < 700 ? 3 : 6).map((each) => each.key), ...(state.rank ? [state.rank.key] : [])]);
    panel.querySelector(".controls").append(picker("axes", known, state.axes, () => {
      for (const key of [...state.brushes.keys()]) if (!state.axes.has(key)) state.brushes.delete(key);
      refilter();
    }));
    panel.append(el("p", { class: "quiet" }, "Each line is a run; the stronger its colour, the better. Drag along an axis to keep some values, click it to keep all."));
    return chart("axes", (width) => (width < 500 ? 300 : 360), (svg, width, height) => {
      const shownAxes = known.filter((each) => state.axes.has(each.key) && each !== state.rank);
      if (state.rank && state.axes.has(state.rank.key)) shownAxes.push(state.rank);
      const top = 46, bottom = height - 20, left = 54, right = width - 54;
      const scales = shownAxes.map((each) => scaleOf(each, all, 5));
      // Lines through the same few values are spread a little, so that their number shows.
      const spread = scales.map((each) => (each.different > 12 ? 0 : Math.min(0.07, 0.3 / each.different)));
      const shift = (row, index) => (((row * 7919 + index * 104729) % 997) / 997 - 0.5) * spread[index];
      const px = (index) => (shownAxes.length < 2 ? (left + right) / 2 : left + (index / (shownAxes.length - 1)) * (right - left));
      const py = (place) => bottom - place * (bottom - top);
      const heights = (row) => shownAxes.map((each, index) => {
        const place = scales[index].at(each.values[row]);
        return place === null ? null : py(place + shift(row, index));
      });
      const line = (row) => {
        let path = "", pen = "M";
        heights(row).forEach((y, index) => {
          if (y === null) { pen = "M"; return; }
          path += `${pen}${px(index).toFixed(1)} ${y.toFixed(1)}`;
          pen = "L";
        });
        return path;
      };
      const shownRows = new Set(state.shown);
      const rest = all.filter((row) => !shownRows.has(row));
      if (rest.length) draw(svg, "path", { class: "out", d: rest.map(line).join(""), "stroke-width": 0.6 });
      const thin = state.shown.length > 200;
      shades(state.shown).forEach((members, group) => {
        if (members.length) draw(svg, "path", { d: members.map(line).join(""), stroke: shade(group), "stroke-width": thin ? 0.7 : 1.5, opacity: thin ? 0.12 + 0.08 * group : 0.9 });
      });
      const room = Math.max(5, Math.floor((right - left) / Math.max(1, shownAxes.length - 1) / 7));
      shownAxes.forEach((each, index) => axis(svg, each, scales[index], px(index), top, bottom, { index, last: shownAxes.length - 1, room }));
      const rows = state.shown;
      return {
        near(x, y) {
          const step = shownAxes.length < 2 ? 0 : ((x - left) / (right - left)) * (shownAxes.length - 1);
          const before = Math.max(0, Math.min(shownAxes.length - 2, Math.floor(step))), part = step - before;
          let best = -1, least = 14;
          for (const row of rows) {
            const places = heights(row), one = places[before], two = places[before + 1] ?? one;
            if (one === null || one === undefined || two === null) continue;
            const far = Math.abs(one + part * (two - one) - y);
            if (far < least) { least = far; best = row; }
          }
          return best;
        },
        trace(layer, row, kind) { draw(layer, "path", { class: kind, d: line(row) }); },
        place(row) {
          if (row < 0) return null;
          const places = heights(row), last = places.findLastIndex((each) => each !== null);
          return last < 0 ? null : [px(last), places[last]];
        },
      };
    }, () => "Parallel coordinates: the settings and the result of each run");
  }

  function axis(svg, column, scale, x, top, bottom, { index, last, room }) {
    const ends = index === 0 ? "start" : index === last ? "end" : "middle";
    const at = index === 0 ? Math.max(2, x - 44) : index === last ? x + 44 : x;
    draw(svg, "text", { class: "title", x: at, y: index % 2 && room < 14 ? 12 : 28, "text-anchor": ends }, cut(column.label, Math.max(room, 8) * (room < 14 ? 2 : 1)));
    draw(svg, "line", { class: "axis", x1: x, x2: x, y1: top, y2: bottom });
    const side = index === last ? [x + 6, "start"] : [x - 6, "end"];
    for (const [, place, label] of scale.ticks) {
      const y = bottom - place * (bottom - top);
      draw(svg, "line", { class: "axis", x1: x - 3, x2: x + 3, y1: y, y2: y });
      draw(svg, "text", { x: side[0], y: y + 4, "text-anchor": side[1] }, cut(label, index === 0 || index === last ? 7 : Math.max(4, room - 2)));
    }
    const brush = state.brushes.get(column.key);
    if (brush) draw(svg, "rect", { class: "brush", x: x - 8, width: 16, y: bottom - brush.high * (bottom - top), height: Math.max(2, (brush.high - brush.low) * (bottom - top)) });
    const handle = draw(svg, "rect", {
      class: "handle", x: x - 13, width: 26, y: top - 6, height: bottom - top + 12, tabindex: "0", role: "group",
      "aria-label": `${column.label}: arrow up leaves out low values, arrow down high ones, Escape keeps all`,
    });
    const placeOf = (event) => Math.max(0, Math.min(1, (bottom - (event.clientY - svg.getBoundingClientRect().top)) / (bottom - top)));
    const keep = (low, high) => {
      if (low <= 0.001 && high >= 0.999) state.brushes.delete(column.key);
      else state.brushes.set(column.key, { low, high, scale });
      refilter();
    };
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const first = placeOf(event);
      const move = (moved) => { const now = placeOf(moved); if (Math.abs(now - first) > 0.02) keep(Math.min(first, now), Math.max(first, now)); };
      const done = (end) => {
        removeEventListener("pointermove", move);
        removeEventListener("pointerup", done);
        if (Math.abs(placeOf(end) - first) <= 0.02) keep(0, 1);
      };
      addEventListener("pointermove", move);
      addEventListener("pointerup", done);
    });
    handle.addEventListener("click", (event) => event.stopPropagation());
    handle.addEventListener("keydown", (event) => {
      const now = state.brushes.get(column.key) || { low: 0, high: 1 };
      if (event.key === "ArrowUp") keep(Math.min(now.low + 0.05, now.high - 0.05), now.high);
      else if (event.key === "ArrowDown") keep(now.low, Math.max(now.high - 0.05, now.low + 0.05));
      else if (event.key === "Escape") keep(0, 1);
      else return;
      event.preventDefault();
      const again = [...svg.querySelectorAll(".handle")][index];
      if (again) again.focus();
    });
  }

  function picker(title, known, chosen, change) {
    const list = el("div", {});
    for (const each of known) {
      const box = el("input", { type: "checkbox", checked: chosen.has(each.key), onchange: () => {
        if (!chosen.delete(each.key)) chosen.add(each.key);
        change();
      } });
      list.append(el("label", {}, box, each.label));
    }
    const made = el("details", { class: "pick" }, el("summary", {}, title), list);
    made.addEventListener("keydown", (event) => { if (event.key === "Escape") { made.open = false; made.firstChild.focus(); } });
    document.addEventListener("pointerdown", (event) => { if (!made.contains(event.target)) made.open = false; });
    return made;
  }

  // --- importance -------------------------------------------------------------------------------

  function importances() {
    const found = data.importance, place = $("importance").querySelector(".found");
    const ranked = columns.get(data.ranked);
    if (!found) {
      place.append(el("p", { class: "quiet" }, "It takes at least 20 measured runs with different settings to say which of them matter."));
      return;
    }
    const explained = Math.max(0, found.explained);
    const words = explained < 0.05
      ? `The settings do not predict the ${ranked.label} of other runs: the differences may be chance.`
      : `The settings predict ${fixed(100 * explained, 0)} % of the variance of the ${ranked.label} in runs that were not used to learn it. Each bar is the part of the variance in which a setting has a share, alone or together with others.`;
    const bars = el("div", { class: "bars" });
    for (const each of found.settings.filter((one, index) => index < 8 || one.importance >= 0.005).slice(0, 12)) {
      const label = columns.get(each.name).label;
      const upwards = each.trend === null || Math.abs(each.trend) < 0.4 ? "" : (each.trend > 0) === (ranked.better === "high") ? "higher is better" : "lower is better";
      const level = el("i", {});
      level.style.width = `${Math.min(100, 100 * each.importance)}%`;
      bars.append(el("span", { class: "key" }, label), el("span", { class: "track" }, level), el("span", { class: "value" }, fixed(100 * each.importance, 1), " %"), el("span", { class: "trend" }, upwards));
    }
    place.append(el("p", { class: "quiet" }, words), bars);
  }

  // --- any two ----------------------------------------------------------------------------------

  function anyTwo() {
    const known = [...ordered, ...results, ...of("cost"), ...of("fact").filter((each) => each.key !== "created")];
    const panel = $("scatter");
    if (!state.rank || known.length < 2) return nothing(panel, "There are no two values to compare.");
    let x = ordered.find(numeric) || known.find((each) => each !== state.rank), y = state.rank;
    panel.querySelector(".controls").append(
      choice("x", labelled(known), x.key, (key) => { x = columns.get(key); view.draw(); }),
      choice("y", labelled(known), y.key, (key) => { y = columns.get(key); view.draw(); }),
    );
    const view = chart("scatter", 330, (svg, width, height) => points(svg, width, height, x, y, shades), () => `${y.label} by ${x.label}`);
    return view;
  }

  // --- table ------------------------------------------------------------------------------------

  const FIRST = 100;

  function table() {
    const panel = $("runs"), place = panel.querySelector(".list");
    let most = FIRST;
    if (!state.columns) state.columns = new Set([...ordered.slice(0, 5).map((each) => each.key), ...["val_loss", "seconds", "model_bytes"].filter((key) => columns.has(key)), "created"]);
    const chosen = state.columns;
    panel.querySelector(".controls").append(picker("columns", data.columns, chosen, () => view.draw()));
    const body = el("tbody", {});
    const view = {
      draw() {
        const list = data.columns.filter((each) => chosen.has(each.key) && each !== state.rank);
        const first = state.rank ? [state.rank] : [];
        const shownColumns = [...first, ...list.filter((each) => each.group !== "fact"), ...list.filter((each) => each.group === "fact")];
        const sort = state.sort && (shownColumns.includes(state.sort.column) || state.sort.column === null) ? state.sort : { column: state.rank, down: false };
        const rows = [...state.shown].sort((a, b) => compareRows(sort, a, b) || a - b);
        const head = el("tr", {}, heading("run", null, sort, view), ...shownColumns.map((each) => heading(each.label, each, sort, view)), el("th", { scope: "col", class: "text" }, "tags"));
        const range = rangeOf(first[0], rows.slice(0, most));
        body.replaceChildren(...rows.slice(0, most).map((row) => line(row, shownColumns, range)));
        const more = rows.length - most;
        place.replaceChildren(el("table", {}, el("thead", {}, head), body));
        if (more > 0) place.append(el("p", {}, el("button", { type: "button", onclick: () => { most = Infinity; view.draw(); } }, `show ${more.toLocaleString("en")} more`)));
      },
      pin() { for (const each of body.children) { const on = state.pinned.has(+each.dataset.row); each.classList.toggle("pinned", on); each.querySelector("input").checked = on; } },
    };
    views.push(view);
  }

  function compareRows(sort, a, b) {
    const column = sort.column;
    const found = column ? better(column, column.values[a], column.values[b]) : data.names[a].localeCompare(data.names[b], "en", { numeric: true });
    const missing = column && (column.values[a] === null || column.values[b] === null);
    return sort.down && !missing ? -found : found;
  }

  function heading(label, column, sort, view) {
    const on = sort.column === column;
    // The best first is descending for what should be high.
    const descending = on && (column && column.better === "high") !== sort.down;
    const arrow = on ? (descending ? "▾" : "▴") : "";
    const button = el("button", { type: "button", onclick: () => {
      state.sort = { column, down: on ? !sort.down : false };
      view.draw();
      const again = [...document.querySelectorAll("#runs thead button")].find((each) => each.dataset.key === button.dataset.key);
      if (again) again.focus();
    } }, label, el("span", { "aria-hidden": "true" }, arrow));
    button.dataset.key = column ? column.key : "";
    const text = !column || !numeric(column);
    return el("th", { scope: "col", class: text ? "text" : null, "aria-sort": on ? (descending ? "descending" : "ascending") : "none" }, button);
  }

  function rangeOf(column, rows) {
    if (!column) return null;
    let low = Infinity, high = -Infinity;
    for (const row of rows) for (const each of [column.values[row], column.low[row], column.high[row]]) {
      if (each !== null && each !== undefined) { low = Math.min(low, each); high = Math.max(high, each); }
    }
    return low < high ? [low, high] : null;
  }

  function line(row, list, range) {
    const box = el("input", { type: "checkbox", checked: state.pinned.has(row), onchange: () => pin(row) });
    const name = el("th", { scope: "row" }, el("label", { title: data.notes[row] || null }, box, el("bdi", {}, cut(data.names[row], 40)), data.unfinished[row] ? el("span", { class: "tag" }, data.unfinished[row]) : null));
    const cells = list.map((each) => {
      const value = each.values[row];
      const cell = el("td", { class: numeric(each) ? "number" : "text", title: numeric(each) ? null : shown(each, value) }, shown(each, value));
      if (each === state.rank && range && value !== null) cell.append(level(each, row, range));
      return cell;
    });
    const made = el("tr", { class: state.pinned.has(row) ? "pinned" : null, onpointermove: moved(() => mark(row)) }, name, ...cells, el("td", { class: "text" }, ...data.tags[row].map((each) => el("span", { class: "tag" }, each))));
    made.dataset.row = row;
    return made;
  }

  // The value with its interval, on the range of all runs.
  function level(column, row, [low, high]) {
    const place = (value) => `${(100 * (value - low)) / (high - low)}%`;
    const made = el("span", { class: "level", "aria-hidden": "true" });
    const from = column.low[row], to = column.high[row];
    if (from !== null && from !== undefined) {
      const between = el("i", {});
      between.style.left = place(from);
      between.style.right = `${100 - parseFloat(place(to))}%`;
      made.append(between);
      made.title = `${shown(column, from)} to ${shown(column, to)} (95 %)`;
    }
    const point = el("b", {});
    point.style.left = `calc(${place(column.values[row])} - 1px)`;
    made.append(point);
    return made;
  }

  // --- differences ------------------------------------------------------------------------------

  function differences() {
    const panel = $("compare"), place = panel.querySelector(".list");
    const said = el("p", { class: "quiet" });
    panel.insertBefore(said, place);
    const view = {
      draw() {
        const picked = [...state.pinned].sort((a, b) => state.order.indexOf(a) - state.order.indexOf(b));
        const rows = (picked.length > 1 ? picked : state.order).slice(0, picked.length > 1 ? 8 : 3);
        const what = picked.length > 1 ? "The runs that you picked" : `The best ${rows.length} runs; pick others in the table or the charts`;
        const differing = settings.filter((each) => new Set(rows.map((row) => String(each.values[row]))).size > 1);
        const sections = [["Settings", differing], ["Results", [...(state.rank ? [state.rank] : []), ...results.filter((each) => each !== state.rank).slice(0, 5)]], ["Cost", of("cost")]];
        const body = sections.flatMap(([title, list]) => list.length ? [
          el("tr", {}, el("th", { scope: "colgroup", class: "same", colSpan: rows.length + 1 }, title)),
          ...list.map((each) => el("tr", {}, el("th", { scope: "row" }, each.label), ...rows.map((row) => el("td", { class: best(each, row, rows) ? "best" : null }, shown(each, each.values[row]))))),
        ] : []);
        const same = settings.length - differing.length;
        said.textContent = `${what}. ${differing.length} ${differing.length === 1 ? "setting differs" : "settings differ"}${same ? `; ${same} that ${same === 1 ? "varies" : "vary"} elsewhere ${same === 1 ? "is" : "are"} the same` : ""}.`;
        place.replaceChildren(
          el("table", {},
            el("thead", {}, el("tr", {}, el("th", { scope: "col" }, ""), ...rows.map((row) => el("th", { scope: "col" }, el("bdi", {}, cut(data.names[row], 28)))))),
            el("tbody", {}, ...body)));
      },
      pin() { view.draw(); },
    };
    views.push(view);
  }

  function best(column, row, rows) {
    if (!column.better || column.values[row] === null) return false;
    return rows.every((other) => better(column, column.values[row], column.values[other]) <= 0) && rows.some((other) => column.values[other] !== column.values[row]);
  }

  // --- begin ------------------------------------------------------------------------------------

  const rank = $("rank");
  for (const each of results) rank.append(new Option(each.label, each.key, false, each.key === data.ranked));
  rank.addEventListener("change", () => {
    const before = state.rank;
    state.rank = columns.get(rank.value);
    if (state.axes && before && state.axes.delete(before.key)) state.axes.add(state.rank.key);
    refilter();
  });
  let wait = 0;
  $("find").addEventListener("input", (event) => {
    clearTimeout(wait);
    wait = setTimeout(() => {
      state.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      refilter();
    }, 80);
  });
  $("complete").addEventListener("change", (event) => { state.complete = event.target.checked; refilter(); });
  const form = document.querySelector(".bar");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => {
    Object.assign(state, { words: [], complete: false, sort: null, now: -1 });
    state.brushes.clear();
    state.pinned.clear();
    state.rank = columns.get(data.ranked) || null;
    rank.value = data.ranked;
    refilter();
  }));
  table();
  costs();
  curves();
  parallel();
  importances();
  anyTwo();
  differences();
  refilter();
})();
