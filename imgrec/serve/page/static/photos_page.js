// `#/pets/photos`: all photos, or those of a class.

import { nameOf, sameLabel } from "./classifier.js";
import { el, name } from "./dom.js";
import { gallery } from "./gallery.js";
import { openClassifier } from "./workspace.js";

export async function photosPage(context) {
  const { classifier, head } = await openClassifier(context, "photos");
  const wanted = context.query.get("status") ? { status: context.query.get("status") } : { class: context.query.get("class") };
  const place = el("div", {});
  let label = classifier.labels.find((each) => sameLabel(each, wanted)) ?? null;
  let leave = new AbortController();
  const choose = (chosen) => {
    label = chosen;
    leave.abort();
    leave = new AbortController();
    context.signal.addEventListener("abort", () => leave.abort());
    place.replaceChildren(...gallery(classifier, label, leave.signal));
  };
  choose(label);
  return [head, choices(classifier, () => label, choose), place];
}

function choices(classifier, current, choose) {
  const box = el("fieldset", { class: "choices" });
  const draw = () => {
    const one = (label, shown, number) =>
      el(
        "label",
        {},
        el("input", { type: "radio", name: "label", checked: label === null ? current() === null : current() !== null && sameLabel(label, current()), on: { change: () => choose(label) } }),
        name(shown),
        el("span", { class: "probability" }, number.toLocaleString("en")),
      );
    const focused = document.activeElement?.closest("fieldset") === box;
    box.replaceChildren(
      el("legend", {}, "Show"),
      one(null, "All", classifier.total),
      ...classifier.labels.map((each) => one(each, nameOf(each), classifier.photosOf(each))),
    );
    if (focused) box.querySelector(":checked")?.focus();
  };
  classifier.addEventListener("change", draw);
  draw();
  return box;
}
