// A classifier of the service, as the page knows it.

import { ask, document_, part } from "./api.js";
import { fail, toast } from "./dom.js";

const WHILE_PENDING = 700;

/** What a photo is said to show: a class, or that it is not known, or none of the classes. */
export const labelOf = (photo) => (photo.class === null ? { status: photo.status } : { class: photo.class });

export const STATUSES = { unsure: "Unsure", none: "None of these" };

/** What a label is called. */
export const nameOf = (label) => label.class ?? STATUSES[label.status];

/** Whether two labels are the same. */
export const sameLabel = (one, other) => nameOf(one) === nameOf(other) && !one.class === !other.class;

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
    signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  get standing() {
    return this.document.standing;
  }

  get labels() {
    return [...this.document.classes.map((each) => ({ class: each.name })), { status: "unsure" }, { status: "none" }];
  }

  /** How many photos have a label. */
  photosOf(label) {
    if (label.status) return this.document.photos[label.status];
    return this.document.classes.find((each) => each.name === label.class)?.photos ?? 0;
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

  /** Give a photo another label; it can be undone. */
  async label(photo, label, { quiet = false, etag = null } = {}) {
    const response = await ask(this.photoPath(photo.sha256), {
      method: "PATCH",
      headers: { "content-type": "application/json", ...(etag ? { "if-match": etag } : {}) },
      body: JSON.stringify(label),
    });
    const before = labelOf(photo);
    const found = await response.json();
    Object.assign(photo, found.photo);
    const tag = response.headers.get("etag");
    for (const each of this.undone) if (each.photo.sha256 === photo.sha256) each.etag = tag;
    if (!quiet) {
      this.undone.push({ photo, label: before, etag: tag });
      toast(`Moved to ${nameOf(label)}`, { label: "Undo", action: () => this.undo() });
    }
    await this.changedPhotos(found.standing, [photo]);
    return photo;
  }

  /** Undo the last relabelling. */
  async undo() {
    const last = this.undone.pop();
    if (!last) return toast("There is nothing to undo");
    try {
      await this.label(last.photo, last.label, { quiet: true, etag: last.etag });
      toast(`Moved back to ${nameOf(last.label)}`);
    } catch (error) {
      fail(error);
    }
  }

  /** Delete photos for ever. */
  async forget(photos) {
    const hashes = photos.map((each) => each.sha256);
    const found = await document_(`${this.path}/photos:forget`, { method: "POST", json: { photos: hashes } });
    this.undone = this.undone.filter((each) => !hashes.includes(each.photo.sha256));
    for (const photo of photos) photo.gone = true;
    this.sayWithdrawn(found);
    await this.changedPhotos(found.standing, photos);
  }

  /** Say which versions a deletion withdrew. */
  sayWithdrawn(found) {
    if (!found.withdrawn.length) return;
    const now = found.published ? `; version ${found.published} answers now` : "; nothing is published now";
    toast(`Versions that knew it are withdrawn: ${found.withdrawn.join(", ")}${now}`);
  }

  /** Photos have changed: say so, with the numbers of photos read again. */
  async changedPhotos(standing, photos) {
    this.document.standing = standing;
    this.dispatchEvent(new CustomEvent("photos", { detail: photos }));
    await this.load();
  }
}
