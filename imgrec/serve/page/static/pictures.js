// Pictures that are loaded when they come into view, and given up when they leave it.

import { ask } from "./api.js";
import { el } from "./dom.js";

const loading = new WeakMap();

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) load(target);
      else release(target);
    }
  },
  { rootMargin: "400px" },
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
  load(image);
}

async function load(image) {
  if (loading.has(image)) return;
  const controller = new AbortController();
  const found = { controller, url: "" };
  loading.set(image, found);
  try {
    const response = await ask(image.dataset.path, { signal: controller.signal });
    const content = await response.blob();
    if (controller.signal.aborted) return;
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
  found.controller.abort();
  image.classList.add("waiting");
  image.removeAttribute("src");
  if (found.url) URL.revokeObjectURL(found.url);
}
