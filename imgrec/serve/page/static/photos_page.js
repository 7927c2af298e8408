// `#/pets/photos`: all photos, or those of a class.

import { document_ } from "./api.js";
import { labelOf, nameOf, sameLabel } from "./classifier.js";
import { el, fail, name } from "./dom.js";
import { meaning, remove, thumbnailButton } from "./viewer.js";
import { openClassifier } from "./workspace.js";

const AT_A_TIME = 200;

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
    const total = classifier.labels.reduce((sum, each) => sum + classifier.photosOf(each), 0);
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
      one(null, "all", total),
      ...classifier.labels.map((each) => one(each, nameOf(each), classifier.photosOf(each))),
    );
    if (focused) box.querySelector(":checked")?.focus();
  };
  classifier.addEventListener("change", draw);
  draw();
  return box;
}

function gallery(classifier, label, signal) {
  const photos = [];
  const items = new Map();
  const list = el("ul", { class: "gallery photos" });
  const end = el("p", { class: "quiet", role: "status" });
  const base = label === null ? `${classifier.path}/photos?` : `${classifier.photosPath(label)}&`;
  let next = `${base}limit=${AT_A_TIME}`;

  const more = async () => {
    if (!next) return;
    const path = next;
    next = null;
    try {
      const found = await document_(path, { signal });
      for (const photo of found.photos) add(photo);
      next = found.next && `${classifier.path}/photos${found.next}`;
      if (next) watch();
      else end.textContent = photos.length ? "" : "There are no photos here.";
    } catch (error) {
      next = path;
      fail(error);
    }
  };
  const add = (photo) => {
    const place = photos.push(photo) - 1;
    const said = el("figcaption", {}, name(nameOf(labelOf(photo))));
    const item = el("li", {}, thumbnailButton(classifier, photos, place), said);
    item.photo = photo;
    items.set(photo, item);
    list.append(item);
  };
  const sentinel = new IntersectionObserver(
    ([entry]) => {
      if (!entry.isIntersecting) return;
      sentinel.disconnect();
      more();
    },
    { rootMargin: "1500px" },
  );
  const watch = () => (sentinel.disconnect(), sentinel.observe(end));
  const follow = (event) => {
    for (const photo of event.detail) {
      const item = items.get(photo);
      if (!item) continue;
      const leaves = photo.gone || (label !== null && !sameLabel(label, labelOf(photo)));
      const had = item.contains(document.activeElement);
      if (had && leaves) neighbour(item)?.querySelector("button").focus();
      item.hidden = leaves;
      if (photo.gone) item.remove();
      else item.querySelector("figcaption").replaceChildren(name(nameOf(labelOf(photo))));
    }
  };
  classifier.addEventListener("photos", follow);
  signal.addEventListener("abort", () => {
    classifier.removeEventListener("photos", follow);
    sentinel.disconnect();
  });
  list.addEventListener("keydown", (event) => keys(event, classifier));
  watch();
  const help = el("p", { class: "quiet keys" }, "Keys: arrows move, ", el("kbd", {}, "1"), " to ", el("kbd", {}, "9"), " relabel, ", el("kbd", {}, "U"), " unsure, ", el("kbd", {}, "N"), " none of these, ", el("kbd", {}, "Delete"), " deletes, ", el("kbd", {}, "Z"), " undoes.");
  return [help, list, end];
}

const neighbour = (item) => after(item, "nextElementSibling") ?? after(item, "previousElementSibling");

function after(item, direction) {
  let found = item[direction];
  while (found?.hidden) found = found[direction];
  return found;
}

function keys(event, classifier) {
  const item = event.target.closest("li");
  if (!item) return;
  const found = meaning(event, classifier);
  if (found?.remove) remove(classifier, [item.photo]);
  else if (found) classifier.label(item.photo, found.label).catch(fail);
  else if (!moved(event.key, item)) return;
  event.preventDefault();
}

function moved(key, item) {
  const step = { ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling" }[key];
  if (step) after(item, step)?.querySelector("button").focus();
  if (key !== "ArrowDown" && key !== "ArrowUp") return Boolean(step);
  const columns = getComputedStyle(item.parentElement).gridTemplateColumns.split(" ").length;
  let found = item;
  for (let each = 0; found && each < columns; each++) {
    found = after(found, key === "ArrowDown" ? "nextElementSibling" : "previousElementSibling");
  }
  found?.querySelector("button").focus();
  return true;
}
