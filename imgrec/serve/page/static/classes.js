// The cards of the classes: photos come in here.

import { document_, part } from "./api.js";
import { film } from "./camera.js";
import { labelOf, nameOf, sameLabel } from "./classifier.js";
import { asked, button, confirmed, el, fail, message, name, saved, styled } from "./dom.js";
import { choosers, receive } from "./intake.js";
import { picture } from "./pictures.js";
import { looksOn } from "./rights.js";
import { upload } from "./uploads.js";
import { count, percent } from "./words.js";

const SHOWN = 12;
const NAMED = 5;

/** The cards of all classes, and one for a new class. */
export function classCards(classifier) {
  const list = el("ul", { class: "classes" });
  const cards = new Map();
  const draw = () => {
    const wanted = classifier.labels.map((label) => [JSON.stringify(label), label]);
    const fresh = wanted.map(([key, label]) => {
      if (!cards.has(key)) cards.set(key, classCard(classifier, label));
      return cards.get(key);
    });
    const creating = list.querySelector(".new") ?? newClass(classifier, (made, files) => {
      cards.get(JSON.stringify({ class: made }))?.take(files);
    });
    const own = fresh.slice(0, -2);
    const all = [...own, creating, ...fresh.slice(-2)];
    if (all.some((each, place) => list.children[place] !== each) || list.children.length !== all.length) {
      list.replaceChildren(...all);
    }
  };
  classifier.addEventListener("change", draw);
  draw();
  return list;
}

function classCard(classifier, label) {
  const strip = el("ul", { class: "strip" });
  const facts = el("p", { class: "facts-of-class" });
  const state = el("div", { class: "uploading", role: "status" });
  const card = el("li", { class: label.status ? "class other" : "class" });
  let shown = [];

  const belongs = (photo) => sameLabel(labelOf(photo), label);
  const isNew = (photo) => !shown.some((each) => each.sha256 === photo.sha256);
  const take = (files) => send(classifier, label, files, state, (photos) => {
    shown = [...photos.filter(isNew).reverse(), ...shown];
    drawStrip();
  });
  const drawStrip = () => {
    shown = shown.slice(0, SHOWN);
    const there = new Map([...strip.children].map((each) => [each.dataset.photo, each]));
    strip.replaceChildren(...shown.map((photo) => there.get(photo.sha256) ?? thumbnail(classifier, photo)));
    strip.hidden = !shown.length;
  };
  const drawFacts = () => facts.replaceChildren(...factsOf(classifier, label));
  const read = async () => {
    const { photos } = await document_(`${classifier.photosPath(label)}&limit=${SHOWN}`, { signal: classifier.signal });
    shown = shown.filter((each) => !each.gone && belongs(each));
    shown.push(...photos.filter(isNew));
    drawStrip();
  };

  const place = `#/${part(classifier.name)}/photos?${label.status ? `status=${label.status}` : `class=${part(label.class)}`}`;
  card.append(
    el(
      "div",
      { class: "row" },
      el("h3", {}, el("a", { href: place }, name(nameOf(label)))),
      label.class && menu(classifier, label.class),
    ),
    facts,
    strip,
    el("p", { class: "hint quiet" }, "Drop or paste photos here"),
    choosers(take, () => film(`Photos of ${nameOf(label)}`, take), "Add photos"),
    state,
  );
  receive(card, (files) => looksOn() || take(files));
  card.take = take;
  classifier.addEventListener("change", drawFacts);
  classifier.addEventListener("standing", drawFacts);
  classifier.addEventListener("photos", (event) => {
    const touches = (photo) => photo.gone || belongs(photo) || !isNew(photo);
    if (!event.detail.length || event.detail.some(touches)) read().catch(fail);
  });
  drawFacts();
  if (classifier.photosOf(label)) read().catch(fail);
  else drawStrip();
  return card;
}

function thumbnail(classifier, photo) {
  const path = classifier.photoPath(photo.sha256, "thumbnail");
  return el("li", { "data-photo": photo.sha256 }, picture(path, photo.name));
}

function factsOf(classifier, label) {
  const photos = classifier.photosOf(label);
  const found = [el("span", {}, photos ? count(photos, "photo") : "No photos yet")];
  const measured = classifier.standing.classes.find((each) => each.class === label.class);
  if (label.class && measured) {
    const share = measured.correct / measured.photos;
    found.push(
      el("span", { class: "quiet" }, `${percent(share)} right`),
      styled(el("span", { class: "bar" }), { "--share": `${100 * share}%` }),
    );
  }
  if (label.status === "unsure") found.push(el("span", { class: "quiet" }, "for later"));
  if (label.status === "none") found.push(el("span", { class: "quiet" }, "kept, but not learned from"));
  return found;
}

