// The places of the page, by the part of the address behind the `#`.

import { currentToken, document_, forgetToken, newToken } from "./api.js";
import { classifierPage } from "./classifier_page.js";
import { button, el } from "./dom.js";
import { homePage } from "./home.js";
import { photosPage } from "./photos_page.js";
import { versionsPage } from "./versions_page.js";

const content = document.getElementById("content");
let service = null;
let leave = null;

addEventListener("hashchange", () => show(true));
addEventListener("token", topBar);
await start();

async function start() {
  service = await document_("page/service.json").catch(failed);
  if (!service) return;
  topBar();
  await show(false);
}

/** Show the place of the address: `#/`, `#/pets`, `#/pets/photos`, `#/pets/versions`. */
async function show(moved) {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, part] = path.split("/").map(decoded);
  leave?.abort();
  leave = new AbortController();
  const context = { name, service, query: new URLSearchParams(query), signal: leave.signal };
  const page = { photos: photosPage, versions: versionsPage }[part] ?? (name ? classifierPage : homePage);
  try {
    const found = await page(context);
    if (context.signal.aborted) return;
    document.title = name ? `${name}: imgrec` : "imgrec";
    content.replaceChildren(...[found].flat().filter(Boolean));
    scrollTo(0, 0);
    if (moved) content.focus({ preventScroll: true });
  } catch (error) {
    if (!context.signal.aborted) failed(error);
  }
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function topBar() {
  const links = [
    service.teaches && el("a", { href: "#/" }, "Classifiers"),
    el("a", { href: service.teaches ? "#/?ask" : "#/" }, "Classify"),
    el("a", { href: "docs" }, "API"),
  ];
  if (service.needs_token) links.push(button(currentToken() ? "Forget token" : "Enter token", token));
  document.getElementById("places").replaceChildren(...links.filter(Boolean));
}

async function token() {
  if (currentToken()) forgetToken();
  else await newToken();
  topBar();
  await show(true);
}

function failed(error) {
  content.replaceChildren(
    el("h1", {}, error.status === 404 ? "Not found" : "This did not work"),
    el("p", { class: "error" }, error.message),
    el("p", { class: "quiet" }, error.hint ?? ""),
    el(
      "div",
      { class: "actions start" },
      button("Try again", () => location.reload(), { class: "primary" }),
      el("a", { class: "button", href: "#/" }, "To the start"),
    ),
  );
  if (!error.status) console.error(error);
}
