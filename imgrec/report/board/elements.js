// Elements of HTML and SVG; names are only ever their text.

const $ = (id) => document.getElementById(id);

function el(name, properties, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((each) => each !== null));
  return made;
}

function draw(parent, name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

const quiet = (...words) => el("p", { class: "quiet" }, ...words);
const cut = (words, most) => (words.length > most ? `${words.slice(0, most - 1)}…` : words);
const labelled = (list) => list.map((each) => [each.key, each.label]);

function choice(label, options, chosen, change) {
  const select = el("select", { onchange: () => change(select.value) });
  for (const [key, text] of options) select.append(new Option(text, key, false, key === chosen));
  return el("label", {}, label, select);
}

function picker(title, known, chosen, change) {
  const boxes = known.map((each) => el("label", {}, el("input", { type: "checkbox", checked: chosen.has(each.key), onchange: () => {
    if (!chosen.delete(each.key)) chosen.add(each.key);
    change();
  } }), each.label));
  const made = el("details", { class: "pick" }, el("summary", {}, title), el("div", {}, ...boxes));
  made.addEventListener("keydown", (event) => { if (event.key === "Escape") { made.open = false; made.firstChild.focus(); } });
  document.addEventListener("pointerdown", (event) => { if (!made.contains(event.target)) made.open = false; });
  return made;
}

// Browsers send such events also when the page moves below a pointer that rests.
function moved(handle) {
  return (event) => { if (event.movementX || event.movementY) handle(event); };
}