function menu(classifier, found) {
  const path = `${classifier.path}/classes/${part(found)}`;
  const rename = async () => {
    const save = (name) => name === found || document_(path, { method: "PATCH", json: { name } });
    if (await asked("Rename the class", { label: "Name", value: found, save })) await classifier.load();
  };
  const remove = async () => {
    const photos = classifier.photosOf({ class: found });
    const text = `${count(photos, "photo")} will be deleted for ever. The classifier will be the one that never saw them; versions that know them will be withdrawn.`;
    if (!(await confirmed(`Delete the class ${found}?`, photos ? text : "It has no photos.", "Delete"))) return;
    classifier.sayWithdrawn(await classifier.jobs.ask(path, { method: "DELETE" }));
    await classifier.load();
  };
  return el(
    "span",
    { class: "menu" },
    button("Rename", rename, { class: "plain minor", "aria-label": `Rename ${found}` }),
    button("Delete", remove, { class: "plain minor", "aria-label": `Delete ${found}` }),
  );
}

/** Upload files and show how far it is. */
async function send(classifier, label, files, state, added) {
  const controller = new AbortController();
  classifier.signal.addEventListener("abort", () => controller.abort());
  const bar = el("progress", { max: files.length, value: 0, "aria-label": "Upload" });
  const said = el("span", {}, `0 of ${count(files.length, "photo")}`);
  const row = el("div", { class: "row" }, bar, said, button("Stop", () => controller.abort(), { class: "plain" }));
  state.append(row);
  const refused = await upload(classifier, files, label, {
    signal: controller.signal,
    progress: ({ done, total }) => {
      bar.value = done;
      said.textContent = `${done.toLocaleString("en")} of ${count(total, "photo")}`;
    },
    added: (found) => {
      const fresh = found.photos.filter((each) => each.outcome === "added").map((each) => each.photo);
      added(fresh);
      classifier.counted(label, fresh.length);
      classifier.took(found.standing);
    },
  });
  row.remove();
  if (refused.length) state.append(refusedList(refused));
  if (!classifier.signal.aborted) await classifier.load().catch(fail);
}

function refusedList(refused) {
  const text = (each) =>
    each.outcome === "elsewhere"
      ? `already in ${nameOf(labelOf(each.photo))}`
      : each.reason;
  const item = ([reason, found]) => {
    const names = found.slice(0, NAMED).flatMap((each, place) => [place ? ", " : "", name(each.name)]);
    const more = found.length > NAMED ? ` and ${found.length - NAMED} more` : "";
    return el("li", {}, ...names, more, ": ", ...message(reason));
  };
  const box = el(
    "div",
    { class: "refused" },
    el("strong", {}, `${count(refused.length, "file was", "files were")} not added`),
    el("ul", {}, [...Map.groupBy(refused, text)].map(item)),
    button("Dismiss", () => box.remove(), { class: "plain" }),
  );
  return box;
}

function newClass(classifier, take) {
  const field = el("input", { placeholder: "New class", "aria-label": "Name of a new class", "aria-describedby": "class-error", required: true, maxlength: 100 });
  const why = el("p", { class: "error", id: "class-error", role: "alert" });
  const create = async (found, headers = {}) => {
    await document_(`${classifier.path}/classes/${part(found)}`, { method: "PUT", headers });
    await classifier.load();
  };
  const submit = async (event) => {
    event.preventDefault();
    const made = await saved(field, why, (found) => create(found, { "if-none-match": "*" }));
    if (made !== null) field.value = "";
  };
  const card = el(
    "li",
    { class: "class new" },
    el("form", { class: "row", on: { submit } }, field, el("button", {}, "Add class")),
    why,
    el("p", { class: "quiet" }, "Or drop folders of photos here: each becomes a class."),
  );
  receive(card, async (files) => {
    try {
      for (const [folder, found] of Map.groupBy(files, (each) => each.folder || "")) {
        const into = folder || field.value.trim();
        if (!into) return fail(new Error("photos need a class: enter its name first, or drop a folder"));
        await create(into);
        take(into, found);
        if (field.value.trim() === into) field.value = "";
      }
    } catch (error) {
      fail(error);
    }
  });
  return card;
}
