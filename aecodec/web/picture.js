/** The picture that a decoder fills: pixels as they are shown, and the levels of 16-bit grey. */

/** @typedef {import("./container.js").Box} Box */

export class Picture {
  /**
   * @param {number} width
   * @param {number} height
   * @param {string} mode of the file
   * @param {[number, number]} levels of 16-bit grey, that are black and white to the network
   */
  constructor(width, height, mode, levels) {
    this.width = width;
    this.height = height;
    this.grey = !mode.startsWith("RGB");
    /** @type {[number, number]} */
    this.levels = mode === "I;16" ? levels : [0, 255];
    this.rgba = new Uint8ClampedArray(4 * width * height).fill(255);
    this.grey16 = mode === "I;16" ? new Uint16Array(width * height) : null;
  }

  /**
   * Levels at some pixels of a tile.
   * @param {Box} box of the tile
   * @param {(x: number, y: number, colour: number) => number} level in the tile
   * @param {(x: number, y: number) => boolean} wanted whether a pixel is to be changed
   */
  put({ left, top, width, height }, level, wanted) {
    const { rgba, grey16 } = this;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (!wanted(x, y)) continue;
        const i = (top + y) * this.width + left + x;
        if (grey16) {
          grey16[i] = level(x, y, 0);
          rgba.fill(grey16[i] >> 8, 4 * i, 4 * i + 3);
        } else {
          for (let c = 0; c < 3; c++) rgba[4 * i + c] = level(x, y, c);
        }
      }
    }
  }

  /**
   * What the network made of a tile.
   * @param {Box} box
   * @param {(colour: number, y: number) => Float32Array} plane a row of a colour, about -0.5 to 0.5
   */
  putLearned({ left, top, width, height }, plane) {
    const { fround } = Math; // every step in float32, as the decoder in Python has it
    const range = this.levels[1] - this.levels[0];
    for (let y = 0; y < height; y++) {
      const start = (top + y) * this.width + left;
      const [red, green, blue] = [0, 1, 2].map((colour) => plane(colour, y));
      if (this.grey) {
        for (let x = 0; x < width; x++) {
          const sum = fround(fround(red[x] + 0.5) + fround(green[x] + 0.5));
          const mean = fround(fround(sum + fround(blue[x] + 0.5)) / 3);
          this.#putGrey(start + x, fround(mean * range));
        }
      } else {
        // Stored values are rounded to the nearest, halves to even, and clamped.
        for (let x = 0, i = 4 * start; x < width; x++, i += 4) {
          this.rgba[i] = fround(fround(red[x] + 0.5) * 255);
          this.rgba[i + 1] = fround(fround(green[x] + 0.5) * 255);
          this.rgba[i + 2] = fround(fround(blue[x] + 0.5) * 255);
        }
      }
    }
  }

  /**
   * @param {number} i which pixel
   * @param {number} level above that which is black to the network
   */
  #putGrey(i, level) {
    if (this.grey16) {
      const [low, high] = this.levels;
      this.grey16[i] = low + Math.min(high - low, Math.max(0, rounded(level)));
      level = this.grey16[i] >> 8;
    }
    for (let c = 0; c < 3; c++) this.rgba[4 * i + c] = level;
  }

  /** @param {Uint8Array | Uint16Array | number} alpha of each pixel, or of all */
  putAlpha(alpha) {
    for (let i = 0; i < this.rgba.length / 4; i++) {
      this.rgba[4 * i + 3] = typeof alpha === "number" ? alpha : alpha[i];
    }
  }
}

/**
 * To the nearest whole number, halves to even.
 * @param {number} x
 */
export function rounded(x) {
  const nearest = Math.round(x); // halves up
  return nearest - x === 0.5 && nearest % 2 ? nearest - 1 : nearest;
}
