// Elements: making them, and saying things to whoever uses the page.

/**
 * Make an element.
 * `properties` are attributes; `on` has listeners by event; false, null and undefined leave one out.
 */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    } else if (value === true) {
      made.setAttribute(name, "");
    } else if (value !== false && value != null) {
      made.setAttribute(name, value);
    }
  }
  made.append(...children.flat().filter((each) => each != null && each !== false));
  return made;
}

/** Make an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Make a button; if what it does fails, it is said why. */
export function button(label, action, properties = {}) {
  const click = async (event) => {
    try {
      await action(event);
    } catch (error) {
      fail(error);
    }
  };
  return el("button", { type: "button", on: { click }, ...properties }, ...[label].flat());
}

/** Make a button that is disabled while what it does goes on. */
export function busyButton(label, action, properties) {
  const act = async () => {
    made.disabled = true;
    await action().finally(() => (made.disabled = false));
  };
  const made = button(label, act, properties);
  return made;
}

/** A name that others chose: the direction of its writing does not change what is around it. */
export const name = (text) => el("bdi", {}, text);

/** A message of the service: what one types stands between backticks. */
export const message = (text) => text.split("`").map((each, place) => (place % 2 ? el("code", {}, each) : each));

/** Set a custom property, such as the length of a bar. */
export function styled(element, properties) {
  for (const [key, value] of Object.entries(properties)) element.style.setProperty(key, value);
  return element;
}

/** Show a message for some seconds, in place of the last one, with a button if there is something to do about it. */
export function toast(text, { action, label, bad = false } = {}) {
  const open = document.querySelectorAll("dialog[open] .toasts");
  const place = [...open].at(-1) ?? document.getElementById("toasts");
  const shown = el("div", { class: bad ? "toast bad" : "toast" }, el("span", {}, ...message(text)));
  const close = () => shown.remove();
  if (action) shown.append(button(label, () => (close(), action()), { class: "plain act" }));
  shown.append(button("×", close, { class: "plain", "aria-label": "Dismiss" }));
  place.replaceChildren(shown);
  setTimeout(close, bad ? 12000 : 8000);
}

/** Take back the message that is shown, which is about another place of the page. */
export const clearToasts = () => document.getElementById("toasts").replaceChildren();

/** Show why something failed. */
export function fail(error) {
  if (error.name !== "AbortError") toast(reasonOf(error), { bad: true });
}

function reasonOf({ message, hint }) {
  const end = message.endsWith("?") ? "" : ";";
  return hint ? `${message}${end} ${hint}` : message;
}

/** Open a dialog with a heading; `fill` gets a function that closes it with a value. */
export function dialog(title, fill, properties = {}) {
  return new Promise((resolve) => {
    const heading = el("h2", { id: "dialog-title" }, title);
    const shown = el("dialog", { "aria-labelledby": "dialog-title", ...properties }, heading);
    let result = null;
    const close = (value = null) => ((result = value), shown.close());
    shown.append(...[fill(close)].flat(), el("div", { class: "toasts", role: "status" }));
    shown.addEventListener("close", () => (shown.remove(), resolve(result)));
    document.body.append(shown);
    shown.showModal();
  });
}

/** Ask whether to do what can't be undone. */
export function confirmed(title, text, label) {
  return dialog(title, (close) => [
    el("p", {}, text),
    el(
      "div",
      { class: "actions" },
      button("Cancel", () => close(false), { autofocus: true }),
      button(label, () => close(true), { class: "danger" }),
    ),
  ]);
}

/**
 * Ask for a text, until `save` accepts it: the dialog stays open if that fails, and says why at the field.
 * Resolves to the text, or to null if none is given.
 */
export function asked(title, { label, value = "", help = "", type = "text", send = "Save", required = true, save = () => {} }) {
  return dialog(title, (close) => {
    const about = { "aria-describedby": help ? "dialog-error dialog-help" : "dialog-error" };
    const field = el("input", { type, value, required, autocomplete: "off", autofocus: true, ...about });
    const why = el("p", { class: "error", id: "dialog-error", role: "alert" });
    const submit = async (event) => {
      event.preventDefault();
      const given = await saved(field, why, save);
      if (given !== null) close(given);
    };
    return el(
      "form",
      { on: { submit } },
      el("label", { class: "field" }, label, field),
      why,
      help && el("p", { class: "quiet", id: "dialog-help" }, help),
      el(
        "div",
        { class: "actions" },
        button("Cancel", () => close()),
        el("button", { class: "primary" }, send),
      ),
    );
  });
}

/**
 * Save the text in a field and return it; null if that fails, which `why`, an element, then explains.
 * The field is read-only until then, so that a second submission is ignored.
 */
export async function saved(field, why, save) {
  const given = field.readOnly ? null : trimmed(field);
  if (given === null) return null;
  why.textContent = "";
  field.removeAttribute("aria-invalid");
  field.readOnly = true;
  try {
    await save(given);
    return given;
  } catch (error) {
    why.replaceChildren(...message(reasonOf(error)));
    field.setAttribute("aria-invalid", "true");
    field.focus();
    return null;
  } finally {
    field.readOnly = false;
  }
}

/** The text in a field, without blanks around it; null if it is required and missing, which the field then says. */
function trimmed(field) {
  field.value = field.value.trim();
  return field.reportValidity() ? field.value : null;
}
