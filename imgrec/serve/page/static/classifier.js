// A classifier of the service, as the page knows it.

import { document_, part } from "./api.js";
import { fail, toast } from "./dom.js";
import { Jobs } from "./jobs.js";
import { count } from "./words.js";

const WHILE_PENDING = 700;

/** What a photo is said to show: a class, or that it is not known, or none of the classes. */
export const labelOf = (photo) => (photo.class === null ? { status: photo.status } : { class: photo.class });

const STATUSES = { unsure: "Unsure", none: "None of these" };

/** What a label is called. */
export const nameOf = (label) => label.class ?? STATUSES[label.status];

/** Whether two labels are the same. */
export const sameLabel = (one, other) => nameOf(one) === nameOf(other) && !one.class === !other.class;

const hashesOf = (photos) => photos.map((each) => each.sha256);

/** Photos by what a function says of them. */
const groups = (photos, key) =>
  [...Map.groupBy(photos, (each) => JSON.stringify(key(each)))].map(([said, some]) => [JSON.parse(said), some]);

/** What is said of photos that were moved back, out of so many. */
function undoneText(photos, wanted) {
  const others = "Photos that others changed since stay as they are";
  if (!photos.length) return others;
  const labels = new Set(photos.map((each) => nameOf(labelOf(each))));
  const what = wanted === 1 ? "Moved" : `${count(photos.length, "photo")} moved`;
  const done = labels.size === 1 ? `${what} back to ${[...labels][0]}` : `${what} back`;
  return photos.length < wanted ? `${done}. ${others}` : done;
}

/**
 * Dispatches `change` when its description changed, `photos` when photos came, went or were
 * relabelled, and `standing` when it is known how good it is.
 */
export class Classifier extends EventTarget {
  constructor(name, signal) {
    super();
    this.name = name;
    this.signal = signal;
    this.path = `v1/classifiers/${part(name)}`;
    this.document = null;
    this.undone = [];
    this.revisions = new Map(); // of the last change that this tab made to each photo
    this.jobs = new Jobs(this.path, signal);
    signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  get standing() {
    return this.document.standing;
  }

  get labels() {
    return [...this.document.classes.map((each) => ({ class: each.name })), { status: "unsure" }, { status: "none" }];
  }

  /** How many photos there are. */
  get total() {
    return this.labels.reduce((sum, each) => sum + this.photosOf(each), 0);
  }

  /** How many photos have a label. */
  photosOf(label) {
    if (label.status) return this.document.photos[label.status];
    return this.document.classes.find((each) => each.name === label.class)?.photos ?? 0;
  }

  /** A label has more photos than the description says, until that is read again. */
  counted(label, more) {
    const found = this.document.classes.find((each) => each.name === label.class);
    if (found) found.photos += more;
    if (label.status) this.document.photos[label.status] += more;
  }

  photosPath(label) {
    const query = label.status ? `status=${label.status}` : `class=${part(label.class)}`;
    return `${this.path}/photos?${query}`;
  }

  photoPath(sha256, what = "") {
    return `${this.path}/photos/${sha256}${what && `/${what}`}`;
  }

  uploadPath(label) {
    if (label.status) return `${this.path}/photos?status=${label.status}`;
    return `${this.path}/classes/${part(label.class)}/photos`;
  }

  /** Read the description. */
  async load() {
    this.document = await document_(this.path, { signal: this.signal });
    this.dispatchEvent(new Event("change"));
    this.follow();
    return this;
  }

  /** Take over how good it is, from the answer to a change. */
  took(standing) {
    this.document.standing = standing;
    this.dispatchEvent(new Event("standing"));
    this.follow();
  }

  /** Ask again as long as it is not known how good it is. */
  follow() {
    clearTimeout(this.timer);
    if (this.signal.aborted || this.standing.state !== "pending") return;
    this.timer = setTimeout(async () => {
      try {
        this.took(await document_(`${this.path}/standing`, { signal: this.signal }));
      } catch (error) {
        fail(error);
      }
    }, WHILE_PENDING);
  }

  /** Give photos another label; it can be undone. */
  async label(photos, label) {
    const before = groups(photos, labelOf);
    this.moving = this.relabel(photos, label);
    const changed = await this.moving;
    if (!changed.length) return;
    this.undone.push(before.map(([from, some]) => [from, some.filter((each) => changed.includes(each))]));
    const what = changed.length > 1 ? `${count(changed.length, "photo")} moved` : "Moved";
    toast(`${what} to ${nameOf(label)}`, { label: "Undo", action: () => this.undo() });
  }

  /** Undo the last relabelling, also if it is under way; photos that others changed since stay as they are. */
  async undo() {
    await this.moving?.catch(() => {});
    const last = this.undone.pop();
    if (!last) return toast("There is nothing to undo");
    const back = [];
    let wanted = 0;
    try {
      for (const [label, photos] of last) {
        wanted += photos.length;
        for (const [revision, some] of groups(photos, (each) => this.revisions.get(each.sha256))) {
          back.push(...(await this.relabel(some, label, revision)));
        }
      }
      toast(undoneText(back, wanted));
    } catch (error) {
      fail(error);
    }
  }

  /** Give photos another label, but those that changed after a revision; return what changed. */
  async relabel(photos, label, revision = null) {
    const json = { photos: hashesOf(photos), ...label, unchanged_since: revision };
    const found = await this.jobs.ask(`${this.path}/photos:label`, { method: "POST", json });
    const now = new Map(found.photos.map((each) => [each.sha256, each]));
    const changed = photos.filter((each) => now.has(each.sha256));
    for (const each of changed) {
      Object.assign(each, now.get(each.sha256));
      this.revisions.set(each.sha256, found.revision);
    }
    if (changed.length) await this.changedPhotos(found.standing, changed);
    return changed;
  }

  /** Delete photos for ever. */
  async forget(photos) {
    const hashes = hashesOf(photos);
    const found = await this.jobs.ask(`${this.path}/photos:forget`, { method: "POST", json: { photos: hashes } });
    const gone = new Set(hashes);
    const left = ([label, some]) => [label, some.filter((each) => !gone.has(each.sha256))];
    this.undone = this.undone.map((each) => each.map(left).filter(([, some]) => some.length)).filter((each) => each.length);
    for (const photo of photos) photo.gone = true;
    this.sayWithdrawn(found);
    await this.changedPhotos(found.standing, photos);
  }

  /** Say which versions a deletion withdrew. */
  sayWithdrawn(found) {
    if (!found.withdrawn.length) return;
    const one = found.withdrawn.length === 1;
    const gone = `Version${one ? "" : "s"} ${found.withdrawn.join(", ")} ${one ? "is" : "are"} withdrawn`;
    toast(found.published ? `${gone}; version ${found.published} is published` : `${gone}; nothing is published now`);
  }

  /** Photos have changed: say so, with the numbers of photos read again. */
  async changedPhotos(standing, photos) {
    this.document.standing = standing;
    this.dispatchEvent(new CustomEvent("photos", { detail: photos }));
    await this.load();
  }
}
