// Requests to the service.

import { asked } from "./dom.js";

const TOKEN = "imgrec-token";

/** Why the service did not do what it was asked for. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? `the service answered with status ${status}`);
    this.status = status;
    this.hint = document.hint ?? "";
    this.document = document;
  }
}

/** The part of an address that stands for a name; raises Problem for one that browsers take for a step. */
export function part(name) {
  if (name === "." || name === "..") {
    throw new Problem(422, { detail: `${name} can't be a name`, hint: "a name can't begin with a dot" });
  }
  return encodeURIComponent(name);
}

/** The address of something that the service answers. */
export const address = (path) => new URL(path, document.baseURI).href;

/**
 * Ask the service.
 * `json` or `body` is sent; raises Problem, or an AbortError if `signal` says so.
 */
export async function ask(path, { method = "GET", json, body, headers = {}, signal, priority } = {}) {
  const sent = json === undefined ? body : JSON.stringify(json);
  const kind = json === undefined ? {} : { "content-type": "application/json" };
  for (;;) {
    const token = currentToken();
    const right = token ? { authorization: `Bearer ${token}` } : {};
    const init = { method, body: sent, headers: { ...kind, ...right, ...headers }, signal, priority };
    const response = await fetch(address(path), init).catch(unreachable);
    if (response.status === 401) {
      if (await newToken(token)) continue;
    }
    if (!response.ok && response.status !== 422) throw await problem(response);
    return response;
  }
}

/** Ask for a document. Photos that can't be used are part of it, and no error. */
export async function document_(path, options) {
  const response = await ask(path, options);
  if (response.status === 204) return null;
  const found = await response.json();
  if (response.status === 422 && found.title) throw new Problem(422, found);
  return found;
}

/** Ask for all entries of a list, which comes in pages; `key` names it in the document. */
export async function entries(path, key, options) {
  const found = [];
  for (let next = "?limit=1000"; next; ) {
    const page = await document_(path + next, options);
    found.push(...page[key]);
    next = page.next;
  }
  return found;
}

/** Save a file of the service under a name. */
export async function save(path, filename) {
  const url = URL.createObjectURL(await (await ask(path)).blob());
  const link = Object.assign(document.createElement("a"), { href: url, download: filename });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The token of this tab, if there is one. */
export const currentToken = () => sessionStorage.getItem(TOKEN) ?? "";

/** Forget the token. */
export const forgetToken = () => sessionStorage.removeItem(TOKEN);

let asking = null;

/** Have a person enter a token; return whether there is another one than was refused. */
export async function newToken(refused = "") {
  if (currentToken() !== refused) return true;
  asking ??= asked("This service needs a token", {
    label: "Token",
    type: "password",
    send: "Use it",
    help: refused
      ? "The last one was not accepted. Enter another one."
      : "The browser keeps it until this tab is closed.",
  }).finally(() => (asking = null));
  const token = await asking;
  if (!token) return false;
  sessionStorage.setItem(TOKEN, token);
  dispatchEvent(new Event("token"));
  return true;
}

function unreachable(error) {
  if (error.name === "AbortError") throw error;
  throw new Problem(0, { detail: "the service can't be reached", hint: "is it still running?" });
}

async function problem(response) {
  const text = await response.text();
  try {
    return new Problem(response.status, JSON.parse(text));
  } catch {
    return new Problem(response.status, {});
  }
}
