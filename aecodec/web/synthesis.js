/** From the latents of tiles to the picture's pixels. */

import { STRIDE, tileBoxes } from "./container.js";
import { decodeLatents } from "./prior.js";
import { applyFilter } from "./wiener.js";

/**
 * @typedef {import("./container.js").Box} Box
 * @typedef {import("./prior.js").Latents} Latents
 * @typedef {{top: number, left: number, bottom: number, right: number}} Area in latents
 */

const MOST = 96; // latents a side of what goes through the network at once: it bounds the memory

/**
 * Call `put` with the pixels of each tile, or part of one: planes of three colours, about -0.5 to 0.5.
 *
 * They go through the network with what surrounds them. Three rows of tiles are in memory at a time,
 * not the whole picture's latents.
 * @param {import("./model.js").Model} model
 * @param {import("./container.js").Header} header
 * @param {Uint8Array[]} payloads of the tiles, row by row
 * @param {(box: Box, plane: (colour: number, y: number) => Float32Array) => void} put
 *   where, and what gives a row of a colour's pixels, at least as long as the box's
 * @param {Map<number, Latents>} decoded of tiles that are decoded already; those that are done with
 *   go from it
 * @param {Int8Array | null} filter of the pixels
 */
export async function synthesise(model, header, payloads, put, decoded, filter) {
  const rows = Math.ceil(header.height / STRIDE);
  const columns = Math.ceil(header.width / STRIDE);
  const { quality } = header;
  const { margin } = model;
  const tiles = tileAreas(header);
  const inners = tiles.flatMap(parts).sort((a, b) => a.top - b.top); // from above to below
  for (const inner of inners) {
    const outer = {
      top: Math.max(inner.top - margin, 0),
      left: Math.max(inner.left - margin, 0),
      bottom: Math.min(inner.bottom + margin, rows),
      right: Math.min(inner.right + margin, columns),
    };
    const [height, width] = [outer.bottom - outer.top, outer.right - outer.left];
    const latents = new Float32Array(height * width * model.latentChannels);
    for (const [other, area] of tiles.entries()) {
      if (!overlap(outer, area)) continue;
      if (!decoded.has(other)) {
        const [h, w] = [area.bottom - area.top, area.right - area.left];
        decoded.set(other, await decodeLatents(model, payloads[other], h, w, quality));
      }
      paste(/** @type {Latents} */ (decoded.get(other)), area, latents, outer);
    }
    const { x } = await model.run("synthesis", quality, {
      latents: { data: latents, shape: [1, height, width, model.latentChannels] },
    });
    const [down, right] = [(inner.top - outer.top) * STRIDE, (inner.left - outer.left) * STRIDE];
    const pixels = /** @type {Float32Array} */ (x.data);
    if (filter) applyFilter(pixels, height * STRIDE, width * STRIDE, filter);
    put(boxOf(inner, header), (colour, y) =>
      pixels.subarray(((colour * height * STRIDE + down + y) * width) * STRIDE + right),
    );
    for (const other of decoded.keys()) {
      if (tiles[other].bottom <= inner.top - margin) decoded.delete(other);
    }
  }
}

/**
 * The latents of each tile, row by row.
 * @param {import("./container.js").Header} header
 * @returns {Area[]}
 */
export function tileAreas(header) {
  return tileBoxes(header).map(({ left, top, width, height }) => ({
    top: top / STRIDE,
    left: left / STRIDE,
    bottom: Math.ceil((top + height) / STRIDE),
    right: Math.ceil((left + width) / STRIDE),
  }));
}

/**
 * An area in parts of at most `MOST` a side.
 * @param {Area} area
 * @returns {Area[]}
 */
function parts({ top, left, bottom, right }) {
  const found = [];
  for (let y = top; y < bottom; y += MOST) {
    for (let x = left; x < right; x += MOST) {
      const ends = { bottom: Math.min(y + MOST, bottom), right: Math.min(x + MOST, right) };
      found.push({ top: y, left: x, ...ends });
    }
  }
  return found;
}

/**
 * The pixels of an area that lie in the picture.
 * @param {Area} area
 * @param {import("./container.js").Header} header
 * @returns {Box}
 */
function boxOf({ top, left, bottom, right }, { width, height }) {
  return {
    top: top * STRIDE,
    left: left * STRIDE,
    width: Math.min(right * STRIDE, width) - left * STRIDE,
    height: Math.min(bottom * STRIDE, height) - top * STRIDE,
  };
}

/**
 * @param {Area} a
 * @param {Area} b
 */
function overlap(a, b) {
  return a.top < b.bottom && b.top < a.bottom && a.left < b.right && b.left < a.right;
}

/**
 * Copy what two areas have in common from the first's latents to the second's.
 * @param {Latents} from
 * @param {Area} area
 * @param {Float32Array} to
 * @param {Area} outer
 */
function paste(from, area, to, outer) {
  const { channels } = from;
  const [left, right] = [Math.max(area.left, outer.left), Math.min(area.right, outer.right)];
  for (let y = Math.max(area.top, outer.top); y < Math.min(area.bottom, outer.bottom); y++) {
    const start = ((y - area.top) * from.width + left - area.left) * channels;
    const part = from.data.subarray(start, start + (right - left) * channels);
    to.set(part, ((y - outer.top) * (outer.right - outer.left) + left - outer.left) * channels);
  }
}
