/** The small filter of decoded pixels that is fitted to a picture; `codec/wiener.py` says the same. */

import { FILTER } from "./container.js";
import { CorruptFileError } from "./errors.js";
import { rounded } from "./picture.js";

const RINGS = [
  [[0, 1], [0, -1], [1, 0], [-1, 0]],
  [[1, 1], [1, -1], [-1, 1], [-1, -1]],
  [[0, 2], [0, -2], [2, 0], [-2, 0]],
  [[0, 3], [0, -3], [3, 0], [-3, 0]],
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
  if (payload.length % PER_RING || payload.length < 9 || payload.length > 36) {
    throw new CorruptFileError(`filter: ${payload.length} bytes, not 9, 18, 27 or 36`);
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
  const changes = [0, 1, 2].map(() => new Int32Array(area));
  for (let ring = 0; PER_RING * ring < weights.length; ring++) {
    for (let seen = 0; seen < 3; seen++) {
      const plane = y.subarray(seen * area, (seen + 1) * area);
      const own = [0, 1, 2].map((colour) => weights[PER_RING * ring + 3 * colour + seen]);
      addRing(plane, height, width, RINGS[ring], own, changes);
    }
  }
  for (let i = 0; i < y.length; i++) {
    const change = changes[Math.floor(i / area)][i % area];
    const level = rounded((y[i] * STEP + change) / (STEP * PARTS));
    x[i] = Math.min(255, Math.max(0, level)) / 255 - 0.5;
  }
}

/**
 * Add, to each colour, its weight times the sum over a ring less as often the pixel.
 *
 * Beyond the border is its last pixel. The loop has no calls: it runs over every pixel.
 * @param {Int32Array} plane
 * @param {number} height
 * @param {number} width
 * @param {number[][]} ring four steps down and right
 * @param {number[]} weights of the three colours that change
 * @param {Int32Array[]} changes of these colours
 */
function addRing(plane, height, width, ring, [red, green, blue], changes) {
  const inside = (/** @type {number} */ i, /** @type {number} */ size) =>
    Math.min(size - 1, Math.max(0, i));
  const [reds, greens, blues] = changes;
  const columns = ring.map(([, right]) =>
    Int32Array.from({ length: width }, (_, column) => inside(column + right, width)),
  );
  const [a, b, c, d] = columns;
  for (let row = 0; row < height; row++) {
    const [first, second, third, fourth] = ring.map(([down]) => inside(row + down, height) * width);
    for (let column = 0, i = row * width; column < width; column++, i++) {
      const near = plane[first + a[column]] + plane[second + b[column]];
      const sum = near + plane[third + c[column]] + plane[fourth + d[column]] - 4 * plane[i];
      reds[i] += red * sum;
      greens[i] += green * sum;
      blues[i] += blue * sum;
    }
  }
}
