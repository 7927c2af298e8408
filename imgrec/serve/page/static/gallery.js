// A gallery of any number of photos, which are read as one scrolls.

import { document_ } from "./api.js";
import { labelOf, nameOf, sameLabel } from "./classifier.js";
import { el, fail, name, styled } from "./dom.js";
import { meaning, remove, thumbnailButton } from "./viewer.js";

// Whole rows, in each number of columns that page.css has.
const AT_A_TIME = 240;
const AHEAD = "3000px";

/**
 * The photos of a label, or all without one.
 * They are in lists of their own, so that a browser lays out those alone that are seen.
 */
export function gallery(classifier, label, signal) {
  const photos = [];
  const items = [];
  const place = el("div", { class: "photos" });
  const end = el("p", { class: "quiet", role: "status" });
  const base = label === null ? `${classifier.path}/photos?` : `${classifier.photosPath(label)}&`;
  let next = `${base}limit=${AT_A_TIME}`;

  const more = async () => {
    try {
      const found = await document_(next, { signal });
      if (found.photos.length) place.append(list(found.photos));
      next = found.next && `${classifier.path}/photos${found.next}`;
      if (next) sentinel.observe(end);
      else end.textContent = photos.length ? "" : "There are no photos here.";
    } catch (error) {
      fail(error);
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
  const item = (photo) => {
    const at = photos.push(photo) - 1;
    const said = el("figcaption", {}, name(nameOf(labelOf(photo))));
    const made = el("li", { "data-place": at }, thumbnailButton(classifier, photos, at), said);
    items.push(made);
    return made;
  };
  const follow = (event) => {
    for (const photo of event.detail) {
      const found = items[photos.indexOf(photo)];
      if (!found) continue;
      const leaves = photo.gone || (label !== null && !sameLabel(label, labelOf(photo)));
      if (leaves && found.contains(document.activeElement)) {
        focus(step(items, found, 1) ?? step(items, found, -1));
      }
      found.hidden = leaves;
      found.querySelector("figcaption").replaceChildren(name(nameOf(labelOf(photo))));
    }
  };
  const keys = (event) => {
    const at = event.target.closest("li");
    if (!at) return;
    const photo = photos[at.dataset.place];
    const found = meaning(event, classifier);
    if (found?.remove) remove(classifier, [photo]);
    else if (found) classifier.label(photo, found.label).catch(fail);
    else if (!moved(event.key, items, at, columns(place))) return;
    event.preventDefault();
  };
  place.addEventListener("keydown", keys);
  classifier.addEventListener("photos", follow);
  signal.addEventListener("abort", () => {
    classifier.removeEventListener("photos", follow);
    sentinel.disconnect();
  });
  sentinel.observe(end);
  return [help(), place, end];
}

function help() {
  const key = (text) => el("kbd", {}, text);
  const keys = ["arrows move, ", key("1"), " to ", key("9"), " relabel, ", key("U"), " unsure, ", key("N"), " none of these, ", key("Delete"), " deletes, ", key("Z"), " undoes"];
  return el("p", { class: "quiet keys" }, "Keys: ", ...keys);
}

const columns = (place) => Number(getComputedStyle(place).getPropertyValue("--columns"));

const focus = (item) => item?.querySelector("button").focus();

/** The item that many steps away, of those that are shown; undefined if there is none. */
function step(items, item, by) {
  let at = Number(item.dataset.place);
  for (let left = Math.abs(by); left; left--) {
    do at += Math.sign(by);
    while (items[at]?.hidden);
  }
  return items[at];
}

function moved(key, items, item, rows) {
  const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: rows, ArrowUp: -rows }[key];
  if (by) focus(step(items, item, by));
  return Boolean(by);
}
