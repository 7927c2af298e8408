// Pictures that are loaded when they come into view, and given up when they leave it.

import { ask } from "./api.js";
import { el } from "./dom.js";

const loading = new WeakMap();

// Pictures that are only scrolled past are not loaded.
const PATIENCE = 120;

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) start(target);
      else release(target);
    }
  },
  { rootMargin: "200px" },
);

/** A picture from the service. */
export function picture(path, alt) {
  const image = el("img", { alt, "data-path": path, class: "waiting" });
  observer.observe(image);
  return image;
}

/** A picture of a file that is here; a browser can't show files of all kinds. */
export function pictureOf(file, alt) {
  const image = el("img", { alt, src: URL.createObjectURL(file) });
  const free = () => URL.revokeObjectURL(image.src);
  image.addEventListener("load", free, { once: true });
  const instead = () => (free(), image.replaceWith(el("small", {}, "no preview")));
  image.addEventListener("error", instead, { once: true });
  return image;
}

/** Show another picture from the service in the place of one. */
export function show(image, path, alt) {
  release(image);
  Object.assign(image, { alt }).dataset.path = path;
  start(image, 0);
}

function start(image, patience = PATIENCE) {
  if (loading.has(image)) return;
  const controller = new AbortController();
  const found = { controller, url: "", timer: setTimeout(() => load(image, found), patience) };
  loading.set(image, found);
}

async function load(image, found) {
  const { signal } = found.controller;
  try {
    const response = await ask(image.dataset.path, { signal, priority: "low" });
    const content = await response.blob();
    if (signal.aborted) return;
    image.src = found.url = URL.createObjectURL(content);
    image.classList.remove("waiting");
  } catch {
    if (loading.get(image) === found) loading.delete(image);
  }
}

function release(image) {
  const found = loading.get(image);
  if (!found) return;
  loading.delete(image);
  clearTimeout(found.timer);
  found.controller.abort();
  image.classList.add("waiting");
  image.removeAttribute("src");
  if (found.url) URL.revokeObjectURL(found.url);
}
