/**
 * From a tile's payload to its latents: hyper-latents in four steps, then the latents in four, each
 * knowing the last.
 */

import { SymbolDecoder } from "./rans.js";

const STEPS = 4; // and as many groups of channels
const CELL = [[0, 0], [1, 1], [0, 1], [1, 0]]; // prettier-ignore
const HYPER_STRIDE = 4;
const HYPER_MAX = 127;
// Of hyper-latents: what `aecodec.codec.hyper_prior` has.
const QUARTERS = 4;
const SCALES = 64; // of latents, whose tables come first
const HYPER_SCALES = 48;
const PER_STEP = 8;
const KNOWN = 32;
const LARGEST = 1024;
const LEAST_CODED = 3; // symbols of a smaller scale index are zero

// floor(32 sqrt(|symbol|)), at most 255.
const MAGNITUDES = Float32Array.from({ length: 65 }, (_, symbol) =>
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
 * @param {((symbols: Int32Array) => void) | null} [seen] is shown the symbols of z and of each step
 * @returns {Promise<Latents>}
 */
export async function decodeLatents(model, payload, height, width, quality, seen = null) {
  const decoder = new SymbolDecoder(model.tables, payload);
  const { latentChannels: channels, hyperChannels } = model;
  const [rows, columns] = [evenSize(height), evenSize(width)];
  const [hyperHeight, hyperWidth] = [height, width].map((side) => Math.ceil(side / HYPER_STRIDE));
  const hyper = [1, hyperHeight, hyperWidth, hyperChannels];

  const z = await decodeHyperLatents(model, decoder, hyperHeight, hyperWidth, quality, seen);
  const clamped = z.map((value) => clamp(value, -HYPER_MAX, HYPER_MAX));
  const { psi: uncropped } = await model.run("hyper_synthesis", quality, {
    z: { data: clamped, shape: hyper },
  });
  const psi = { data: crop(uncropped, rows, columns), shape: [1, rows, columns, hyperChannels] };

  const map = () => new Float32Array(rows * columns * channels);
  const [latents, magnitudes] = [map(), map()];
  const shape = [1, rows, columns, channels];
  const group = channels / STEPS;
  const known = { latents: { data: latents, shape }, magnitudes: { data: magnitudes, shape } };
  for (let step = 0; step < STEPS; step++) {
    const { mean, index } = await model.run(`step${step}`, quality, { psi, ...known });
    const stepIndices = /** @type {Uint8Array} */ (index.data);
    const runs = runsOf(step, rows, columns);
    for (const [i, { row, column }] of runs.entries()) {
      // Beyond the picture nothing is coded.
      if (row >= height || column >= width) stepIndices.fill(0, i * group, (i + 1) * group);
    }
    const symbols = decoder.take(stepIndices, LEAST_CODED);
    seen?.(symbols.filter((_, i) => stepIndices[i] >= LEAST_CODED));
    const found = latentsOf(symbols, /** @type {Float32Array} */ (mean.data));
    for (const [i, { row, column, part }] of runs.entries()) {
      const place = (row * columns + column) * channels + part * group;
      latents.set(found.latents.subarray(i * group, (i + 1) * group), place);
      magnitudes.set(found.magnitudes.subarray(i * group, (i + 1) * group), place);
    }
  }
  const data = crop({ data: latents, shape }, height, width);
  return { height, width, channels, data };
}

/**
 * Hyper-latents, channels-last (`aecodec.codec.hyper_prior`).
 * @param {import("./model.js").Model} model
 * @param {SymbolDecoder} decoder
 * @param {number} height
 * @param {number} width
 * @param {number} quality
 * @param {((symbols: Int32Array) => void) | null} seen
 * @returns {Promise<Float32Array>}
 */
async function decodeHyperLatents(model, decoder, height, width, quality, seen) {
  const { hyperChannels: channels } = model;
  const [rows, columns, group] = [evenSize(height), evenSize(width), channels / STEPS];
  const shape = [1, rows, columns, channels];
  const z = new Float32Array(rows * columns * channels);
  const features = 2 * channels + STEPS; // above zero, below it, which groups are known
  const known = new Float32Array(rows * columns * features);
  for (let step = 0; step < STEPS; step++) {
    const { mean, index } = await model.run("hyper_prior", quality, {
      known: { data: known, shape: [1, rows, columns, features] },
    });
    const runs = runsOf(step, rows, columns).filter((run) => run.row < height && run.column < width);
    const places = runs.flatMap(({ row, column, part }) =>
      Array.from({ length: group }, (_, i) => (row * columns + column) * channels + part * group + i),
    );
    const wholes = places.map((place) => Math.floor((mean.data[place] + 1) / QUARTERS));
    const rests = places.map((place, i) => mean.data[place] - QUARTERS * wholes[i]);
    const tables = Uint8Array.from(places, (place, i) => {
      const scale = Math.min(index.data[place], HYPER_SCALES - 1);
      return SCALES + HYPER_SCALES * Math.abs(rests[i]) + scale;
    });
    const symbols = decoder.take(tables);
    seen?.(symbols);
    for (const [i, place] of places.entries()) {
      const symbol = clamp(symbols[i], -LARGEST, LARGEST);
      z[place] = wholes[i] + (rests[i] < 0 ? -symbol : symbol);
      const first = Math.floor(place / channels) * features;
      const channel = place % channels;
      known[first + channel] = clamp(PER_STEP * z[place], 0, 255);
      known[first + channels + channel] = clamp(-PER_STEP * z[place], 0, 255);
      known[first + 2 * channels + Math.floor(channel / group)] = KNOWN;
    }
  }
  return /** @type {Float32Array} */ (crop({ data: z, shape }, height, width));
}

/** @param {number} side */
function evenSize(side) {
  return side + (side % 2);
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

/**
 * What a step's symbols say, in their order.
 * @param {Int32Array} symbols
 * @param {Float32Array} means
 */
function latentsOf(symbols, means) {
  const latents = new Float32Array(symbols.length);
  const magnitudes = new Float32Array(symbols.length);
  for (let i = 0; i < symbols.length; i++) {
    const symbol = symbols[i];
    latents[i] = symbol + means[i];
    if (symbol) magnitudes[i] = MAGNITUDES[Math.min(Math.abs(symbol), 64)];
  }
  return { latents, magnitudes };
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
 * Where the symbols of a step lie among the latents: those of a position and a group of channels
 * follow each other.
 * @param {number} step
 * @param {number} rows even, as `columns`
 * @param {number} columns
 */
function runsOf(step, rows, columns) {
  const runs = [];
  for (let top = 0; top < rows; top += 2) {
    for (let left = 0; left < columns; left += 2) {
      for (let part = 0; part < STEPS; part++) {
        const [down, right] = CELL[step ^ part];
        runs.push({ row: top + down, column: left + right, part });
      }
    }
  }
  return runs;
}
