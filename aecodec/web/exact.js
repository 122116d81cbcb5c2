/** Exact cells: parts of tiles that a file keeps bit for bit, as WebP, or PNG for 16 bits. */

import { EXACT, FEW_COLOURS, NO_WEIGHTS, readVarint } from "./container.js";
import { inflate } from "./deflate.js";
import { CorruptFileError } from "./errors.js";
import { readGreyPng } from "./png.js";

const CELL = 32; // pixels a side

/**
 * @typedef {import("./container.js").Box} Box
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {{width: number, height: number, data: Uint8ClampedArray | Uint8Array}} Pixels RGBA
 * @typedef {{box: Box, list: Uint8Array, file: Uint8Array}} ExactPart of a tile: its deflated list
 *   of cells, and the picture of them
 * @typedef {(webp: Uint8Array, width: number, height: number) => Promise<Pixels>} ReadWebp
 *   the pixels of a WebP as they are stored; it may throw, and need not check the size
 */

/**
 * Find the exact cells of a file, before memory is taken for its picture.
 * @param {import("./container.js").Header} header
 * @param {import("./container.js").Chunk[]} chunks
 * @param {Box[]} boxes of the tiles
 * @returns {ExactPart[]}
 */
export function findExact(header, chunks, boxes) {
  const seen = new Set();
  const parts = [];
  const missing = new Set(header.weights === NO_WEIGHTS ? boxes.keys() : []);
  for (const { type, payload } of chunks) {
    if (type !== EXACT && type !== FEW_COLOURS) continue;
    const [tile, next] = readVarint(payload, 0, "exact");
    if (seen.has(tile)) throw new CorruptFileError(`exact: tile ${tile} is there twice`);
    if (tile >= boxes.length) throw new CorruptFileError(`exact: there is no tile ${tile}`);
    seen.add(tile);
    const box = boxes[tile];
    const [length, begin] = readVarint(payload, next, "exact");
    const list = payload.subarray(begin, begin + length);
    parts.push({ box, list, file: payload.subarray(begin + length) });
    if (!length) missing.delete(tile);
  }
  for (const tile of missing) throw new CorruptFileError(`exact: tile ${tile} is missing`);
  return parts;
}

/**
 * Put the exact cells of a file into its picture.
 * @param {ExactPart[]} parts
 * @param {string} mode of the picture
 * @param {ReadWebp} readWebp
 * @param {Picture} picture
 */
export async function putExact(parts, mode, readWebp, picture) {
  for (const { box, list, file } of parts) {
    const isExact = await readCells(list, box);
    picture.put(box, await readLevels(file, box, mode, readWebp), isExact);
  }
}

/**
 * Whether the cell of a pixel of a tile is exact.
 * @param {Uint8Array} deflated
 * @param {Box} box
 * @returns {Promise<(x: number, y: number) => boolean>}
 */
async function readCells(deflated, { width, height }) {
  if (!deflated.length) return () => true;
  const across = Math.ceil(width / CELL);
  const bytes = Math.ceil((across * Math.ceil(height / CELL)) / 8);
  const bits = await inflate(deflated, bytes, "exact");
  if (bits.length !== bytes) {
    throw new CorruptFileError("exact: the list of cells is of another tile's size");
  }
  return (x, y) => {
    const cell = Math.floor(y / CELL) * across + Math.floor(x / CELL);
    return ((bits[cell >> 3] >> (7 - (cell & 7))) & 1) === 1;
  };
}

/**
 * What gives a colour's level at a pixel of the tile.
 * @param {Uint8Array} file
 * @param {Box} box
 * @param {string} mode of the picture
 * @param {ReadWebp} readWebp
 * @returns {Promise<(x: number, y: number, colour: number) => number>}
 */
async function readLevels(file, { width, height }, mode, readWebp) {
  if (mode === "I;16") {
    const levels = await readGreyPng(file, width, height, 16, "exact");
    return (x, y) => levels[y * width + x];
  }
  checkWebp(file, width, height);
  const pixels = await readWebp(file, width, height).catch((error) => {
    throw new CorruptFileError(`exact: the WebP cannot be decoded (${error.message})`);
  });
  if (pixels.width !== width || pixels.height !== height) {
    throw new CorruptFileError("exact: not of the tile's size");
  }
  if (mode.startsWith("L")) checkGrey(pixels.data);
  return (x, y, colour) => pixels.data[4 * (y * width + x) + colour];
}

/** @param {Uint8ClampedArray | Uint8Array} rgba */
function checkGrey(rgba) {
  for (let i = 0; i < rgba.length; i += 4) {
    if (rgba[i] !== rgba[i + 1] || rgba[i] !== rgba[i + 2]) {
      throw new CorruptFileError("exact: colours in a grey picture");
    }
  }
}

/**
 * Check the beginning of a WebP, so that nothing larger than the tile is decoded.
 * @param {Uint8Array} file
 * @param {number} width
 * @param {number} height
 */
function checkWebp(file, width, height) {
  const name = (/** @type {number} */ at) => String.fromCharCode(...file.subarray(at, at + 4));
  if (file.length < 25 || name(0) !== "RIFF" || name(8) !== "WEBP" || name(12) !== "VP8L") {
    throw new CorruptFileError("exact: not a lossless WebP");
  }
  const bits = new DataView(file.buffer, file.byteOffset).getUint32(21, true);
  if ((bits & 0x3fff) + 1 !== width || ((bits >>> 14) & 0x3fff) + 1 !== height) {
    throw new CorruptFileError("exact: not of the tile's size");
  }
}
