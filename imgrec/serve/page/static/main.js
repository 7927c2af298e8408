// The places of the page, by the part of the address behind the `#`.

import { currentToken, document_, forgetToken, newToken } from "./api.js";
import { classifierPage } from "./classifier_page.js";
import { button, clearToasts, el, message } from "./dom.js";
import { homePage } from "./home.js";
import { photosPage } from "./photos_page.js";
import { learnRights } from "./rights.js";
import { versionsPage } from "./versions_page.js";

const content = document.getElementById("content");
const TITLES = { 0: "No connection", 401: "A token is needed", 404: "Not found" };
let service = null;
let leave = null;

addEventListener("hashchange", () => {
  for (const each of document.querySelectorAll("dialog[open]")) each.close();
  clearToasts();
  show(true);
});
addEventListener("token", () => {
  topBar();
  // If that fails, so does what the token was entered for, which says why.
  if (service.teaches) learnRights().catch(() => {});
});
await start();

async function start() {
  try {
    service ??= await document_("page/service.json");
    topBar();
    if (service.teaches) await learnRights();
    await show(false);
  } catch (error) {
    failed(error);
  }
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
    topBar();
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
  const asks = !service.teaches || location.hash.startsWith("#/?ask");
  const link = (href, label, here) => el("a", { href, "aria-current": here ? "page" : null }, label);
  const links = [
    service.teaches && link("#/", "Classifiers", !asks),
    link(service.teaches ? "#/?ask" : "#/", "Classify", asks),
    link("docs", "API", false),
  ];
  if (service.needs_token) links.push(button(currentToken() ? "Forget token" : "Enter token", token, { class: "plain" }));
  document.getElementById("places").replaceChildren(...links.filter(Boolean));
}

async function token() {
  if (currentToken()) forgetToken();
  else await newToken();
  await start();
}

function failed(error) {
  const needsToken = error.status === 401;
  const hint = needsToken ? "Whoever runs the service can give you one." : (error.hint ?? "");
  content.replaceChildren(
    el("h1", {}, TITLES[error.status] ?? "This did not work"),
    needsToken ? "" : el("p", { class: "error" }, ...message(error.message)),
    el("p", { class: "quiet" }, ...message(hint)),
    el(
      "div",
      { class: "actions start" },
      button(needsToken ? "Enter token" : "Try again", start, { class: "primary" }),
      el("a", { class: "button", href: "#/" }, "Home"),
    ),
  );
  if (!error.status) console.error(error);
}
