/** The worker that decodes files: `{id, data}` comes, `{id, picture}` or `{id, error}` goes. */

import { Decoder } from "./decode.js";

const decoder = new Decoder({
  ort: () => import("./runtime/ort.wasm.bundle.min.mjs"),
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
    const picture = await decoder.decode(data);
    const buffers = [picture.imageData.data.buffer];
    if (picture.grey16) buffers.push(picture.grey16.buffer);
    self.postMessage({ id, picture }, { transfer: buffers });
  } catch (error) {
    const known = error instanceof Error ? error : new Error(String(error));
    self.postMessage({ id, error: known });
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
