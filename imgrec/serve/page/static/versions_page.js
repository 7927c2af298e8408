// `#/pets/versions`: what was published, its files, and how programs ask it.

import { address, document_, part, save } from "./api.js";
import { asked, busy, button, confirmed, el, fail, name, toast } from "./dom.js";
import { openClassifier } from "./workspace.js";
import { count, moment, percent } from "./words.js";

export async function versionsPage(context) {
  const { classifier, head } = await openClassifier(context, "versions");
  const { versions } = await document_(`${classifier.path}/versions`, { signal: context.signal });
  const again = () => versionsPage(context).then((parts) => document.getElementById("content").replaceChildren(...parts));
  return [
    head,
    versions.length ? versionTable(classifier, versions.toReversed(), context, again) : nothing(classifier),
    usage(classifier, context.service),
    settings(classifier),
  ];
}

function nothing(classifier) {
  return el(
    "div",
    { class: "empty" },
    el("h2", {}, "Nothing is published yet"),
    el("p", {}, "A version is a complete run: model, certificate, report. Programs ask it, and you can download it."),
    el("a", { class: "button primary", href: `#/${part(classifier.name)}` }, "Teach and publish"),
  );
}

function versionTable(classifier, versions, context, again) {
  const head = ["Version", "Published", "Photos", "Accuracy", ""].map((each) => el("th", { scope: "col" }, each));
  return el(
    "section",
    { "aria-labelledby": "list" },
    el("h2", { id: "list" }, "Versions"),
    el(
      "div",
      { class: "scroll" },
      el("table", { class: "versions" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, versions.map((each) => versionRow(classifier, each, context, again)))),
    ),
  );
}

function versionRow(classifier, version, context, again) {
  const { accuracy, state } = version;
  const interval = accuracy && `${percent(accuracy.low)} to ${percent(accuracy.high)}`;
  return el(
    "tr",
    { class: state },
    el("th", { scope: "row" }, `${classifier.name}-${version.number} `, state === "published" && el("span", { class: "finding better" }, "answers now"), state === "withdrawn" && el("span", { class: "finding quiet" }, "withdrawn")),
    el("td", {}, moment(version.created)),
    el("td", {}, version.photos.toLocaleString("en")),
    el("td", {}, accuracy ? percent(accuracy.value) : "–", interval && el("small", {}, interval)),
    el("td", { class: "files" }, state !== "withdrawn" && files(classifier, version, context, again)),
  );
}

function files(classifier, version, context, again) {
  const path = `${classifier.path}/versions/${version.number}`;
  const named = `${classifier.name}-${version.number}`;
  const download = (label, file, filename) => {
    const made = button(label, () => busy(made, () => save(`${path}/${file}`, filename)), { class: "plain" });
    return made;
  };
  // A link can't send a token.
  const report = context.service.needs_token
    ? download("Report", "report.html", `${named}.html`)
    : el("a", { class: "button plain", href: `${path}/report.html`, target: "_blank", rel: "noopener" }, "Report");
  const restore = button("Let it answer", () => busy(restore, async () => {
    await document_(`${path}:restore`, { method: "POST" });
    toast(`Version ${version.number} answers now`);
    await again();
  }), { class: "plain" });
  return [report, download("Run", "run.zip", `${named}.zip`), download(".tflite", "model.tflite", `${named}.tflite`), version.state === "available" && restore];
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
  return el("section", { "aria-labelledby": "use" }, el("h2", { id: "use" }, "Ask it from programs"), code("curl", curl), code("Python", python));
}

function code(title, text) {
  const copy = button("Copy", () => navigator.clipboard.writeText(text).then(() => toast("Copied"), () => fail(new Error("the browser does not allow copying"))), { class: "plain", "aria-label": `Copy the lines for ${title}` });
  return el("div", { class: "code" }, el("div", { class: "row" }, el("h3", {}, title), copy), el("pre", { tabindex: "0", "aria-label": title }, el("code", {}, text)));
}

function settings(classifier) {
  const requirements = el("p", {});
  const draw = () => {
    const found = classifier.document.require;
    requirements.replaceChildren(...(found.length ? found.flatMap((each, place) => [place ? ", " : "", el("code", {}, each)]) : ["nothing beyond: not worse than the published version, beyond chance"]));
  };
  const change = async () => {
    const value = classifier.document.require.join(", ");
    const given = await asked("Required of a version", { label: "Requirements, with commas between", value: value || "accuracy >= 0.95" });
    if (given === null) return;
    const require = given.split(",").map((each) => each.trim()).filter(Boolean);
    try {
      await document_(classifier.path, { method: "PATCH", json: { require } });
      await classifier.load();
      draw();
    } catch (error) {
      fail(error);
    }
  };
  const rename = async () => {
    const given = await asked("Rename the classifier", { label: "Name", value: classifier.name });
    if (!given || given === classifier.name) return;
    try {
      await document_(classifier.path, { method: "PATCH", json: { name: given } });
      location.hash = `#/${part(given)}/versions`;
    } catch (error) {
      fail(error);
    }
  };
  const remove = async () => {
    const { labelled, unsure, none } = classifier.document.photos;
    const text = `${count(labelled + unsure + none, "photo")} and all versions will be deleted for ever.`;
    if (!(await confirmed(`Delete the classifier ${classifier.name}?`, text, "Delete"))) return;
    try {
      await document_(classifier.path, { method: "DELETE" });
      location.hash = "#/";
    } catch (error) {
      fail(error);
    }
  };
  draw();
  return el(
    "section",
    { "aria-labelledby": "settings" },
    el("h2", { id: "settings" }, "Settings"),
    el("h3", {}, "Required before a version is published"),
    requirements,
    el("div", { class: "actions start" }, button("Change", change), button("Rename the classifier", rename), button("Delete the classifier", remove, { class: "danger" })),
  );
}
