// Where photos come in: dropped, pasted, chosen, or taken with the camera.

import { canFilm } from "./camera.js";
import { button, el } from "./dom.js";

/** Photos that are pasted go where the pointer or the focus was last. */
let pasteTarget = null;

addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length || !pasteTarget?.isConnected) return;
  event.preventDefault();
  pasteTarget.dispatchEvent(new CustomEvent("photos", { detail: files }));
});
// A file that misses its place must not take that of the page.
for (const event of ["dragover", "drop"]) addEventListener(event, (each) => each.preventDefault());

/** Let photos be dropped and pasted on an element; `take` gets files, each with its folder. */
export function receive(element, take) {
  let depth = 0;
  const over = (by) => {
    depth = Math.max(0, depth + by);
    element.classList.toggle("over", depth > 0);
  };
  const aim = () => (pasteTarget = element);
  element.addEventListener("dragenter", () => over(1));
  element.addEventListener("dragleave", () => over(-1));
  element.addEventListener("drop", async (event) => {
    over(-depth);
    event.preventDefault();
    const files = await filesOf(event.dataTransfer);
    if (files.length) take(files);
  });
  element.addEventListener("photos", (event) => take(event.detail));
  element.addEventListener("focusin", aim);
  element.addEventListener("pointerenter", aim);
  return aim;
}

/** Buttons to choose photos and to use the camera, which `film` opens. */
export function choosers(take, film, label = "Choose photos") {
  const files = (event) => {
    const chosen = [...event.target.files];
    event.target.value = "";
    if (chosen.length) take(chosen);
  };
  const field = (more) =>
    el("input", { type: "file", accept: "image/*,.heic", hidden: true, on: { change: files }, ...more });
  const chosen = field({ multiple: true });
  const taken = field({ capture: "environment" });
  const camera = () => (canFilm() ? film() : taken.click());
  const buttons = [button(label, () => chosen.click()), button("Camera", camera)];
  return el("div", { class: "choosers" }, buttons, chosen, taken);
}

/** The files of what was dropped, also those in folders. */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((each) => each.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((each) => each.isDirectory)) return [...transfer.files];
  const found = [];
  for (const each of entries) await walk(each, "", found);
  return found;
}

async function walk(entry, folder, found) {
  if (entry.name.startsWith(".")) return;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push(Object.assign(file, { folder }));
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const each of some) await walk(each, entry.name, found);
  }
}
