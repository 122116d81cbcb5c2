/** The page on which .aec files are dropped. `viewer.html?src=photo.aec` shows one at once. */

import "./aec-img.js";
import { NO_WEIGHTS } from "./container.js";
import { writePng } from "./png.js";

const find = (/** @type {string} */ selector) =>
  /** @type {any} */ (document.querySelector(selector));
const [place, input, status, alert, facts, button, shown] = [
  "#place",
  "input",
  "[role=status]",
  "[role=alert]",
  "dl",
  "button",
  "aec-img",
].map(find);
/** @type {import("./decode.js").Decoded | undefined} */
let picture;
let name = "";
let bytes = 0;

/**
 * @param {string} title
 * @param {Promise<ArrayBuffer>} data
 */
function open(title, data) {
  name = title;
  picture = undefined;
  button.hidden = true;
  alert.textContent = "";
  facts.replaceChildren();
  shown.replaceChildren();
  shown.classList.remove("transparent");
  shown.setAttribute("alt", title);
  status.textContent = `Decoding ${title} ...`;
  shown.show(data.then((buffer) => ((bytes = buffer.byteLength), buffer)));
}

shown.addEventListener("preview", () => {
  status.textContent = `A preview of ${name}, while it is decoded ...`;
});

shown.addEventListener("load", (/** @type {CustomEvent} */ { detail }) => {
  picture = detail;
  shown.classList.toggle("transparent", !detail.opaque);
  const { width, height, header, icc, exif, xmp } = detail;
  const kept = Object.entries({ ICC: icc, EXIF: exif, XMP: xmp }).filter(([, block]) => block);
  describe({
    size: `${width} x ${height}`,
    mode: header.mode,
    bytes: bytes.toLocaleString("en"),
    "bits a pixel": ((8 * bytes) / (width * height)).toFixed(3),
    quality: header.weights === NO_WEIGHTS ? "every pixel exact" : String(header.quality),
    weights: header.weights,
    metadata: kept.map(([key]) => key).join(", ") || "none",
  });
  status.textContent = name;
  button.hidden = false;
});

shown.addEventListener("error", (/** @type {CustomEvent} */ { detail }) => {
  shown.replaceChildren();
  status.textContent = "";
  alert.textContent = `${name}: ${detail.message}`;
});

/** @param {Record<string, string>} entries */
function describe(entries) {
  for (const [key, value] of Object.entries(entries)) {
    const [term, definition] = ["dt", "dd"].map((tag) => document.createElement(tag));
    [term.textContent, definition.textContent] = [key, value];
    facts.append(term, definition);
  }
}

button.addEventListener("click", async () => {
  if (!picture) return;
  const url = URL.createObjectURL(await writePng(picture));
  const link = document.createElement("a");
  link.href = url;
  link.download = name.replace(/\.aec$/i, "") + ".png";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
});

/** @param {FileList | undefined} files */
function take(files) {
  if (files?.length) open(files[0].name, files[0].arrayBuffer());
}

input.addEventListener("change", () => take(input.files));
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    place.classList.toggle("over", kind === "dragover");
    if (kind === "drop") take(/** @type {DragEvent} */ (event).dataTransfer?.files);
  });
}

const src = new URLSearchParams(location.search).get("src");
if (src) {
  const fetched = fetch(src).then((answer) => {
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
    return answer.arrayBuffer();
  });
  open(src.split("/").at(-1) || src, fetched);
}
