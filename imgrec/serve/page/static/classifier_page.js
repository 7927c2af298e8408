// `#/pets`: teaching. How good it is, the classes, what is worth a look, and a place to try it.

import { asker } from "./answers.js";
import { ask, document_, part } from "./api.js";
import { classCards } from "./classes.js";
import { busyButton, button, el, name, toast } from "./dom.js";
import { reviewSection } from "./review.js";
import { standingPanel } from "./standing.js";
import { openClassifier } from "./workspace.js";

export async function classifierPage(context) {
  const { classifier, head } = await openClassifier(context, "");
  const review = reviewSection(classifier);
  const trying = trySection(classifier);
  return [
    head,
    standingPanel(classifier),
    shortcuts({ "Try it": trying, "Worth a look": review }),
    el(
      "div",
      { class: "workspace" },
      el("section", { "aria-labelledby": "classes" }, el("h2", { id: "classes" }, "Classes"), classCards(classifier)),
      trying,
    ),
    review,
  ];
}

/** Where the page is one long column, buttons that lead down. */
function shortcuts(sections) {
  const lead = ([label, section]) =>
    button(label, () => section.scrollIntoView({ behavior: "smooth" }), { class: "chip" });
  return el("div", { class: "shortcuts chips" }, Object.entries(sections).map(lead));
}

function trySection(classifier) {
  const model = {
    classify: `${classifier.path}/classify`,
    heat: async (file) => (await ask(`${classifier.path}/heat-map`, { method: "POST", body: file })).blob(),
  };
  const place = asker(model, { few: true, beside: (file, prediction) => teach(classifier, file, prediction) });
  const few = el("p", { class: "quiet" }, "As soon as there are two classes with photos, it answers here.");
  const section = el("section", { class: "trying", "aria-labelledby": "try" });
  const draw = () => {
    const ready = classifier.standing.state !== "too_few";
    section.classList.toggle("waiting-for-photos", !ready);
    place.hidden = !ready;
    few.hidden = ready;
  };
  let answered = classifier.standing.revision;
  const follow = () => {
    draw();
    if (classifier.standing.state !== "too_few" && classifier.standing.revision !== answered) place.again();
    answered = classifier.standing.revision;
  };
  section.append(el("h2", { id: "try" }, "Try it"), few, place, publishBox(classifier));
  classifier.addEventListener("standing", follow);
  classifier.addEventListener("change", draw);
  draw();
  return section;
}

/** Buttons that add a photo that was tried to a class. */
function teach(classifier, file, prediction) {
  if (prediction.error) return "";
  const add = async (label) => {
    const response = await document_(classifier.uploadPath(label), { method: "POST", body: named(file) });
    const [{ outcome, photo }] = response.photos;
    const where = photo?.class ?? "it";
    toast(outcome === "added" ? `Added to ${where}` : `It is in ${where} already`);
    await classifier.changedPhotos(response.standing, []);
  };
  const one = (each) => busyButton(name(each.name), () => add({ class: each.name }), { class: "chip" });
  const buttons = classifier.document.classes.slice(0, 12).map(one);
  return el("div", { class: "teach" }, el("small", {}, "Add it to"), el("div", { class: "chips" }, buttons));
}

function named(file) {
  const body = new FormData();
  body.append("photo", file, file.name);
  return body;
}

function publishBox(classifier) {
  const box = el("div", { class: "publish" });
  const publish = async (force) => {
    const found = await classifier.jobs.ask(`${classifier.path}/publish`, { method: "POST", json: { force } });
    toast(`Version ${found.version.number} is published`);
    await classifier.load();
  };
  const attempt = async () => {
    try {
      await publish(false);
    } catch (error) {
      if (!error.document?.verdicts) throw error;
      toast(error.message, { bad: true, label: "Publish anyway", action: () => publish(true) });
    }
  };
  const draw = () => {
    const { published, standing } = classifier.document;
    const act = busyButton("Publish", attempt, { class: "primary" });
    act.disabled = standing.state === "too_few";
    const said = published
      ? [`Version ${published} is published. `, el("a", { href: `#/${part(classifier.name)}/versions` }, "How programs ask it")]
      : ["A published version is a complete run, for programs and for downloading."];
    box.replaceChildren(act, el("p", { class: "quiet" }, ...said));
  };
  classifier.addEventListener("change", draw);
  draw();
  return box;
}
