// How good a classifier is: the accuracy with its interval.

import { el, name, styled } from "./dom.js";
import { count, percent } from "./words.js";

/** A panel that follows a classifier. */
export function standingPanel(classifier) {
  const panel = el("section", { class: "standing", "aria-label": "Accuracy" });
  const draw = () => {
    panel.replaceChildren(...content(classifier.standing).filter(Boolean));
    panel.classList.toggle("pending", classifier.standing.state === "pending");
  };
  classifier.addEventListener("standing", draw);
  classifier.addEventListener("change", draw);
  draw();
  return panel;
}

function content(standing) {
  const { accuracy, state } = standing;
  if (!accuracy) return [el("p", { class: "big none", "aria-hidden": "true" }, "–"), el("div", {}, ...missing(standing))];
  const between = `between ${percent(accuracy.low)} and ${percent(accuracy.high)}`;
  const track = styled(el("span", { class: "track", "aria-hidden": "true" }, el("span", { class: "between" }), el("span", { class: "point" })), {
    "--low": `${100 * accuracy.low}%`,
    "--high": `${100 * accuracy.high}%`,
    "--value": `${100 * accuracy.value}%`,
  });
  const measured = `cross-validated with ${count(standing.photos, "photo")}`;
  return [
    el("p", { class: "big" }, percent(accuracy.value), el("small", {}, "accuracy")),
    el(
      "div",
      {},
      track,
      el("p", {}, between, el("span", { class: "quiet" }, `, ${measured}`), difference(standing)),
      !standing.enough && el("p", { class: "quiet" }, "Too few photos to tell more exactly."),
      state === "pending" && el("p", { class: "pending-note", role: "status" }, "Measuring the latest change…"),
      tooFew(standing),
    ),
  ];
}

function missing(standing) {
  if (standing.state === "pending") return [el("p", { role: "status" }, "Measuring how good it is…")];
  return [
    el("p", {}, el("strong", {}, "Two classes with two photos each are enough for a first answer.")),
    tooFew(standing),
  ].filter(Boolean);
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
  if (!found || found.finding === "inconclusive") return null;
  return el("span", { class: `finding ${found.finding}` }, found.finding);
}
