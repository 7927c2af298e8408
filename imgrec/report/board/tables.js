// The table of the runs, and that of their differences.

const FIRST = 100;

function table() {
  const panel = $("runs"), place = panel.querySelector(".list");
  const chosen = new Set([...ordered.slice(0, 5).map((each) => each.key), "val_loss", "seconds", "model_bytes", "created"]);
  let most = FIRST;
  panel.querySelector(".controls").append(picker("columns", data.columns, chosen, () => view.draw()));
  const body = el("tbody", {});
  const view = {
    draw() {
      const list = data.columns.filter((each) => chosen.has(each.key) && each !== state.rank);
      const isFact = (each) => each.group === "fact";
      const shownColumns = [state.rank, ...list.filter((each) => !isFact(each)), ...list.filter(isFact)].filter(Boolean);
      const sort = state.sort && (shownColumns.includes(state.sort.column) || state.sort.column === null) ? state.sort : { column: state.rank, down: false };
      const rows = [...state.shown].sort((a, b) => compareRows(sort, a, b) || a - b);
      const head = el("tr", {}, heading("run", null, sort, view), ...shownColumns.map((each) => heading(each.label, each, sort, view)), el("th", { scope: "col", class: "text" }, "tags"));
      const range = rangeOf(state.rank, rows.slice(0, most));
      body.replaceChildren(...rows.slice(0, most).map((row) => tableRow(row, shownColumns, range)));
      const more = rows.length - most;
      place.replaceChildren(el("table", {}, el("thead", {}, head), body));
      if (more > 0) place.append(el("p", {}, el("button", { type: "button", onclick: () => { most = Infinity; view.draw(); } }, `show ${more.toLocaleString("en")} more`)));
    },
    pin() { for (const each of body.children) { const on = state.pinned.has(+each.dataset.row); each.classList.toggle("pinned", on); each.querySelector("input").checked = on; } },
  };
  views.push(view);
}

function compareRows({ column, down }, a, b) {
  const found = column ? better(column, column.values[a], column.values[b]) : data.names[a].localeCompare(data.names[b], "en", { numeric: true });
  const missing = column && (column.values[a] === null || column.values[b] === null);
  return down && !missing ? -found : found;
}

function heading(label, column, sort, view) {
  const on = sort.column === column;
  // The best first is descending for what should be high.
  const descending = on && (column && column.better === "high") !== sort.down;
  const button = el("button", { type: "button", onclick: () => {
    state.sort = { column, down: on ? !sort.down : false };
    view.draw();
    const again = [...document.querySelectorAll("#runs thead button")].find((each) => each.dataset.key === button.dataset.key);
    if (again) again.focus();
  } }, label, on ? el("span", { "aria-hidden": "true" }, descending ? "▾" : "▴") : null);
  button.dataset.key = column ? column.key : "";
  return el("th", { scope: "col", class: column && numeric(column) ? null : "text", "aria-sort": on ? (descending ? "descending" : "ascending") : "none" }, button);
}

function rangeOf(column, rows) {
  if (!column) return null;
  let low = Infinity, high = -Infinity;
  for (const row of rows) for (const each of [column.values[row], column.low[row], column.high[row]]) {
    if (each != null) { low = Math.min(low, each); high = Math.max(high, each); }
  }
  return low < high ? [low, high] : null;
}

function tableRow(row, list, range) {
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

// The value with its interval, on the range of the rows.
function level(column, row, [low, high]) {
  const place = (value) => (100 * (value - low)) / (high - low);
  const made = el("span", { class: "level", "aria-hidden": "true" });
  const from = column.low[row], to = column.high[row];
  if (from != null) {
    const between = el("i", {});
    between.style.left = `${place(from)}%`;
    between.style.right = `${100 - place(to)}%`;
    made.append(between);
    made.title = `${shown(column, from)} to ${shown(column, to)} (95 %)`;
  }
  const point = el("b", {});
  point.style.left = `calc(${place(column.values[row])}% - 1px)`;
  made.append(point);
  return made;
}

function differences() {
  const place = $("compare").querySelector(".list"), summary = quiet();
  place.before(summary);
  const draw = () => {
    const picked = [...state.pinned].sort((a, b) => state.order.indexOf(a) - state.order.indexOf(b));
    const rows = picked.length > 1 ? picked.slice(0, 8) : state.order.slice(0, 3);
    const what = picked.length > 1 ? "The runs that you picked" : `The best ${rows.length} runs; pick others in the table or the charts`;
    const differing = settings.filter((each) => new Set(rows.map((row) => String(each.values[row]))).size > 1);
    const ranked = [state.rank, ...results.filter((each) => each !== state.rank).slice(0, 5)].filter(Boolean);
    const body = [["Settings", differing], ["Results", ranked], ["Cost", of("cost")]].flatMap(([title, list]) => list.length ? [
      el("tr", {}, el("th", { scope: "colgroup", class: "same", colSpan: rows.length + 1 }, title)),
      ...list.map((each) => el("tr", {}, el("th", { scope: "row" }, each.label), ...rows.map((row) => el("td", { class: best(each, row, rows) ? "best" : null }, shown(each, each.values[row]))))),
    ] : []);
    const same = settings.length - differing.length;
    summary.textContent = `${what}. ${differing.length} ${differing.length === 1 ? "setting differs" : "settings differ"}${same ? `; ${same} that ${same === 1 ? "varies" : "vary"} elsewhere ${same === 1 ? "is" : "are"} the same` : ""}.`;
    const heads = rows.map((row) => el("th", { scope: "col" }, el("bdi", {}, cut(data.names[row], 28))));
    place.replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, ""), ...heads)), el("tbody", {}, ...body)));
  };
  views.push({ draw, pin: draw });
}

function best(column, row, rows) {
  if (!column.better || column.values[row] === null) return false;
  return rows.every((other) => better(column, column.values[row], column.values[other]) <= 0) && rows.some((other) => column.values[other] !== column.values[row]);
}
