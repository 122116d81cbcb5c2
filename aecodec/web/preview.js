/** Small pictures from latents alone: a linear map in the place of the synthesis. */

import { STRIDE } from "./container.js";
import { Picture } from "./picture.js";
import { decodeLatents } from "./prior.js";
import { tileAreas } from "./synthesis.js";

/** @typedef {import("./container.js").Box} Box */

export const SCALE = 8; // pixels of the picture, a side, in one of its preview
const TIMES = STRIDE / SCALE; // pixels of the preview, a side, of a latent

/** An eighth of each side of a picture; what is put into it has the picture's size. */
export class Preview extends Picture {
  /**
   * @param {number} width of the picture
   * @param {number} height
   * @param {string} mode
   * @param {[number, number]} levels
   */
  constructor(width, height, mode, levels) {
    super(Math.ceil(width / SCALE), Math.ceil(height / SCALE), mode, levels);
    this.full = { width, height };
  }

  /**
   * @param {Box} box
   * @param {(x: number, y: number, colour: number) => number} level
   * @param {(x: number, y: number) => boolean} wanted
   */
  put(box, level, wanted) {
    const mean = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ c) =>
      meanOf(box, x, y, (left, top) => level(left, top, c));
    super.put(reduced(box), mean, (x, y) => wanted(x * SCALE, y * SCALE));
  }

  /** @param {Uint8Array | Uint16Array | number} alpha */
  putAlpha(alpha) {
    if (typeof alpha === "number") {
      super.putAlpha(alpha);
      return;
    }
    const { width } = this.full;
    const means = new Uint8Array(this.width * this.height);
    const level = (/** @type {number} */ x, /** @type {number} */ y) => alpha[y * width + x];
    for (let y = 0, i = 0; y < this.height; y++) {
      for (let x = 0; x < this.width; x++) means[i++] = meanOf(this.full, x, y, level);
    }
    super.putAlpha(means);
  }
}

/**
 * Put what the latents say into a preview.
 * @param {import("./model.js").Model} model with a map for previews
 * @param {import("./container.js").Header} header
 * @param {Uint8Array[]} payloads of the tiles
 * @param {Preview} preview
 * @param {Map<number, import("./prior.js").Latents>} decoded takes the latents of each tile
 */
export async function putPreview(model, header, payloads, preview, decoded) {
  const map = /** @type {NonNullable<typeof model.previewMap>} */ (model.previewMap);
  const gain = model.inverseGain(header.quality);
  const weight = map.weight.map((value, i) => value * gain[i % gain.length]);
  for (const [number, { top, left, bottom, right }] of tileAreas(header).entries()) {
    const [height, width] = [bottom - top, right - left];
    const latents = await decodeLatents(model, payloads[number], height, width, header.quality);
    decoded.set(number, latents);
    const planes = planesOf(latents, weight, map.bias);
    const place = { left: left * TIMES, top: top * TIMES };
    const size = {
      width: Math.min(width * TIMES, preview.width - place.left),
      height: Math.min(height * TIMES, preview.height - place.top),
    };
    const stride = width * TIMES;
    const plane = (/** @type {number} */ colour, /** @type {number} */ y) =>
      planes[colour].subarray(y * stride, (y + 1) * stride);
    preview.putLearned({ ...place, ...size }, plane);
  }
}

/**
 * @param {import("./prior.js").Latents} latents
 * @param {Float32Array} weight (12, channels): of colours, rows and columns
 * @param {Float32Array} bias
 * @returns {Float32Array[]} of each colour, about -0.5 to 0.5
 */
function planesOf({ height, width, channels, data }, weight, bias) {
  const planes = [0, 1, 2].map(() => new Float32Array(height * width * TIMES ** 2));
  for (let place = 0; place < height * width; place++) {
    const start = place * channels;
    const corner = Math.floor(place / width) * width * TIMES ** 2 + (place % width) * TIMES;
    for (let row = 0; row < bias.length; row++) {
      let sum = bias[row];
      for (let c = 0, w = row * channels; c < channels; c++) sum += weight[w + c] * data[start + c];
      const [colour, down, right] = [row >> 2, (row >> 1) & 1, row & 1];
      planes[colour][corner + down * width * TIMES + right] = sum;
    }
  }
  return planes;
}

/** @param {Box} box */
function reduced({ left, top, width, height }) {
  return {
    left: left / SCALE,
    top: top / SCALE,
    width: Math.ceil(width / SCALE),
    height: Math.ceil(height / SCALE),
  };
}

/**
 * The mean of a square of a map that one pixel of the preview stands for.
 * @param {{width: number, height: number}} map
 * @param {number} x of the preview
 * @param {number} y
 * @param {(x: number, y: number) => number} level
 */
function meanOf({ width, height }, x, y, level) {
  let [sum, count] = [0, 0];
  for (let top = y * SCALE; top < Math.min((y + 1) * SCALE, height); top++) {
    for (let left = x * SCALE; left < Math.min((x + 1) * SCALE, width); left++, count++) {
      sum += level(left, top);
    }
  }
  return Math.round(sum / count);
}
