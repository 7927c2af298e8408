// Photos from the camera.

import { button, dialog, el, fail } from "./dom.js";
import { count } from "./words.js";

const PER_SECOND = 3;

/** Whether the page may use the camera: on this machine, or with TLS. */
export const canFilm = () => Boolean(navigator.mediaDevices?.getUserMedia);

/** Open the camera: `video` shows it, `photo()` returns a file, `close()` ends it. */
export async function openCamera() {
  const wanted = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 960 } };
  const stream = await navigator.mediaDevices
    .getUserMedia({ video: wanted, audio: false })
    .catch(refused);
  const video = el("video", { autoplay: true, playsinline: true, "aria-label": "Camera" });
  video.muted = true;
  video.srcObject = stream;
  let number = 0;
  return {
    video,
    photo: () => frame(video, ++number),
    close: () => stream.getTracks().forEach((track) => track.stop()),
  };
}

/** Let photos be taken in a dialog; `take` gets each. */
export async function film(title, take) {
  const camera = await openCamera().catch(fail);
  if (!camera) return;
  let timer = 0;
  let taken = 0;
  const said = el("p", { class: "quiet", role: "status" }, "Hold the button to take several.");
  const shoot = async () => {
    const photo = await camera.photo();
    if (!photo) return;
    said.textContent = count(++taken, "photo");
    take([photo]);
  };
  const end = () => clearInterval(timer);
  const start = (event) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    shoot();
    timer = setInterval(shoot, 1000 / PER_SECOND);
  };
  // A click by keyboard has no pointer that could be held.
  const click = (event) => event.detail === 0 && shoot();
  const shutter = button("Take photos", click, { class: "primary", autofocus: true });
  shutter.addEventListener("pointerdown", start);
  for (const event of ["pointerup", "pointercancel", "blur"]) shutter.addEventListener(event, end);
  await dialog(title, (close) => [
    camera.video,
    said,
    el("div", { class: "actions" }, button("Done", () => close()), shutter),
  ]);
  end();
  camera.close();
}

function refused(error) {
  if (error.name === "NotAllowedError") throw new Error("the browser does not allow the camera");
  if (error.name === "NotFoundError") throw new Error("there is no camera");
  throw new Error("the camera can't be used; perhaps another program uses it");
}

/** What the camera sees now, as a JPEG file; null before its first picture. */
async function frame(video, number) {
  if (!video.videoWidth) return null;
  const canvas = el("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  const content = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  return new File([content], `camera ${number}.jpg`, { type: "image/jpeg" });
}
