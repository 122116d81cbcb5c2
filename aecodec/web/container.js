/** The .aec file: a header, then typed chunks, each with its length and CRC-32. */

import { inflate } from "./deflate.js";
import { CorruptFileError, UnsupportedVersionError } from "./errors.js";

/**
 * @typedef {object} Header
 * @property {number} width in pixels
 * @property {number} height in pixels
 * @property {string} mode one of MODES
 * @property {number} quality 1 to 100
 * @property {number} tile side of a tile in latents
 * @property {number} chunks how many follow the header
 * @property {string} weights 16 hexadecimal digits that name the weight file
 *
 * @typedef {{type: number, payload: Uint8Array}} Chunk
 * @typedef {{left: number, top: number, width: number, height: number}} Box in pixels
 */

export const STRIDE = 16; // pixels a latent
export const MODES = ["RGB", "RGBA", "L", "LA", "I;16"];
export const TILE = 0x02;
export const ALPHA = 0x03;
export const EXACT = 0x04;
export const LEVELS = 0x05;
export const FEW_COLOURS = 0x06;
export const FILTER = 0x07;
export const ICC = 0x81;
export const EXIF = 0x82;
export const XMP = 0x83;
export const NO_WEIGHTS = "0".repeat(16);

const HEADER = 0x01;
const HASH = 0x84;
const PROPERTIES = 0x85;
const OPTIONAL = 0x80;
const NAMES = new Map([
  [HEADER, "header"],
  [TILE, "tile"],
  [ALPHA, "alpha"],
  [EXACT, "exact"],
  [LEVELS, "levels"],
  [FEW_COLOURS, "few_colours"],
  [FILTER, "filter"],
  [ICC, "icc"],
  [EXIF, "exif"],
  [XMP, "xmp"],
  [HASH, "hash"],
  [PROPERTIES, "properties"],
]);
const ONCE = new Set([ALPHA, LEVELS, FILTER, ICC, EXIF, XMP, HASH, PROPERTIES]);
const MAGIC = [0x89, 0x41, 0x45, 0x43]; // "\x89AEC"
const VERSION = 1;
const MAX_PIXELS = 178_000_000;
const ALWAYS = 1 << 20; // pixels of which twice as many, with padding, are never too many
const MAX_TILE = 128;
const MIN_TILE = 32; // of a picture of several: it bounds the time that margins take
const MAX_METADATA = 1 << 26;

/**
 * Header and chunks of a file, every CRC checked.
 * @param {Uint8Array} data
 * @returns {{header: Header, chunks: Chunk[]}}
 */
export function readFile(data) {
  if (MAGIC.some((byte, i) => data[i] !== byte)) throw new CorruptFileError("not an .aec file");
  if (data.length === MAGIC.length) {
    throw new CorruptFileError("the file is cut short after its first bytes");
  }
  if (data[4] !== VERSION) {
    throw new UnsupportedVersionError(
      `the file has format version ${data[4]}, this page reads ${VERSION}`,
    );
  }
  let [chunk, position] = readChunk(data, 5, "header");
  if (chunk.type !== HEADER) throw new CorruptFileError("header: missing");
  const header = unpackHeader(chunk.payload);
  const chunks = [];
  const seen = new Set();
  for (let number = 1; number <= header.chunks; number++) {
    [chunk, position] = readChunk(data, position, `chunk ${number} of ${header.chunks}`);
    if (!NAMES.has(chunk.type) && !(chunk.type & OPTIONAL)) {
      throw new UnsupportedVersionError(`${nameOf(chunk.type)}: needs a newer aecodec`);
    }
    if (ONCE.has(chunk.type) && seen.has(chunk.type)) {
      throw new CorruptFileError(`${nameOf(chunk.type)}: there twice`);
    }
    seen.add(chunk.type);
    chunks.push(chunk);
  }
  if (position !== data.length) {
    throw new CorruptFileError(`${data.length - position} unexpected bytes after the last chunk`);
  }
  return { header, chunks };
}

/**
 * An unsigned LEB128 number of at most 35 bits, and the position after it.
 * @param {Uint8Array} data
 * @param {number} position
 * @param {string} where the chunk's name, for errors
 * @returns {[number, number]}
 */
export function readVarint(data, position, where) {
  let value = 0;
  for (let factor = 1; factor < 2 ** 35; factor *= 128) {
    if (position >= data.length) throw new CorruptFileError(`${where}: cut short`);
    const byte = data[position++];
    value += (byte & 127) * factor;
    if (byte < 128) return [value, position];
  }
  throw new CorruptFileError(`${where}: a number is too long`);
}

