// The runs and their columns, which of them are shown, and which one the reader looks at.

const data = JSON.parse(document.getElementById("data").textContent);
const count = data.names.length;
const all = [...Array(count).keys()];
const columns = new Map(data.columns.map((each) => [each.key, each]));
const numeric = (column) => column.unit !== "text" && column.unit !== "moment";
const of = (...groups) => data.columns.filter((each) => groups.includes(each.group));
const results = of("metric", "validation");
const settings = of("setting");
const important = data.importance ? data.importance.settings.map((each) => each.name) : [];
const ordered = [...settings].sort((a, b) => importanceRank(a.key) - importanceRank(b.key));
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
  axes: new Set(),
};
const views = [];

const searchable = all.map((row) => [
  data.names[row], data.unfinished[row], ...data.tags[row], data.notes[row],
  ...[...settings, ...of("fact")].map((each) => `${each.label}=${each.values[row]}`),
].join("\n").toLowerCase());

function importanceRank(key) {
  const found = important.indexOf(key);
  return found < 0 ? 1e6 : found;
}

function better(column, one, other) {
  if (one == null) return other == null ? 0 : 1;
  if (other == null) return -1;
  if (typeof one === "string" || typeof other === "string") return String(one).localeCompare(String(other), "en", { numeric: true });
  return column.better === "high" ? other - one : one - other;
}

function isShown(row) {
  if (state.complete && data.unfinished[row]) return false;
  if (!state.words.every((word) => searchable[row].includes(word))) return false;
  return [...state.brushes].every(([key, { low, high, scale }]) => {
    const place = scale.at(columns.get(key).values[row]);
    return place !== null && place >= low - 1e-9 && place <= high + 1e-9;
  });
}

function refilter() {
  const rank = state.rank;
  state.shown = all.filter(isShown);
  state.order = rank ? [...state.shown].sort((a, b) => better(rank, rank.values[a], rank.values[b]) || a - b) : state.shown;
  const part = state.shown.length === count ? "" : `${state.shown.length.toLocaleString("en")} of `;
  $("shown").textContent = `${part}${count.toLocaleString("en")} ${count === 1 ? "run" : "runs"}`;
  if (!state.shown.includes(state.now)) state.now = -1;
  views.forEach((view) => view.draw());
}

// The axis and the brush of the metric go with it.
function rankBy(column) {
  const before = state.rank.key;
  state.rank = column;
  if (state.axes.delete(before)) state.axes.add(column.key);
  if (before !== column.key) state.brushes.delete(before);
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
  views.forEach((view) => (view.pin || view.mark)());
}
