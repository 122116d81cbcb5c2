/** Grey PNGs to exact levels, and any picture to a PNG: a canvas keeps neither. */

import { crc32 } from "./container.js";
import { deflate, inflate } from "./deflate.js";
import { CorruptFileError } from "./errors.js";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const [GREY, RGB, RGBA] = [0, 2, 6]; // colour types

/**
 * The levels of a grey PNG that is not interlaced.
 * @param {Uint8Array} data
 * @param {number} width that it must have
 * @param {number} height
 * @param {8 | 16} depth bits of a level
 * @param {string} where the chunk's name, for errors
 * @returns {Promise<Uint8Array | Uint16Array>}
 */
export async function readGreyPng(data, width, height, depth, where) {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  if (data.length < 33 || SIGNATURE.some((byte, i) => data[i] !== byte)) {
    throw new CorruptFileError(`${where}: not a PNG`);
  }
  if (view.getUint32(16) !== width || view.getUint32(20) !== height) {
    throw new CorruptFileError(`${where}: not of the right size`);
  }
  if (data[24] !== depth || data[25] !== GREY || data[28] !== 0) {
    throw new CorruptFileError(`${where}: not a plain ${depth}-bit grey PNG`);
  }
  const parts = [];
  for (let position = 8; position + 12 <= data.length; ) {
    const end = position + 8 + view.getUint32(position);
    if (end + 4 > data.length) break;
    const type = String.fromCharCode(...data.subarray(position + 4, position + 8));
    if (type === "IDAT") parts.push(data.subarray(position + 8, end));
    position = end + 4;
  }
  const bytes = depth / 8;
  const stride = width * bytes;
  const deflated = new Uint8Array(await new Blob(parts).arrayBuffer());
  const raw = await inflate(deflated, height * (stride + 1), where);
  if (raw.length !== height * (stride + 1)) throw new CorruptFileError(`${where}: cut short`);
  const rows = unfiltered(raw, stride, height, bytes, where);
  if (depth === 8) return rows;
  const level = (/** @type {any} */ _, /** @type {number} */ i) =>
    rows[2 * i] * 256 + rows[2 * i + 1];
  return Uint16Array.from({ length: width * height }, level);
}

/**
 * @param {Uint8Array} raw rows, each after the number of its filter
 * @param {number} stride bytes of a row
 * @param {number} height
 * @param {number} bytes of a pixel
 * @param {string} where
 */
function unfiltered(raw, stride, height, bytes, where) {
  const rows = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    if (filter > 4) throw new CorruptFileError(`${where}: there is no filter ${filter} in PNG`);
    for (let x = 0; x < stride; x++) {
      const i = y * stride + x;
      const left = x >= bytes ? rows[i - bytes] : 0;
      const above = y ? rows[i - stride] : 0;
      const corner = x >= bytes && y ? rows[i - stride - bytes] : 0;
      let guess = 0;
      if (filter === 1) guess = left;
      else if (filter === 2) guess = above;
      else if (filter === 3) guess = (left + above) >> 1;
      else if (filter === 4) guess = paeth(left, above, corner);
      rows[i] = raw[y * (stride + 1) + 1 + x] + guess;
    }
  }
  return rows;
}

/**
 * @param {number} left
 * @param {number} above
 * @param {number} corner
 */
function paeth(left, above, corner) {
  const [a, b, c] = [above - corner, left - corner, left + above - 2 * corner].map(Math.abs);
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}

/**
 * A decoded picture as a PNG: its pixels or 16-bit levels, ICC profile and EXIF.
 * @param {import("./decode.js").Decoded} picture
 * @returns {Promise<Blob>}
 */
export async function writePng({ width, height, imageData, grey16, opaque, icc, exif }) {
  const channels = grey16 ? 2 : opaque ? 3 : 4; // bytes of a pixel
  const stride = width * channels;
  const rows = new Uint8Array((stride + 1) * height); // without filters
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, to = y * (stride + 1) + 1; x < width; x++, i++) {
      if (grey16) {
        rows[to++] = grey16[i] >> 8;
        rows[to++] = grey16[i];
      } else {
        for (let c = 0; c < channels; c++) rows[to++] = imageData.data[4 * i + c];
      }
    }
  }
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([grey16 ? 16 : 8, grey16 ? GREY : opaque ? RGB : RGBA], 8);
  const parts = [Uint8Array.from(SIGNATURE), chunk("IHDR", head)];
  if (icc) parts.push(chunk("iCCP", bytesOf("ICC profile\0\0"), await deflate(icc)));
  // As a JPEG has it, EXIF begins with its name; a PNG's does not.
  if (exif) parts.push(chunk("eXIf", startsWith(exif, "Exif\0\0") ? exif.subarray(6) : exif));
  parts.push(chunk("IDAT", await deflate(rows)), chunk("IEND"));
  return new Blob(parts, { type: "image/png" });
}

/**
 * @param {string} type
 * @param {...Uint8Array} payload
 */
function chunk(type, ...payload) {
  const length = payload.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(length + 12);
  const view = new DataView(whole.buffer);
  view.setUint32(0, length);
  let position = 4;
  for (const part of [bytesOf(type), ...payload]) {
    whole.set(part, position);
    position += part.length;
  }
  view.setUint32(position, crc32(whole.subarray(4, position)));
  return whole;
}

/** @param {string} text */
function bytesOf(text) {
  return new TextEncoder().encode(text);
}

/**
 * @param {Uint8Array} data
 * @param {string} text
 */
function startsWith(data, text) {
  return bytesOf(text).every((byte, i) => data[i] === byte);
}
