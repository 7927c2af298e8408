// What is worth a look: photos that are probably labelled wrong, near-duplicates, confusions.

import { busyButton, el, name } from "./dom.js";
import { thumbnailButton } from "./viewer.js";
import { count, percent } from "./words.js";

/** A section that follows a classifier; it is empty if nothing is found. */
export function reviewSection(classifier) {
  const section = el("section", { class: "review" });
  const draw = () => {
    const parts = [suspects(classifier), confusions(classifier), twins(classifier)].filter(Boolean);
    section.replaceChildren(...(parts.length ? [el("h2", {}, "Worth a look"), ...parts] : []));
  };
  classifier.addEventListener("standing", draw);
  classifier.addEventListener("change", draw);
  draw();
  return section;
}

function suspects(classifier) {
  const found = classifier.standing.suspects;
  if (!found.length) return null;
  const photo = (each) => ({ sha256: each.sha256, class: each.class, status: "labelled", name: each.class });
  const photos = found.map(photo);
  const item = (each, place) =>
    el(
      "li",
      {},
      thumbnailButton(classifier, photos, place),
      el("p", {}, "labelled ", el("strong", {}, name(each.class))),
      el("p", { class: "quiet" }, "looks like ", name(each.taken_for), ` (${percent(each.probability)})`),
      busyButton(["Move to ", name(each.taken_for)], () => classifier.label([photos[place]], { class: each.taken_for }), { class: "chip" }),
    );
  return el(
    "div",
    {},
    el("h3", {}, "Probably mislabelled"),
    el("p", { class: "quiet" }, "The cross-validation gives another class a probability of at least 80 %."),
    el("ul", { class: "gallery" }, found.map(item)),
  );
}

function confusions(classifier) {
  const { confused, classes } = classifier.standing;
  if (!confused.length) return null;
  const photos = new Map(classes.map((each) => [each.class, each.photos]));
  const row = (each) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, name(each.class)),
      el("td", { class: "text" }, name(each.taken_for)),
      el("td", {}, `${each.photos.toLocaleString("en")} of ${photos.get(each.class)?.toLocaleString("en") ?? "?"}`),
    );
  const head = ["Class", "Taken for", "Photos"].map((each, place) =>
    el("th", { scope: "col", class: place === 1 ? "text" : null }, each),
  );
  return el(
    "div",
    {},
    el("h3", {}, "Confused classes"),
    el("div", { class: "scroll" }, el("table", { class: "confused" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, confused.map(row)))),
  );
}

function twins(classifier) {
  const found = classifier.standing.near_duplicates;
  if (!found.length) return null;
  const group = (each) => {
    const photos = each.map((one) => ({ sha256: one.sha256, class: one.class, status: "labelled", name: one.class }));
    return el(
      "li",
      { class: "twins" },
      photos.map((one, place) => el("div", {}, thumbnailButton(classifier, photos, place), el("p", {}, name(one.class)))),
    );
  };
  return el(
    "div",
    {},
    el("h3", {}, "Near-duplicates in different classes"),
    el("p", { class: "quiet" }, `${count(found.length, "group")} of photos that look the same, but have different labels.`),
    el("ul", { class: "groups" }, found.map(group)),
  );
}
