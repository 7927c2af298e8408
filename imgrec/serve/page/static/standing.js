// How good a classifier is: the accuracy with its interval.

import { el, name, styled, svg } from "./dom.js";
import { count, percent } from "./words.js";

const MOST = 200;

/** What was measured in this tab, by the name of the classifier. */
const measured = new Map();

/** A panel that follows a classifier. */
export function standingPanel(classifier) {
  const panel = el("section", { class: "standing", "aria-label": "Accuracy" });
  const draw = () => {
    note(classifier);
    const growth = chart(measured.get(classifier.name) ?? []);
    panel.replaceChildren(...content(classifier.standing), ...(growth ? [growth] : []));
    panel.classList.toggle("pending", classifier.standing.state === "pending");
  };
  classifier.addEventListener("standing", draw);
  classifier.addEventListener("change", draw);
  draw();
  return panel;
}

function note({ name: classifier, standing }) {
  if (standing.state !== "done") return;
  const found = measured.get(classifier) ?? [];
  if (found.at(-1)?.revision !== standing.revision) found.push(standing);
  measured.set(classifier, found.slice(-MOST));
}

/** The accuracy over the changes, with the interval as a band. */
function chart(found) {
  if (found.length < 2) return null;
  const [width, height] = [160, 56];
  const at = (place, value) => `${(place * width) / (found.length - 1)},${(height * (1 - value)).toFixed(1)}`;
  const line = (key) => found.map((each, place) => at(place, each.accuracy[key]));
  const band = [...line("high"), ...line("low").reverse()];
  return svg(
    "svg",
    { class: "growth", viewBox: `0 -3 ${width} ${height + 6}`, role: "img", "aria-label": `Accuracy over the last ${found.length} changes` },
    svg("polygon", { points: band.join(" ") }),
    svg("polyline", { points: line("value").join(" ") }),
  );
}

function content(standing) {
  const { accuracy, state } = standing;
  if (!accuracy) return [el("div", {}, ...missing(standing))];
  const between = `between ${percent(accuracy.low)} and ${percent(accuracy.high)}`;
  const track = styled(el("span", { class: "track", "aria-hidden": "true" }, el("span", { class: "between" }), el("span", { class: "point" })), {
    "--low": `${100 * accuracy.low}%`,
    "--high": `${100 * accuracy.high}%`,
    "--value": `${100 * accuracy.value}%`,
  });
  const how = `cross-validated with ${count(standing.photos, "photo")}`;
  return [
    el("p", { class: "big" }, percent(accuracy.value), el("small", {}, "accuracy")),
    el(
      "div",
      {},
      track,
      el("p", {}, between, el("span", { class: "quiet" }, `, ${how}`), difference(standing)),
      !standing.enough && el("p", { class: "quiet" }, "There are too few photos to tell more exactly."),
      state === "pending" && measuring("Measuring the latest change…"),
      tooFew(standing),
    ),
  ];
}

function missing(standing) {
  if (standing.state === "pending") return [measuring("Measuring the accuracy…")];
  return [
    el("p", {}, el("strong", {}, "Two classes with two photos each are enough for a first answer.")),
    standing.too_few.length ? null : el("p", { class: "quiet" }, "Add classes and their photos below."),
    tooFew(standing),
  ].filter(Boolean);
}

function measuring(text) {
  return el("p", { class: "measuring", role: "status" }, text);
}

function tooFew({ too_few: found }) {
  if (!found.length) return null;
  const parts = found.flatMap((each, place) => [
    place ? ", " : "",
    name(each.class),
    ` needs ${each.needed - each.photos} more`,
  ]);
  return el("p", { class: "quiet" }, ...parts);
}

function difference({ difference: found }) {
  if (!["better", "worse"].includes(found?.finding)) return null;
  return el("span", { class: `finding ${found.finding}` }, `${found.finding} than before`);
}
