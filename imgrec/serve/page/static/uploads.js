// Photos on their way to a classifier: a few requests at a time, each with a few photos.

import { document_ } from "./api.js";

const PHOTOS = 16;
const BYTES = 12 << 20;
const AT_ONCE = 2;

/**
 * Send files to a classifier, under a label.
 * `progress({done, total})` is called after each request; `added` gets the answers of the service.
 * Returns the files that were not added, each with a reason.
 */
export async function upload(classifier, files, label, { progress, added, signal }) {
  const refused = [];
  const rest = batches(files);
  let done = 0;
  const worker = async () => {
    for (let batch; !signal.aborted && (batch = rest.shift()); ) {
      try {
        const found = await send(classifier, batch, label, signal);
        refused.push(...found.photos.filter((each) => each.outcome === "refused" || each.outcome === "elsewhere"));
        added(found);
      } catch (error) {
        if (error.name === "AbortError") return;
        const reason = reasonOf(error, batch);
        refused.push(...batch.map((each) => ({ name: each.name, outcome: "failed", reason })));
        if ([0, 401, 403, 404, 409, 507].includes(error.status)) return stop(rest, refused, reason);
      }
      progress({ done: (done += batch.length), total: files.length });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return refused;
}

function reasonOf(error, batch) {
  if (error.status === 413 && batch.length === 1) return "the file is larger than the service accepts";
  return error.message + (error.hint ? `; ${error.hint}` : "");
}

function stop(rest, refused, reason) {
  for (const batch of rest.splice(0)) {
    refused.push(...batch.map((each) => ({ name: each.name, outcome: "failed", reason })));
  }
}

function send(classifier, batch, label, signal) {
  const body = new FormData();
  for (const file of batch) body.append("photo", file, file.name);
  return document_(classifier.uploadPath(label), { method: "POST", body, signal });
}

function batches(files) {
  const found = [];
  let bytes = 0;
  for (const file of files) {
    if (!found.length || found.at(-1).length >= PHOTOS || bytes + file.size > BYTES) {
      found.push([]);
      bytes = 0;
    }
    found.at(-1).push(file);
    bytes += file.size;
  }
  return found;
}
