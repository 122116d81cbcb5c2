/**
 * The worker that decodes files: `{id, data}` comes; `{id, preview}` may go, and then `{id, picture}`
 * or `{id, error, broken}`, which says whether it is not to be used again.
 */

import { Decoder } from "./decode.js";
import { CorruptFileError, MissingModelError, UnsupportedVersionError } from "./errors.js";

const MOST_THREADS = 4; // beyond which they gain little

const decoder = new Decoder({
  ort: async () => {
    const ort = await import("./runtime/ort.wasm.bundle.min.mjs");
    // By itself it takes half of the processors.
    ort.env.wasm.numThreads = crossOriginIsolated
      ? Math.min(navigator.hardwareConcurrency, MOST_THREADS)
      : 1;
    return ort;
  },
  assets: async (path) => {
    const answer = await fetch(new URL(path, import.meta.url));
    if (!answer.ok) throw new Error(`${path}: not found beside the page (${answer.status})`);
    return new Uint8Array(await answer.arrayBuffer());
  },
  readWebp,
});

let before = Promise.resolve(); // networks take one file at a time

self.onmessage = ({ data: { id, data } }) => {
  before = before.then(() => answer(id, data));
};

/**
 * @param {number} id
 * @param {ArrayBuffer} data
 */
async function answer(id, data) {
  try {
    const picture = await decoder.decode(data, (preview) => self.postMessage({ id, preview }));
    const buffers = [picture.imageData.data.buffer];
    if (picture.grey16) buffers.push(picture.grey16.buffer);
    self.postMessage({ id, picture }, { transfer: buffers });
  } catch (error) {
    const known = [CorruptFileError, MissingModelError, UnsupportedVersionError];
    const broken = !known.some((kind) => error instanceof kind);
    const message = error instanceof Error ? error.message : String(error);
    self.postMessage({ id, error: new Error(message), broken });
  }
}

/**
 * The pixels of an opaque WebP as they are stored, whatever its colours mean.
 * @type {import("./exact.js").ReadWebp}
 */
async function readWebp(webp, width, height) {
  const bitmap = await createImageBitmap(new Blob([webp], { type: "image/webp" }), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const context = new OffscreenCanvas(width, height).getContext("2d", {
    willReadFrequently: true,
  });
  if (!context) throw new Error("no canvas");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = { width: bitmap.width, height: bitmap.height, data };
  bitmap.close();
  return pixels;
}
