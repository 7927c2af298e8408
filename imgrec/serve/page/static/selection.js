// Several photos of a gallery at once: which they are, and what is done to them.

import { nameOf } from "./classifier.js";
import { busyButton, button, el } from "./dom.js";
import { looksOn } from "./rights.js";
import { count } from "./words.js";

/**
 * The places of the items that are selected; dispatches `change`.
 * `items` are the list items of a gallery, each with a checkbox; hidden ones can't be selected,
 * and who may only look on selects none.
 */
export class Selection extends EventTarget {
  constructor(items) {
    super();
    this.items = items;
    this.places = new Set();
    this.anchor = 0;
  }

  get size() {
    return this.places.size;
  }

  has(place) {
    return this.places.has(place);
  }

  /** Select one more, or one less; the next range begins there. */
  toggle(place, wanted = !this.has(place)) {
    this.anchor = place;
    this.mark(place, wanted);
    this.dispatchEvent(new Event("change"));
  }

  /** Select those between the last one that was toggled and another one. */
  range(place) {
    const [first, last] = [this.anchor, place].toSorted((one, other) => one - other);
    this.only((each) => first <= each && each <= last);
  }

  /** Select those that a function of their places chooses, and no others. */
  only(chosen) {
    this.items.forEach((item, each) => this.mark(each, !item.hidden && chosen(each)));
    this.dispatchEvent(new Event("change"));
  }

  mark(place, wanted) {
    if (wanted === this.has(place) || (wanted && looksOn())) return;
    const item = this.items[place];
    item.classList.toggle("selected", wanted);
    item.querySelector("input").checked = wanted;
    if (wanted) this.places.add(place);
    else this.places.delete(place);
  }
}

/** The checkbox of an item. */
export function checkbox(selection, place, photo) {
  const change = (event) => selection.toggle(place, event.target.checked);
  return el("input", { type: "checkbox", "aria-label": `Select ${photo.name}`, on: { change } });
}

/**
 * A bar with what can be done to the photos that are selected, while there are any.
 * `move` gets a label; `remove` asks first; `all` selects those that are not shown yet, too.
 */
export function selectionBar(selection, classifier, { move, remove, all }) {
  const said = el("strong", { role: "status" });
  const labels = el("select", {});
  const given = () => classifier.labels[labels.value];
  const act = busyButton("Move", () => move(given()));
  const every = busyButton("Select all", all, { class: "plain" });
  const bar = el(
    "div",
    { class: "selection", role: "region", "aria-label": "Selected photos", hidden: true },
    said,
    el("span", { class: "row" }, el("label", { class: "row" }, "Move to", labels), act),
    button("Delete", remove, { class: "danger plain" }),
    el("span", { class: "grow" }),
    every,
    button("Clear", () => selection.only(() => false), { class: "plain", "aria-keyshortcuts": "Escape" }),
  );
  const options = () => {
    const chosen = labels.value;
    labels.replaceChildren(...classifier.labels.map((each, place) => el("option", { value: place }, nameOf(each))));
    if (chosen) labels.value = chosen;
  };
  selection.addEventListener("change", () => {
    if (!selection.size) bar.hidden = true;
    else {
      if (bar.hidden) options();
      bar.hidden = false;
      said.textContent = `${count(selection.size, "photo")} selected`;
    }
  });
  return bar;
}
