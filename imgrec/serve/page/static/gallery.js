// A gallery of any number of photos, which are read as one scrolls.

import { document_ } from "./api.js";
import { labelOf, nameOf, sameLabel } from "./classifier.js";
import { el, fail, name, styled } from "./dom.js";
import { Selection, checkbox, selectionBar } from "./selection.js";
import { meaning, remove, thumbnailButton } from "./viewer.js";

// Whole rows, in each number of columns that page.css has.
const AT_A_TIME = 240;
const MANY = 960;
const AHEAD = "3000px";

/**
 * The photos of a label, or all without one.
 * They are in lists of their own, so that a browser lays out those alone that are seen.
 */
export function gallery(classifier, label, signal) {
  const photos = [];
  const items = [];
  const places = new Map();
  const selection = new Selection(items);
  const place = el("div", { class: "photos" });
  const end = el("p", { class: "quiet", role: "status" });
  const base = label === null ? `${classifier.path}/photos?` : `${classifier.photosPath(label)}&`;
  let next = `${base}limit=${AT_A_TIME}`;

  let reading = null;
  const more = () => (reading ??= read().finally(() => (reading = null)));
  const read = async () => {
    try {
      const found = await document_(next, { signal });
      if (found.photos.length) place.append(list(found.photos));
      next = found.next && `${classifier.path}/photos${found.next}`;
      if (next) sentinel.observe(end);
      else end.textContent = photos.length ? "" : "There are no photos here.";
      return true;
    } catch (error) {
      fail(error);
      return false;
    }
  };
  const sentinel = new IntersectionObserver(
    ([entry]) => {
      if (!entry.isIntersecting) return;
      sentinel.disconnect();
      more();
    },
    { rootMargin: AHEAD },
  );
  const list = (found) => {
    const first = photos.length + 1;
    const shown = found.map(item);
    const rows = Math.ceil(found.length / columns(place));
    const many = `Photos ${first.toLocaleString("en")} to ${photos.length.toLocaleString("en")}`;
    return styled(el("ul", { class: "gallery", "aria-label": many }, shown), { "--rows": rows });
  };
  const rest = {
    total: () => (label === null ? classifier.total : classifier.photosOf(label)),
    more: async () => {
      if (!next) return;
      sentinel.disconnect();
      await more();
    },
  };
  const item = (photo) => {
    const at = photos.push(photo) - 1;
    places.set(photo.sha256, at);
    const said = el("figcaption", {}, name(nameOf(labelOf(photo))));
    const made = el("li", { "data-place": at }, thumbnailButton(classifier, photos, at, rest), checkbox(selection, at, photo), said);
    items.push(made);
    return made;
  };
  const follow = (event) => {
    for (const each of event.detail) {
      const at = places.get(each.sha256);
      if (at === undefined) continue;
      const [photo, found] = [Object.assign(photos[at], each), items[at]];
      const leaves = photo.gone || (label !== null && !sameLabel(label, labelOf(photo)));
      if (leaves && found.contains(document.activeElement)) {
        focus(neighbour(items, found, 1) ?? neighbour(items, found, -1));
      }
      found.hidden = leaves;
      if (leaves && selection.has(at)) selection.toggle(at, false);
      found.querySelector("figcaption").replaceChildren(name(nameOf(labelOf(photo))));
    }
  };
  const keys = (event) => {
    const at = event.target.closest("li");
    if (!at) return;
    const found = meaning(event, classifier);
    const touched = selection.size ? chosen() : [photos[at.dataset.place]];
    const to = target(event.key, items, at, columns(place));
    if (found?.remove) remove(classifier, touched);
    else if (found) classifier.label(touched, found.label).catch(fail);
    else if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) all().catch(fail);
    else if (event.key === "Escape" && selection.size) selection.only(() => false);
    else if (to) step(at, to, event.shiftKey);
    else return;
    event.preventDefault();
  };
  const step = (from, to, selecting) => {
    if (selecting && !selection.size) selection.toggle(placeOf(from), true);
    if (selecting) selection.range(placeOf(to));
    focus(to);
  };
  const clicks = (event) => {
    const at = event.target.closest(".frame")?.closest("li");
    if (!at || !(event.shiftKey || event.ctrlKey || event.metaKey)) return;
    event.stopPropagation();
    if (event.shiftKey) selection.range(placeOf(at));
    else selection.toggle(placeOf(at));
  };
  const chosen = () => [...selection.places].map((each) => photos[each]);
  const all = async () => {
    if (next) {
      sentinel.disconnect();
      next = next.replace(/limit=\d+/, `limit=${MANY}`);
      while (next && (await more()));
    }
    selection.only(() => true);
  };
  const bar = selectionBar(selection, classifier, {
    all,
    move: async (label) => {
      const first = Math.min(...selection.places);
      await classifier.label(chosen(), label);
      const there = (each) => !each.hidden;
      focus(items.slice(first).find(there) ?? items.findLast(there));
    },
    remove: () => remove(classifier, chosen()),
  });
  place.addEventListener("keydown", keys);
  place.addEventListener("click", clicks, true);
  classifier.addEventListener("photos", follow);
  signal.addEventListener("abort", () => {
    classifier.removeEventListener("photos", follow);
    sentinel.disconnect();
  });
  sentinel.observe(end);
  return [help(), bar, place, end];
}

function help() {
  const key = (text) => el("kbd", {}, text);
  const keys = ["arrows move, with ", key("Shift"), " they select, ", key("Ctrl"), " ", key("A"), " selects all, ", key("1"), " to ", key("9"), " relabel, ", key("U"), " is unsure, ", key("N"), " none of these, ", key("Delete"), " deletes, ", key("Z"), " undoes"];
  return el("p", { class: "quiet keys" }, "Keys: ", ...keys);
}

const columns = (place) => Number(getComputedStyle(place).getPropertyValue("--columns"));

const placeOf = (item) => Number(item.dataset.place);

const focus = (item) => item?.querySelector("button").focus();

/** The item that many steps away, of those that are shown; undefined if there is none. */
function neighbour(items, item, by) {
  let at = placeOf(item);
  for (let left = Math.abs(by); left; left--) {
    do at += Math.sign(by);
    while (items[at]?.hidden);
  }
  return items[at];
}

/** The item that a key leads to, if it is an arrow. */
function target(key, items, item, rows) {
  const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: rows, ArrowUp: -rows }[key];
  return by && neighbour(items, item, by);
}
