// Numbers and names as text, as the reports write them.

/** A fraction as percent that never says more or less than is true: `> 99.9 %`. */
export function percent(fraction) {
  const text = (100 * fraction).toFixed(1);
  if (fraction > 0 && Number(text) === 0) return "<\u00a00.1\u00a0%";
  if (fraction < 1 && Number(text) >= 100) return ">\u00a099.9\u00a0%";
  return `${text}\u00a0%`;
}

/** A number of things: `1 photo`, `1,200 photos`. */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** A point in time, as the reader's place writes it. */
export function moment(text) {
  return new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
