/** The small filter of decoded pixels that is fitted to a picture; `codec/wiener.py` says the same. */

import { FILTER } from "./container.js";
import { CorruptFileError } from "./errors.js";
import { rounded } from "./picture.js";

const RINGS = [
  [[0, 1], [0, -1], [1, 0], [-1, 0]],
  [[1, 1], [1, -1], [-1, 1], [-1, -1]],
  [[0, 2], [0, -2], [2, 0], [-2, 0]],
];
const PARTS = 8; // of a level
const STEP = 256; // the weight that is one
const PER_RING = 9;

/**
 * The weights of a file: of each ring, for each colour that changes, of each colour that it sees;
 * null if it has no filter.
 * @param {import("./container.js").Header} header
 * @param {import("./container.js").Chunk[]} chunks
 * @returns {Int8Array | null}
 */
export function filterOf({ mode }, chunks) {
  const chunk = chunks.find(({ type }) => type === FILTER);
  if (!chunk) return null;
  const { payload } = chunk;
  if (!mode.startsWith("RGB")) {
    throw new CorruptFileError(`filter: not for pictures of mode ${mode}`);
  }
  if (payload.length % PER_RING || payload.length < 9 || payload.length > 27) {
    throw new CorruptFileError(`filter: ${payload.length} bytes, not 9, 18 or 27`);
  }
  return Int8Array.from(payload, (byte) => (byte << 24) >> 24);
}

/**
 * Filter planes of three colours, about -0.5 to 0.5, in place, and round them to levels of 255.
 * @param {Float32Array} x
 * @param {number} height
 * @param {number} width
 * @param {Int8Array} weights
 */
export function applyFilter(x, height, width, weights) {
  const { fround } = Math;
  const area = height * width;
  const y = new Int32Array(3 * area);
  for (let i = 0; i < y.length; i++) {
    const level = fround(Math.min(1, Math.max(0, fround(x[i] + 0.5))) * 255 * PARTS);
    y[i] = rounded(level);
  }
  const change = new Int32Array(3 * area);
  for (let ring = 0; PER_RING * ring < weights.length; ring++) {
    for (let seen = 0; seen < 3; seen++) {
      addRing(y.subarray(seen * area, (seen + 1) * area), height, width, RINGS[ring], (i, sum) => {
        for (let colour = 0; colour < 3; colour++) {
          change[colour * area + i] += weights[PER_RING * ring + 3 * colour + seen] * sum;
        }
      });
    }
  }
  for (let i = 0; i < y.length; i++) {
    const level = rounded((y[i] * STEP + change[i]) / (STEP * PARTS));
    x[i] = Math.min(255, Math.max(0, level)) / 255 - 0.5;
  }
}

/**
 * Of each pixel, the sum over a ring less as often the pixel; beyond the border is its last pixel.
 * @param {Int32Array} plane
 * @param {number} height
 * @param {number} width
 * @param {number[][]} ring steps down and right
 * @param {(i: number, sum: number) => void} add
 */
function addRing(plane, height, width, ring, add) {
  const inside = (/** @type {number} */ i, /** @type {number} */ size) =>
    Math.min(size - 1, Math.max(0, i));
  for (let row = 0; row < height; row++) {
    const rows = ring.map(([down]) => inside(row + down, height) * width);
    for (let column = 0; column < width; column++) {
      let sum = 0;
      for (let n = 0; n < ring.length; n++) sum += plane[rows[n] + inside(column + ring[n][1], width)];
      const i = row * width + column;
      add(i, sum - ring.length * plane[i]);
    }
  }
}
