// One photo at a time: relabel it with a number key, delete it, go on to the next.

import { document_ } from "./api.js";
import { labelOf, nameOf, sameLabel } from "./classifier.js";
import { button, confirmed, el, fail, name } from "./dom.js";
import { picture, show } from "./pictures.js";
import { looksOn } from "./rights.js";

/** A thumbnail that opens the viewer at its photo; `rest` is about photos that are not read yet. */
export function thumbnailButton(classifier, photos, place, rest) {
  const photo = photos[place];
  return el(
    "button",
    { type: "button", class: "frame", on: { click: () => view(classifier, photos, place, rest) } },
    picture(classifier.photoPath(photo.sha256, "thumbnail"), photo.name),
  );
}

/** What a key does to a photo, if anything: `{label}` or `{remove: true}`. */
export function meaning(event, classifier) {
  if (looksOn() || event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === "Delete" || event.key === "Backspace") return { remove: true };
  const { classes } = classifier.document;
  if (/^[1-9]$/.test(event.key) && classes[event.key - 1]) return { label: { class: classes[event.key - 1].name } };
  if (event.key === "u") return { label: { status: "unsure" } };
  if (event.key === "n") return { label: { status: "none" } };
  return null;
}

/** The key of a label; empty if it has none. */
export function keyOf(label, classifier) {
  if (label.status) return label.status[0].toUpperCase();
  const place = classifier.document.classes.findIndex((each) => each.name === label.class);
  return place < 9 ? String(place + 1) : "";
}

/** Ask, and delete a photo for ever; return whether it was done. */
export async function remove(classifier, photos) {
  const many = photos.length > 1;
  const title = many ? `Delete ${photos.length.toLocaleString("en")} photos for ever?` : "Delete this photo for ever?";
  const text = `This can't be undone. The classifier will be the one that never saw ${many ? "them" : "it"}; versions that know ${many ? "them" : "it"} will be withdrawn.`;
  if (!(await confirmed(title, text, "Delete"))) return false;
  try {
    await classifier.forget(photos);
    return true;
  } catch (error) {
    fail(error);
    return false;
  }
}

/**
 * Show a photo out of some.
 * `more()` reads further ones into `photos`, if there are any; `total()` is how many there are.
 */
export function view(classifier, photos, place, { more = async () => {}, total = () => 0 } = {}) {
  const all = photos.filter((each) => !each.gone);
  let known = photos.length;
  let at = Math.max(0, all.indexOf(photos[place]));
  const image = picture("", "");
  const title = el("p", { class: "quiet", role: "status" });
  const labels = el("div", { class: "chips", role: "group", "aria-label": "What it shows" });
  const shown = el(
    "dialog",
    { class: "viewer", "aria-label": "Photo" },
    el("div", { class: "frame large-photo" }, image),
    title,
    labels,
    el(
      "div",
      { class: "actions" },
      button("Delete", () => drop(), { class: "danger plain" }),
      el("span", { class: "grow" }),
      button("←", () => move(-1), { "aria-label": "Previous", "aria-keyshortcuts": "ArrowLeft" }),
      button("→", () => move(1), { "aria-label": "Next", "aria-keyshortcuts": "ArrowRight" }),
      button("Close", () => shown.close(), { class: "primary", autofocus: true }),
    ),
    el("div", { class: "toasts", role: "status" }),
  );

  const draw = async () => {
    const photo = all[at];
    show(image, classifier.photoPath(photo.sha256, "content"), photo.name);
    drawLabels(photo);
    const size = photo.width ? `, ${photo.width} × ${photo.height} pixels` : "";
    const of = Math.max(all.length, total()).toLocaleString("en");
    title.replaceChildren(`${(at + 1).toLocaleString("en")} of ${of}: `, name(photo.name), size);
    if (photo.width) return;
    try {
      Object.assign(photo, await document_(classifier.photoPath(photo.sha256)));
      if (all[at] === photo) draw();
    } catch (error) {
      fail(error);
    }
  };
  const drawLabels = (photo) => {
    labels.replaceChildren(
      ...classifier.labels.map((each) => {
        const key = keyOf(each, classifier);
        const pressed = sameLabel(each, labelOf(photo));
        const give = button(name(nameOf(each)), () => relabel(each), { class: "chip", "aria-pressed": String(pressed), "aria-keyshortcuts": key || null });
        if (key) give.append(el("kbd", { "aria-hidden": "true" }, key));
        return give;
      }),
    );
  };
  const move = async (by) => {
    if (at + by === all.length) {
      if (photos.length === known) await more();
      all.push(...photos.slice(known));
      known = photos.length;
    }
    at = (at + by + all.length) % all.length;
    draw();
  };
  const relabel = async (label) => {
    const photo = all[at];
    if (sameLabel(label, labelOf(photo))) return;
    try {
      await classifier.label([photo], label);
      if (all[at] === photo) drawLabels(photo);
    } catch (error) {
      fail(error);
    }
  };
  const drop = async () => {
    const photo = all[at];
    if (!(await remove(classifier, [photo]))) return;
    all.splice(all.indexOf(photo), 1);
    if (!all.length) return shown.close();
    at = Math.min(at, all.length - 1);
    draw();
  };
  shown.addEventListener("keydown", (event) => {
    const found = meaning(event, classifier);
    if (found?.remove) drop();
    else if (found) relabel(found.label);
    else if (event.key === "ArrowRight") move(1);
    else if (event.key === "ArrowLeft") move(-1);
    else return;
    event.preventDefault();
  });
  const redraw = () => drawLabels(all[at]);
  classifier.addEventListener("photos", redraw);
  shown.addEventListener("close", () => {
    classifier.removeEventListener("photos", redraw);
    shown.remove();
  });
  document.body.append(shown);
  shown.showModal();
  draw();
}
