// Changes that may take minutes: the service goes on with them, whatever becomes of this tab.

import { Problem, ask, document_ } from "./api.js";
import { el } from "./dom.js";

const WHILE_RUNNING = 500;

const KINDS = { publish: "Publishing", delete: "Deleting", label: "Moving" };

/** The jobs of a classifier; dispatches `change` when one is further, and `end` when one ended. */
export class Jobs extends EventTarget {
  constructor(path, signal) {
    super();
    this.path = `${path}/jobs`;
    this.signal = signal;
    this.running = new Map();
  }

  /** Ask for a change; return what the service answers when it is done, or raise Problem. */
  async ask(path, options) {
    const response = await ask(path, { ...options, headers: { prefer: "respond-async" } });
    const found = await response.json();
    return response.status === 202 ? this.follow(found) : found;
  }

  /** Follow what was begun in another tab, or before this one was loaded again. */
  async find() {
    const { jobs } = await document_(this.path, { signal: this.signal });
    for (const each of jobs) if (each.state === "running") this.follow(each).catch(() => {});
  }

  /** Wait until a job ends, and return its answer; raises Problem if it failed. */
  async follow(job) {
    try {
      while (job.state === "running") {
        this.running.set(job.id, job);
        this.dispatchEvent(new Event("change"));
        await new Promise((resolve) => setTimeout(resolve, WHILE_RUNNING));
        job = await document_(`${this.path}/${job.id}`, { signal: this.signal });
      }
    } finally {
      this.running.delete(job.id);
      this.dispatchEvent(new Event("change"));
    }
    this.dispatchEvent(new Event("end"));
    if (job.state === "failed") throw new Problem(job.status, job.answer);
    return job.answer;
  }
}

/** What runs, each with how far it is. */
export function jobsPanel(jobs) {
  const panel = el("div", { class: "jobs", role: "status" });
  const rows = new Map();
  const draw = () => {
    for (const id of rows.keys()) if (!jobs.running.has(id)) rows.delete(id);
    for (const job of jobs.running.values()) {
      if (!rows.has(job.id)) rows.set(job.id, row(job));
      rows.get(job.id).show(job);
    }
    const shown = [...rows.values()];
    if (shown.length !== panel.children.length) panel.replaceChildren(...shown);
  };
  jobs.addEventListener("change", draw);
  draw();
  return panel;
}

function row(job) {
  const kind = KINDS[job.kind];
  const bar = el("progress", { "aria-label": kind });
  const step = el("small", { class: "quiet" });
  const made = el("p", { class: "row" }, el("strong", {}, kind), bar, step);
  made.show = ({ step: said, done, total }) => {
    if (total) Object.assign(bar, { max: total, value: done });
    else bar.removeAttribute("value");
    if (step.textContent !== said) step.textContent = said;
  };
  return made;
}
