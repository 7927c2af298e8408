// The bar above the charts, which chooses runs; then everything is drawn.

const rank = $("rank");
for (const each of results) rank.append(new Option(each.label, each.key, false, each.key === data.ranked));
rank.addEventListener("change", () => {
  rankBy(columns.get(rank.value));
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
const form = document.querySelector(".toolbar");
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(() => {
  Object.assign(state, { words: [], complete: false, sort: null, now: -1 });
  state.brushes.clear();
  state.pinned.clear();
  if (state.rank) rankBy(columns.get(data.ranked));
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
