/** Zlib streams, by the platform. */

import { CorruptFileError } from "./errors.js";

/**
 * Inflate a zlib stream, never beyond a number of bytes.
 * @param {Uint8Array} data
 * @param {number} most bytes that it may have
 * @param {string} where the chunk's name, for errors
 * @returns {Promise<Uint8Array>}
 */
export async function inflate(data, most, where) {
  const parts = [];
  let length = 0;
  try {
    for await (const part of through(data, new DecompressionStream("deflate"))) {
      length += part.length;
      if (length > most) break;
      parts.push(part);
    }
  } catch {
    throw new CorruptFileError(`${where}: the deflated data are damaged or cut short`);
  }
  if (length > most) throw new CorruptFileError(`${where}: too large`);
  return joined(parts, length);
}

/**
 * Deflate into a zlib stream.
 * @param {Uint8Array} data
 * @returns {Promise<Uint8Array>}
 */
export async function deflate(data) {
  const parts = [];
  let length = 0;
  for await (const part of through(data, new CompressionStream("deflate"))) {
    length += part.length;
    parts.push(part);
  }
  return joined(parts, length);
}

/**
 * What comes out of a transform, part by part.
 * @param {Uint8Array} data
 * @param {GenericTransformStream} transform
 */
async function* through(data, transform) {
  const reader = new Blob([data]).stream().pipeThrough(transform).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * @param {Uint8Array[]} parts
 * @param {number} length
 */
function joined(parts, length) {
  const whole = new Uint8Array(length);
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}
