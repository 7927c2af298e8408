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
    el("div", { class: "summary" }, standingPanel(classifier), ...publishBox(classifier)),
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
  const few = el("p", { class: "quiet" }, "As soon as there are two classes with two photos each, it answers here.");
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
  section.append(el("h2", { id: "try" }, "Try it"), few, place);
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

/** A button that publishes, and what a version that was refused has to meet. */
function publishBox(classifier) {
  const box = el("div", { class: "publish" });
  const refusal = el("div", { class: "refusal", role: "alert" });
  const publish = async (force) => {
    refusal.replaceChildren();
    const found = await classifier.jobs.ask(`${classifier.path}/publish`, { method: "POST", json: { force } });
    toast(`Version ${found.version.number} is published`);
    compared.textContent = found.not_compared && `It was ${found.not_compared}.`;
    await classifier.load();
  };
  const attempt = async () => {
    try {
      await publish(false);
    } catch (error) {
      if (!error.document?.verdicts) throw error;
      refusal.replaceChildren(missed(error.document, () => publish(true), () => refusal.replaceChildren()));
    }
  };
  const act = busyButton("Publish", attempt, { class: "primary" });
  const said = el("p", { class: "quiet" });
  const compared = el("p", { class: "quiet", role: "status" });
  const lack = el("div");
  box.append(act, said, lack, compared);
  const draw = () => {
    const { published, standing } = classifier.document;
    const answers = standing.state !== "too_few";
    const few = standing.too_few.flatMap((each, place) => [place ? ", " : "", name(each.class)]);
    box.hidden = !answers && !published;
    act.hidden = !answers || few.length > 0;
    const text = published
      ? [`Version ${published} is published. `, el("a", { href: `#/${part(classifier.name)}/versions` }, "Use it in programs")]
      : ["Makes a version that programs can use and that you can download."];
    const lacking = el("p", { class: "quiet" }, "To publish a version, each class with photos needs at least two. Too few: ", ...few);
    said.replaceChildren(...text);
    lack.replaceChildren(...(answers && few.length ? [lacking] : []));
  };
  classifier.addEventListener("change", draw);
  classifier.addEventListener("standing", draw);
  draw();
  return [box, refusal];
}

function missed({ verdicts, not_compared: notCompared }, force, close) {
  const item = ({ met, reason }) =>
    el(
      "li",
      { class: met ? "met" : "missed" },
      el("span", { class: "sign", role: "img", "aria-label": met ? "met" : "not met" }, met ? "✓" : "✗"),
      el("span", {}, reason),
    );
  return el(
    "section",
    { class: "verdict missed", "aria-labelledby": "refused" },
    el("h2", { id: "refused" }, el("span", { class: "mark", "aria-hidden": "true" }, "✗"), "Not published"),
    el("ul", {}, verdicts.map(item)),
    notCompared && el("p", { class: "quiet" }, `It was ${notCompared}.`),
    el("div", { class: "actions start" }, busyButton("Publish anyway", force), button("Dismiss", close, { class: "plain" })),
  );
}
