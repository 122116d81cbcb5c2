/** Entropy decoding of integer symbols under indexed tables: rANS of constriction's kind. */

import { readVarint } from "./container.js";
import { CorruptFileError } from "./errors.js";

const TOTAL = 2 ** 24; // what the counts of a table sum to
const WORD = 2 ** 32;

/** Probability tables, one for each scale index. */
export class SymbolTables {
  /**
   * @param {Int32Array} counts of all tables, one after the other
   * @param {Int32Array} lengths of the tables: of each 2r + 1 symbols and an escape
   */
  constructor(counts, lengths) {
    let start = 0;
    /** Where each entry begins, and at the end the total; by scale index. */
    this.begins = Array.from(lengths, (length) => {
      const begins = new Int32Array(length + 1);
      let sum = 0;
      for (let i = 0; i < length; i++) {
        // Below 2^49, and so exact.
        begins[i] = Math.floor((sum * (TOTAL - length)) / TOTAL) + i;
        sum += counts[start + i];
      }
      begins[length] = TOTAL;
      start += length;
      return begins;
    });
  }
}

/** Reads the symbols of a tile's payload. */
export class SymbolDecoder {
  /** @type {number[]} */
  #escapes = [];
  #nextEscape = 0;
  /** @type {Uint32Array} */
  #words;
  #left; // words that are not read yet
  #high = 0; // of the state's 64 bits
  #low = 0;

  /**
   * @param {SymbolTables} tables
   * @param {Uint8Array} payload
   */
  constructor(tables, payload) {
    this.tables = tables;
    let [count, position] = readVarint(payload, 0, "tile");
    if (count > payload.length) throw new CorruptFileError("tile: more escapes than bytes");
    for (; count > 0; count--) {
      let value;
      [value, position] = readVarint(payload, position, "tile");
      if (value >= WORD) throw new CorruptFileError("tile: an escape is too large");
      this.#escapes.push(value % 2 ? -(value + 1) / 2 : value / 2);
    }
    if ((payload.length - position) % 4) {
      throw new CorruptFileError("tile: not a whole number of words");
    }
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    this.#words = Uint32Array.from({ length: (payload.length - position) / 4 }, (_, i) =>
      view.getUint32(position + 4 * i, true),
    );
    this.#left = this.#words.length;
    if (this.#left) {
      this.#low = this.#words[--this.#left];
      if (this.#low === 0) throw new CorruptFileError("tile: malformed last word");
      this.#refill();
    }
  }

  /**
   * Decode one symbol for each scale index, in the order of the indices.
   * @param {Uint8Array} indices
   * @param {number} [least] symbols of smaller indices are not coded: they are 0
   * @returns {Int32Array}
   */
  take(indices, least = 0) {
    const symbols = new Int32Array(indices.length);
    const places = placesByIndex(indices, least, this.tables.begins.length);
    for (const place of places) {
      const begins = this.tables.begins[indices[place]];
      const entries = begins.length - 1;
      const escape = entries - 1;
      const entry = this.#decode(begins, entries);
      symbols[place] = entry === escape ? this.#takeEscape() : entry - (entries - 2) / 2;
    }
    return symbols;
  }

  /**
   * @param {Int32Array} begins
   * @param {number} entries
   */
  #decode(begins, entries) {
    const quantile = this.#low & (TOTAL - 1);
    let entry = 0;
    for (let end = entries; end - entry > 1; ) {
      const middle = (entry + end) >>> 1;
      if (begins[middle] <= quantile) entry = middle;
      else end = middle;
    }
    const width = begins[entry + 1] - begins[entry];
    // state = floor(state / 2^24) * width + quantile - begin, in parts that doubles hold exactly.
    const upper = this.#high >>> 16; // of the quotient's 40 bits, 16
    const lower = (this.#high & 0xffff) * 256 + (this.#low >>> 24); // 24
    const product = upper * width; // times 2^24
    const sum = lower * width + quantile - begins[entry] + (product % 256) * TOTAL;
    this.#low = sum % WORD;
    this.#high = Math.floor(product / 256) + Math.floor(sum / WORD);
    this.#refill();
    return entry;
  }

  #refill() {
    if (this.#high === 0 && this.#left) {
      this.#high = this.#low;
      this.#low = this.#words[--this.#left];
    }
  }

  #takeEscape() {
    if (this.#nextEscape === this.#escapes.length) {
      throw new CorruptFileError("tile: an escape is missing");
    }
    return this.#escapes[this.#nextEscape++];
  }
}

/**
 * The places of what is coded, by ascending index; those of one index in their order.
 * @param {Uint8Array} indices
 * @param {number} least of those that are coded
 * @param {number} levels
 */
function placesByIndex(indices, least, levels) {
  const counts = new Uint32Array(levels);
  for (let i = 0; i < indices.length; i++) counts[indices[i]]++;
  const next = new Uint32Array(levels);
  let total = 0;
  for (let index = least; index < levels; index++) {
    next[index] = total;
    total += counts[index];
  }
  const places = new Uint32Array(total);
  for (let i = 0; i < indices.length; i++) {
    if (indices[i] >= least) places[next[indices[i]]++] = i;
  }
  return places;
}
