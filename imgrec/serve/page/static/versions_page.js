// `#/pets/versions`: what was published, its files, and how programs ask it.

import { address, document_, entries, part, save } from "./api.js";
import { asked, busyButton, button, confirmed, el, fail, name, toast } from "./dom.js";
import { openClassifier } from "./workspace.js";
import { count, moment, percent } from "./words.js";

const COMPARED =
  "A version that is significantly worse than the published one is refused, too. If their classes differ, as after a new class, they are not compared.";

export async function versionsPage(context) {
  const { classifier, head } = await openClassifier(context, "versions");
  const place = el("div");
  let latest = 0;
  let shown = "";
  const draw = async () => {
    const mine = (latest += 1);
    const versions = await entries(`${classifier.path}/versions`, "versions", { signal: context.signal });
    const read = JSON.stringify(versions);
    if (mine !== latest || read === shown) return;
    shown = read;
    const answers = versions.some((each) => each.state === "published");
    place.replaceChildren(
      versions.length ? versionList(classifier, versions.toReversed(), context) : nothing(classifier),
      ...(answers ? [usage(classifier, context.service)] : []),
    );
  };
  classifier.addEventListener("change", () => draw().catch(fail));
  const back = () => document.hidden || classifier.load().catch(fail);
  document.addEventListener("visibilitychange", back, { signal: context.signal });
  await draw();
  return [head, place, settings(classifier)];
}

function nothing(classifier) {
  return el(
    "div",
    { class: "empty" },
    el("h2", {}, "Nothing is published yet"),
    el("p", {}, "A version is a complete run, with a model, a certificate and a report. Programs can use it, and you can download it."),
    el("a", { class: "button primary", href: `#/${part(classifier.name)}` }, "Teach and publish"),
  );
}

function versionList(classifier, versions, context) {
  return el(
    "section",
    { "aria-labelledby": "list" },
    el("h2", { id: "list" }, "Versions"),
    el("ul", { class: "versions" }, versions.map((each) => versionCard(classifier, each, context))),
  );
}

function versionCard(classifier, version, context) {
  const { accuracy, state } = version;
  const badge = {
    published: el("span", { class: "finding better" }, "published"),
    withdrawn: el("span", { class: "finding quiet" }, "withdrawn"),
  }[state];
  const facts = [moment(version.created), count(version.photos, "photo"), count(version.classes.length, "class", "classes")];
  return el(
    "li",
    { class: `version ${state}` },
    el("div", {}, el("h3", {}, name(`${classifier.name}-${version.number}`), " ", badge), el("p", { class: "quiet" }, facts.join(" · "))),
    accuracy &&
      el("p", { class: "measured" }, el("strong", {}, percent(accuracy.value)), el("small", {}, `${percent(accuracy.low)} to ${percent(accuracy.high)}`)),
    el("div", { class: "files" }, state === "withdrawn" ? el("p", { class: "quiet" }, "A photo that it knew was deleted.") : files(classifier, version, context)),
  );
}

function files(classifier, version, context) {
  const path = `${classifier.path}/versions/${version.number}`;
  const named = `${classifier.name}-${version.number}`;
  const download = (label, file, filename) => busyButton(label, () => save(`${path}/${file}`, filename), { class: "plain" });
  // A link can't send a token.
  const report = context.service.needs_token
    ? download("Report", "report.html", `${named}.html`)
    : el("a", { class: "button plain", href: `${path}/report.html`, target: "_blank", rel: "noopener" }, "Report");
  const answer = async () => {
    await document_(`${path}:restore`, { method: "POST" });
    toast(`Version ${version.number} is published again`);
    await classifier.load();
  };
  const restore = busyButton("Restore", answer, { class: "plain restore" });
  return [report, download("Run (.zip)", "run.zip", `${named}.zip`), download(".tflite", "model.tflite", `${named}.tflite`), version.state === "available" && restore];
}

function usage(classifier, service) {
  const url = `${address(classifier.path)}/classify?version=published`;
  const curl = [
    "curl --data-binary @photo.jpg \\",
    ...(service.needs_token ? ['  -H "Authorization: Bearer $TOKEN" \\'] : []),
    `  '${url}'`,
  ].join("\n");
  const header = service.needs_token ? ', headers={"Authorization": f"Bearer {token}"}' : "";
  const python = [
    "import json",
    "from pathlib import Path",
    "from urllib.request import Request, urlopen",
    "",
    `url = ${JSON.stringify(url)}`,
    `request = Request(url, Path("photo.jpg").read_bytes()${header})`,
    'print(json.load(urlopen(request))["predictions"][0]["top"][0])',
  ].join("\n");
  return el("section", { "aria-labelledby": "use" }, el("h2", { id: "use" }, "Use it in programs"), code("curl", curl), code("Python", python));
}

function code(title, text) {
  const copy = button("Copy", () => navigator.clipboard.writeText(text).then(() => toast("Copied"), () => fail(new Error("the browser does not allow copying"))), { class: "plain", "aria-label": `Copy the lines for ${title}` });
  return el("div", { class: "code" }, el("div", { class: "row" }, el("h3", {}, title), copy), el("pre", { tabindex: "0", "aria-label": title }, el("code", {}, text)));
}

function settings(classifier) {
  const requirements = el("p", {});
  const draw = () => {
    const found = classifier.document.require;
    requirements.replaceChildren(...(found.length ? found.flatMap((each, place) => [place ? ", " : "", el("code", {}, each)]) : ["Nothing is required yet."]));
  };
  const change = async () => {
    const value = classifier.document.require.join(", ");
    const save = async (given) => {
      const require = given.split(",").map((each) => each.trim()).filter(Boolean);
      await document_(classifier.path, { method: "PATCH", json: { require } });
      await classifier.load();
    };
    await asked("Requirements for publishing", { label: "Requirements, separated by commas", help: "Such as accuracy >= 0.95", value, required: false, save });
  };
  const rename = async () => {
    const save = (name) => name === classifier.name || document_(classifier.path, { method: "PATCH", json: { name } });
    const given = await asked("Rename the classifier", { label: "Name", value: classifier.name, save });
    if (given) location.hash = `#/${part(given)}/versions`;
  };
  const remove = async () => {
    const { labelled, unsure, none } = classifier.document.photos;
    const text = `${count(labelled + unsure + none, "photo")} and all versions will be deleted for ever.`;
    if (!(await confirmed(`Delete the classifier ${classifier.name}?`, text, "Delete"))) return;
    await document_(classifier.path, { method: "DELETE" });
    location.hash = "#/";
  };
  classifier.addEventListener("change", draw);
  draw();
  return el(
    "section",
    { class: "settings", "aria-labelledby": "settings" },
    el("h2", { id: "settings" }, "Settings"),
    el(
      "div",
      { class: "row" },
      el("div", {}, el("h3", {}, "Requirements for publishing"), requirements, el("p", { class: "quiet" }, COMPARED)),
      button("Change", change, { "aria-label": "Change the requirements" }),
    ),
    el("div", { class: "row" }, el("div", {}, el("h3", {}, "Name"), el("p", {}, name(classifier.name))), button("Rename", rename, { "aria-label": "Rename the classifier" })),
    el(
      "div",
      { class: "row" },
      el("div", {}, el("h3", {}, "Delete this classifier"), el("p", {}, "With all its photos and versions. This can't be undone.")),
      button("Delete", remove, { class: "danger", "aria-label": "Delete the classifier" }),
    ),
  );
}
