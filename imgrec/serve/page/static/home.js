// `#/`: the classifiers that are taught, and the models that answer.

import { asker } from "./answers.js";
import { document_, entries, part } from "./api.js";
import { asked, button, el, fail, name } from "./dom.js";
import { picture } from "./pictures.js";
import { count } from "./words.js";

const IN_TILE = 4;

const STEPS = [
  ["Name the classes", "Cats and dogs, good and broken: whatever you want to tell apart."],
  ["Add photos", "Two of each class are enough for a first answer; more make it better."],
  ["Try and publish", "See how accurate it is, and use it here or in programs."],
];

/** The classifiers, or without them, and with `#/?ask`, a place to ask the models. */
export async function homePage({ service, query }) {
  if (service.teaches && !query.has("ask")) return classifierSection(await entries("v1/classifiers", "classifiers"));
  const { models } = await document_("v1/models");
  return models.length ? modelSection(models) : noModel();
}

function noModel() {
  const text = "As soon as a version of a classifier is published, photos can be asked about here.";
  const go = el("a", { class: "button primary", href: "#/" }, "Teach a classifier");
  return [
    el("h1", {}, "What is in the photo?"),
    el("div", { class: "empty" }, el("h2", {}, "No model answers yet"), el("p", {}, text), go),
  ];
}

function modelSection(models) {
  const place = el("div", {});
  const about = el("p", { class: "of" });
  const choose = (model) => {
    const classify = `v1/classify?model=${part(model.name)}`;
    const heat = (file) => heatMap(`${classify}&explain=occlusion`, file);
    about.replaceChildren(...describe(model, models.length > 1));
    place.replaceChildren(asker({ classify, heat }));
  };
  const select = el(
    "select",
    { on: { change: (event) => choose(models[event.target.selectedIndex]) } },
    models.map((each) => el("option", {}, each.name)),
  );
  choose(models[0]);
  return el(
    "section",
    { class: "asking" },
    el("h1", {}, "What is in the photo?"),
    models.length > 1 && el("label", { class: "field inline" }, "Model", select),
    about,
    place,
  );
}

/** The picture of an explanation, which comes in base64. */
async function heatMap(path, file) {
  const { pictures } = await document_(path, { method: "POST", body: file });
  const bytes = Uint8Array.from(atob(pictures[0]), (each) => each.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}

function describe(model, isChosen) {
  const shown = model.classes.slice(0, 12);
  const more = model.classes.length - shown.length;
  const names = shown.flatMap((each, place) => [place ? ", " : "", name(each)]);
  const who = isChosen ? ["It"] : [name(model.name)];
  const known = ` knows ${count(model.classes.length, "class", "classes")}: `;
  return [...who, known, ...names, more > 0 ? `, and ${more.toLocaleString("en")} more` : ""];
}

function classifierSection(classifiers) {
  const create = async () => {
    const given = await asked("New classifier", {
      label: "Name",
      send: "Create",
      help: "What it is about, such as pets or screws.",
      save: (name) => document_(`v1/classifiers/${part(name)}`, { method: "PUT", headers: { "if-none-match": "*" } }),
    });
    if (given) location.hash = `#/${part(given)}`;
  };
  const make = button("New classifier", create, { class: "primary" });
  const empty = el(
    "div",
    { class: "empty" },
    el("h2", {}, "Teach a classifier with your photos"),
    el("ol", { class: "steps" }, STEPS.map(([what, how]) => el("li", {}, el("strong", {}, what), el("span", { class: "quiet" }, how)))),
    make,
  );
  if (!classifiers.length) return el("section", {}, el("h1", {}, "Your classifiers"), empty);
  return el(
    "section",
    {},
    el("div", { class: "row tiles-head" }, el("h1", {}, "Your classifiers"), make),
    el("ul", { class: "tiles" }, classifiers.map(tile)),
  );
}

function tile(classifier) {
  const { labelled } = classifier.photos;
  const { published } = classifier;
  const path = `v1/classifiers/${part(classifier.name)}/photos`;
  const mosaic = el("span", { class: "mosaic" });
  document_(`${path}?status=labelled&limit=${IN_TILE}`).then(({ photos }) => {
    mosaic.append(...photos.map((each) => picture(`${path}/${each.sha256}/thumbnail`, "")));
  }, fail);
  return el(
    "li",
    {},
    el(
      "a",
      { class: "card", href: `#/${part(classifier.name)}` },
      mosaic,
      el("strong", {}, name(classifier.name)),
      el(
        "span",
        { class: "quiet" },
        `${count(classifier.classes.length, "class", "classes")}, ${count(labelled, "photo")}`,
      ),
      el("small", {}, published ? `Version ${published} is published` : "Not published yet"),
    ),
  );
}
