/** From a tile's payload to its latents: hyper-latents, then four steps, each knowing the last. */

import { SymbolDecoder } from "./rans.js";

const STEPS = 4; // and as many groups of channels
const CELL = [[0, 0], [1, 1], [0, 1], [1, 0]]; // prettier-ignore
const HYPER_STRIDE = 4;
const HYPER_MAX = 127;
const LEAST_CODED = 3; // symbols of a smaller scale index are zero

// floor(32 sqrt(|symbol|)), at most 255.
const MAGNITUDES = Array.from({ length: 65 }, (_, symbol) =>
  Math.min(255, Math.floor(Math.sqrt(1024 * symbol))),
);

/**
 * @typedef {{height: number, width: number, channels: number, data: Float32Array}} Latents
 *   channels-last
 */

/**
 * The scaled latents of a tile.
 * @param {import("./model.js").Model} model
 * @param {Uint8Array} payload
 * @param {number} height in latents
 * @param {number} width in latents
 * @param {number} quality
 * @param {(symbols: Int32Array) => void} [seen] is shown the symbols of z and of each step
 * @returns {Promise<Latents>}
 */
export async function decodeLatents(model, payload, height, width, quality, seen = () => {}) {
  const decoder = new SymbolDecoder(model.tables, payload);
  const { latentChannels: channels, hyperChannels } = model;
  const [rows, columns] = [height + (height % 2), width + (width % 2)];
  const hyperSize = [height, width].map((side) => Math.ceil(side / HYPER_STRIDE));
  const hyper = [1, ...hyperSize, hyperChannels];

  const hyperIndex = model.hyperIndex(quality);
  const indices = new Uint8Array(hyper[1] * hyper[2] * hyperChannels);
  for (let i = 0; i < indices.length; i += hyperChannels) indices.set(hyperIndex, i);
  const z = decoder.take(indices, null);
  seen(z);
  const clamped = Float32Array.from(z, (s) => Math.max(-HYPER_MAX, Math.min(HYPER_MAX, s)));
  const { psi: uncropped } = await model.run("hyper_synthesis", quality, {
    z: { data: clamped, shape: hyper },
  });
  const psi = { data: crop(uncropped, rows, columns), shape: [1, rows, columns, hyperChannels] };

  const map = () => new Float32Array(rows * columns * channels);
  const [latents, magnitudes] = [map(), map()];
  const shape = [1, rows, columns, channels];
  const known = { latents: { data: latents, shape }, magnitudes: { data: magnitudes, shape } };
  for (let step = 0; step < STEPS; step++) {
    const { mean, index } = await model.run(`step${step}`, quality, { psi, ...known });
    const places = placesOf(step, rows, columns, channels);
    const stepIndices = /** @type {Uint8Array} */ (index.data);
    const coded = codedOf(stepIndices, places, height, width, columns, channels);
    const symbols = decoder.take(stepIndices, coded);
    seen(symbols.filter((_, i) => coded[i]));
    for (let i = 0; i < symbols.length; i++) {
      const place = places[i];
      latents[place] = symbols[i] + mean.data[i];
      magnitudes[place] = MAGNITUDES[Math.min(Math.abs(symbols[i]), 64)];
    }
  }
  const data = crop({ data: latents, shape }, height, width);
  return { height, width, channels, data };
}

/**
 * The upper left corner of a map.
 * @param {import("./model.js").FeatureMap} map
 * @param {number} height
 * @param {number} width
 * @returns {Float32Array}
 */
function crop({ data, shape }, height, width) {
  const [, rows, columns, channels] = shape;
  if (rows === height && columns === width) return /** @type {Float32Array} */ (data);
  const part = new Float32Array(height * width * channels);
  const [length, stride] = [width * channels, columns * channels];
  for (let row = 0; row < height; row++) {
    part.set(data.subarray(row * stride, row * stride + length), row * length);
  }
  return part;
}

/**
 * Where the symbols of a step lie among the latents.
 * @param {number} step
 * @param {number} rows even, as `columns`
 * @param {number} columns
 * @param {number} channels
 */
function placesOf(step, rows, columns, channels) {
  const places = new Uint32Array((rows * columns * channels) / 4);
  const group = channels / STEPS;
  let i = 0;
  for (let row = 0; row < rows; row += 2) {
    for (let column = 0; column < columns; column += 2) {
      for (let channel = 0; channel < channels; channel++) {
        const [down, right] = CELL[step ^ Math.floor(channel / group)];
        places[i++] = ((row + down) * columns + column + right) * channels + channel;
      }
    }
  }
  return places;
}

/**
 * Which symbols of a step are coded: not those that are surely zero, nor beyond the picture.
 * @param {Uint8Array} indices
 * @param {Uint32Array} places
 * @param {number} height of the tile
 * @param {number} width
 * @param {number} columns of the map
 * @param {number} channels
 */
function codedOf(indices, places, height, width, columns, channels) {
  const coded = new Uint8Array(indices.length);
  const end = height * columns * channels;
  for (let i = 0; i < indices.length; i++) {
    const inside =
      places[i] < end && (columns === width || Math.floor(places[i] / channels) % columns < width);
    coded[i] = Number(inside && indices[i] >= LEAST_CODED);
  }
  return coded;
}