/**
 * The pixels of each tile, row by row.
 * @param {Header} header
 * @returns {Box[]}
 */
export function tileBoxes({ width, height, tile }) {
  const side = tile * STRIDE;
  const boxes = [];
  for (let top = 0; top < height; top += side) {
    for (let left = 0; left < width; left += side) {
      const right = Math.min(left + side, width);
      const bottom = Math.min(top + side, height);
      boxes.push({ left, top, width: right - left, height: bottom - top });
    }
  }
  return boxes;
}

/**
 * The levels of 16-bit grey that are black and white to the network.
 * @param {Header} header
 * @param {Chunk[]} chunks
 * @returns {[number, number]}
 */
export function levelsOf({ mode }, chunks) {
  const chunk = chunks.find(({ type }) => type === LEVELS);
  if (!chunk) return [0, 65535];
  const [low, position] = readVarint(chunk.payload, 0, "levels");
  const [high] = readVarint(chunk.payload, position, "levels");
  if (mode !== "I;16" || low >= high || high > 65535) {
    throw new CorruptFileError(`levels: ${low} to ${high} are none of ${mode}`);
  }
  return [low, high];
}

/**
 * A block of metadata; null if the file has none.
 * @param {Chunk[]} chunks
 * @param {number} type
 * @returns {Promise<Uint8Array | null>}
 */
export async function metadataOf(chunks, type) {
  const chunk = chunks.find((other) => other.type === type);
  return chunk ? inflate(chunk.payload, MAX_METADATA, nameOf(type)) : null;
}

/** @param {number} type */
function nameOf(type) {
  return NAMES.get(type) ?? `unknown-0x${type.toString(16).padStart(2, "0")}`;
}

/**
 * @param {Uint8Array} data
 * @param {number} start
 * @param {string} where
 * @returns {[Chunk, number]}
 */
function readChunk(data, start, where) {
  if (start >= data.length) {
    throw new CorruptFileError(`${where}: missing, the file is cut short`);
  }
  const [length, begin] = readVarint(data, start + 1, where);
  const end = begin + length;
  if (end + 4 > data.length) throw new CorruptFileError(`${where}: cut short`);
  const type = data[start];
  const view = new DataView(data.buffer, data.byteOffset);
  if (crc32(data.subarray(start, end)) !== view.getUint32(end, true)) {
    throw new CorruptFileError(`${where} (${nameOf(type)}): checksum does not match`);
  }
  return [{ type, payload: data.subarray(begin, end) }, end + 4];
}

/**
 * @param {Uint8Array} payload
 * @returns {Header}
 */
function unpackHeader(payload) {
  const limits = {
    width: [1, MAX_PIXELS],
    height: [1, MAX_PIXELS],
    mode: [0, MODES.length - 1],
    quality: [1, 100],
    tile: [4, MAX_TILE],
    chunks: [1, 1 << 20],
  };
  /** @type {any} */
  const header = {};
  let position = 0;
  for (const [name, [low, high]] of Object.entries(limits)) {
    [header[name], position] = readVarint(payload, position, "header");
    if (header[name] < low || header[name] > high) {
      throw new CorruptFileError(`header: ${name} ${header[name]} is out of range`);
    }
  }
  const digest = payload.subarray(position, position + 8);
  if (digest.length !== 8) throw new CorruptFileError("header: cut short");
  header.weights = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  header.mode = MODES[header.mode];
  const { width, height, tile } = header;
  const padded = Math.ceil(width / STRIDE) * Math.ceil(height / STRIDE) * STRIDE ** 2;
  if (width * height > MAX_PIXELS) {
    throw new CorruptFileError(`header: ${width}x${height} is over the size limit`);
  }
  const few = header.weights === NO_WEIGHTS ? MAX_PIXELS : Math.max(width * height, ALWAYS);
  if (padded > 2 * few) {
    throw new CorruptFileError(`header: ${width}x${height} is too long and thin`);
  }
  if (tile % 4) throw new CorruptFileError(`header: tile ${tile} is not a multiple of 4`);
  if (tile < MIN_TILE && Math.max(width, height) > tile * STRIDE) {
    throw new CorruptFileError(
      `header: tiles of ${tile * STRIDE} pixels are too small for ${width}x${height}`,
    );
  }
  return header;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/**
 * The CRC-32 of zlib and PNG.
 * @param {Uint8Array} data
 */
export function crc32(data) {
  let crc = 0xffffffff;
  for (let i = 0; i < data.length; i++) crc = CRC_TABLE[(crc ^ data[i]) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
