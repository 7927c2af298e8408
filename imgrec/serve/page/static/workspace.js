// What the pages of a classifier have in common: heading, tabs, undo.

import { part } from "./api.js";
import { Classifier } from "./classifier.js";
import { el, fail, name } from "./dom.js";
import { jobsPanel } from "./jobs.js";
import { looksOn } from "./rights.js";

/** Read a classifier, and return it with the top of its pages. */
export async function openClassifier(context, current) {
  const classifier = new Classifier(context.name, context.signal);
  classifier.jobs.addEventListener("end", () => classifier.load().catch(fail));
  // Before anything else is read: what a job changes that ends later is read again.
  await classifier.jobs.find();
  await classifier.load();
  addEventListener("keydown", (event) => undoKey(event, classifier), { signal: context.signal });
  const to = (place) => `#/${part(context.name)}${place && `/${place}`}`;
  const tab = ([place, label]) =>
    el("a", { href: to(place), "aria-current": place === current ? "page" : null }, label);
  const tabs = [
    ["", "Teach"],
    ["photos", "Photos"],
    ["versions", "Versions"],
  ];
  const head = el(
    "header",
    { class: "head" },
    el("h1", {}, name(context.name)),
    el("nav", { class: "tabs", "aria-label": context.name }, tabs.map(tab)),
    jobsPanel(classifier.jobs),
    el("p", { class: "quiet rights" }, "You can look at everything and try it. Teaching takes a token with the right to manage."),
  );
  return { classifier, head };
}

function undoKey(event, classifier) {
  const typing = event.target.closest?.("input, textarea, select");
  if (typing || looksOn() || event.key.toLowerCase() !== "z" || event.altKey) return;
  event.preventDefault();
  classifier.undo();
}
