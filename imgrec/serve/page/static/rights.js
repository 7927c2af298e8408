// What one may do here.

import { ask } from "./api.js";

/** Find out whether one may teach here, or only look on and ask; raises Problem if neither. */
export async function learnRights() {
  const refused = await ask("page/manages").then(() => null, (error) => error);
  if (refused && refused.status !== 403) throw refused;
  document.documentElement.classList.toggle("looks-on", Boolean(refused));
}

/** Whether one may only look on and ask. */
export const looksOn = () => document.documentElement.classList.contains("looks-on");
