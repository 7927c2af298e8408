// Numbers as text, and scales: where a value is between 0 and 1, with the values to name.

const fixed = (value, digits) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

// As `decimals` in imgrec/rounding.py: neither 0 nor `most` unless it is.
function bounded(value, digits, most) {
  const rounded = Number(value.toFixed(digits)), step = 10 ** -digits;
  if (value && !rounded) return value > 0 ? `< ${fixed(step, digits)}` : `> ${fixed(-step, digits)}`;
  return value < most && rounded >= most ? `> ${fixed(most - step, digits)}` : fixed(value, digits);
}

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
  if (value == null) return "–";
  switch (column.unit) {
    case "percent": return `${bounded(100 * value, 1, 100)} %`;
    case "decimal": return bounded(value, 4, 1);
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
  if (column.unit === "seconds" && !Number.isInteger(value)) return `${short(value)} s`;
  return column.unit === "decimal" ? short(value) : shown(column, value);
}

const TIMES = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000, 86400, 172800, 432000, 864000];

function steps(low, high, wanted, unit, whole) {
  const raw = Math.max((high - low) / wanted || 1, whole ? 1 : 0);
  const power = 10 ** Math.floor(Math.log10(raw));
  const times = unit === "seconds" && raw > 10 && TIMES.find((each) => each >= 0.7 * raw);
  const step = times || [1, 2, 2.5, 5, 10].find((each) => each * power >= 0.7 * raw && !(whole && (each * power) % 1)) * power;
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

// The scale of a column; texts are spread evenly.
function scaleOf(column, rows, wanted) {
  const values = rows.map((row) => column.values[row]).filter((each) => each != null);
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
    at: (value) => (value == null ? null : places.get(String(value)) ?? null),
    ticks: texts.filter((_, index) => index % every === 0).map((text) => [text, places.get(text), text]),
  };
}

function numbers(values, column, wanted, plain) {
  let low = Infinity, high = -Infinity;
  for (const each of values) { low = Math.min(low, each); high = Math.max(high, each); }
  if (low > high) { low = 0; high = 1; }
  const log = !plain && low > 0 && high / low > 50;
  const whole = !log && low < high && values.every(Number.isInteger);
  if (low === high) {
    const room = column.unit === "percent" ? 0.05 : Math.abs(low) / 2 || 0.5;
    low -= room;
    high = column.unit === "percent" ? Math.min(1, high + room) : high + room;
  }
  const change = log ? Math.log10 : (value) => value;
  const from = change(low), to = change(high);
  const at = (value) => (value == null ? null : (change(+value) - from) / (to - from));
  const ticks = (log ? powers(low, high, wanted, column.unit) : steps(low, high, wanted, column.unit, whole)).map((each) => [each, at(each), onAxis(column, each)]);
  return { at, ticks, log };
}

