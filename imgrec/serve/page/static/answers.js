// Photos and what a model answers: bars, "unknown", the heat map.

import { document_ } from "./api.js";
import { openCamera } from "./camera.js";
import { button, el, fail, message, name, styled } from "./dom.js";
import { choosers, receive } from "./intake.js";
import { pictureOf } from "./pictures.js";
import { percent } from "./words.js";

const MOST = 100;
const AT_ONCE = 4;

/**
 * A place for photos, and their answers.
 * `model` has `classify`, an address, and `heat(file)`, which returns a picture. Of the element that
 * is returned, `again()` asks the model about the first photo once more.
 * `beside(file, answer)` returns what else is offered with an answer.
 */
export function asker(model, { few = false, beside = null } = {}) {
  const list = el("ul", { class: "answers", "aria-live": "polite" });
  const stage = el("div", {});
  const take = (files) => {
    const shown = files.slice(0, few ? 1 : MOST).map((file) => ({ file, item: waiting(file) }));
    if (few) list.replaceChildren();
    list.prepend(...shown.map((each) => each.item));
    while (list.children.length > MOST) list.lastElementChild.remove();
    inTurn(shown, ({ file, item }) => fill(item, model, file, beside));
  };
  const film = () => filmLive(stage, model);
  const place = el(
    "div",
    { class: "drop", tabindex: "0", "aria-label": "Place for photos: drop or paste them" },
    el("p", {}, el("strong", {}, few ? "Drop a photo here" : "Drop photos here")),
    el("p", { class: "quiet" }, "or paste one, or"),
    choosers(take, film, few ? "Choose a photo" : "Choose photos"),
  );
  const whole = el("div", { class: "asker" }, place, stage, list);
  receive(place, take)();
  whole.again = () => {
    const first = list.firstElementChild;
    if (first) fill(first, model, first.file, beside);
  };
  return whole;
}

/** The bars of an answer. */
export function ranked(prediction, threshold) {
  if (prediction.error) return el("p", { class: "error" }, prediction.error);
  const bar = ({ class: found, probability }) => {
    const isAnswer = prediction.labels.includes(found);
    const length = styled(el("span", { class: "bar" }), { "--share": `${100 * probability}%` });
    const share = el("span", { class: "probability" }, percent(probability));
    return el("li", { class: isAnswer ? "answer" : null }, name(found), share, length);
  };
  const why = threshold ? "Not sure enough, or unlike the photos it knows" : "Unlike the photos it knows";
  const unknown = el("p", { class: "said unknown" }, "Unknown", el("small", {}, why));
  return [!prediction.known && unknown, el("ul", { class: "ranked" }, prediction.top.map(bar))];
}

function waiting(file) {
  const frame = el("div", { class: "frame" }, pictureOf(file, file.name));
  const said = el("p", { class: "quiet" }, "Classifying…");
  const item = el("li", { class: "answered" }, frame, el("div", { class: "said-of" }, said));
  item.file = file;
  return item;
}

async function fill(item, model, file, beside) {
  const said = item.querySelector(".said-of");
  try {
    const { prediction, threshold } = await answerTo(model, file);
    const more = [el("small", { class: "file" }, name(file.name))];
    if (!prediction.error) more.push(heatButton(item, model, file));
    if (beside) more.push(beside(file, prediction));
    said.replaceChildren(...[ranked(prediction, threshold)].flat().filter(Boolean), ...more);
  } catch (error) {
    if (error.name === "AbortError") return;
    said.replaceChildren(el("p", { class: "error" }, ...message(error.message)), el("small", {}, ...message(error.hint ?? "")));
  }
}

async function answerTo(model, file) {
  const found = await document_(model.classify, { method: "POST", body: file });
  return { prediction: found.predictions[0], threshold: found.models[0]?.threshold };
}

function heatButton(item, model, file) {
  const frame = item.querySelector(".frame");
  const plain = frame.firstElementChild;
  const toggle = button("Heat map", async () => {
    const on = toggle.getAttribute("aria-pressed") === "false";
    toggle.setAttribute("aria-pressed", String(on));
    if (!on) return frame.replaceChildren(plain);
    frame.classList.add("loading");
    try {
      const content = await model.heat(file);
      frame.replaceChildren(pictureOf(content, `Heat map of ${file.name}: lighter areas count more`));
    } catch (error) {
      toggle.setAttribute("aria-pressed", "false");
      fail(error);
    } finally {
      frame.classList.remove("loading");
    }
  });
  toggle.setAttribute("aria-pressed", "false");
  toggle.className = "chip";
  return toggle;
}

/** Show the camera with the answers to what it sees. */
async function filmLive(stage, model) {
  if (stage.firstChild) return;
  const camera = await openCamera().catch(fail);
  if (!camera) return;
  const said = el("div", { class: "said-of" }, el("p", { class: "quiet" }, "Looking…"));
  const stop = button("Stop the camera", () => stage.replaceChildren());
  stage.append(el("div", { class: "answered live" }, el("div", { class: "frame" }, camera.video), said), stop);
  while (stop.isConnected) {
    const photo = await camera.photo();
    try {
      if (photo) {
        const { prediction, threshold } = await answerTo(model, photo);
        said.replaceChildren(...[ranked(prediction, threshold)].flat().filter(Boolean));
      }
    } catch (error) {
      fail(error);
      stage.replaceChildren();
    }
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  camera.close();
}

async function inTurn(items, work) {
  const rest = [...items];
  const worker = async () => {
    for (let each; (each = rest.shift()); ) await work(each);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
