/** From the bytes of an .aec file to its picture. */

import {
  ALPHA,
  EXIF,
  ICC,
  NO_WEIGHTS,
  TILE,
  XMP,
  levelsOf,
  metadataOf,
  readFile,
  tileBoxes,
} from "./container.js";
import { CorruptFileError } from "./errors.js";
import { findExact, putExact } from "./exact.js";
import { Model } from "./model.js";
import { Picture } from "./picture.js";
import { Preview, SCALE, putPreview } from "./preview.js";
import { readGreyPng } from "./png.js";
import { synthesise } from "./synthesis.js";
import { filterOf } from "./wiener.js";

/**
 * @typedef {object} Decoded
 * @property {number} width in pixels
 * @property {number} height
 * @property {ImageData} imageData for showing; where the platform has no ImageData, an object with
 *   its `width`, `height` and `data` (RGBA)
 * @property {Uint16Array | null} grey16 the levels of 16-bit grey
 * @property {boolean} opaque whether the file has no alpha
 * @property {Uint8Array | null} icc
 * @property {Uint8Array | null} exif
 * @property {Uint8Array | null} xmp
 * @property {import("./container.js").Header} header
 *
 * @typedef {object} Reduced
 * @property {number} width of the picture, in pixels
 * @property {number} height
 * @property {ImageData} imageData of the preview
 * @property {number} scale pixels of the picture, a side, in one of the preview's
 */

const MOST_PREVIEWED = 64_000_000; // pixels, whose latents take 320 MB until they are synthesised

/** Decodes files one after the other, and keeps the networks that they need. */
export class Decoder {
  /** @type {Map<string, Promise<Model>>} */
  #models = new Map();

  /**
   * @param {object} platform
   * @param {() => Promise<any>} platform.ort gives onnxruntime-web; asked when a network is needed
   * @param {import("./model.js").Assets} platform.assets
   * @param {import("./exact.js").ReadWebp} platform.readWebp
   */
  constructor({ ort, assets, readWebp }) {
    this.ort = ort;
    this.assets = assets;
    this.readWebp = readWebp;
  }

  /**
   * @param {ArrayBuffer | Uint8Array} data
   * @param {((preview: Reduced) => void) | null} [show] is given a preview before the synthesis;
   *   not of files without networks, and not of very large ones
   * @returns {Promise<Decoded>}
   * @throws {CorruptFileError} damaged or foreign
   * @throws {UnsupportedVersionError} of a later format
   * @throws {MissingModelError} written with weights that are not among the assets
   */
  async decode(data, show = null) {
    const { header, chunks } = readFile(data instanceof Uint8Array ? data : new Uint8Array(data));
    const { width, height, mode, weights } = header;
    const boxes = tileBoxes(header);
    const payloads = chunks.filter(({ type }) => type === TILE).map(({ payload }) => payload);
    if (payloads.length !== boxes.length) {
      throw new CorruptFileError(`tile: ${payloads.length} of ${boxes.length} tiles are there`);
    }
    const alphas = chunks.filter(({ type }) => type === ALPHA);
    const opaque = !mode.endsWith("A");
    if (opaque === alphas.length > 0) {
      throw new CorruptFileError("alpha: missing or unexpected");
    }
    const filter = filterOf(header, chunks);
    const exact = findExact(header, chunks, boxes);
    const putRest = async (/** @type {Picture} */ picture) => {
      await putExact(exact, mode, this.readWebp, picture);
      for (const { payload } of alphas) {
        picture.putAlpha(
          payload.length === 1
            ? payload[0]
            : await readGreyPng(payload, width, height, 8, "alpha"),
        );
      }
    };
    const picture = new Picture(width, height, mode, levelsOf(header, chunks));
    if (weights !== NO_WEIGHTS) {
      const model = await this.model(weights);
      const decoded = new Map();
      if (show && model.previewMap && width * height <= MOST_PREVIEWED) {
        const preview = new Preview(width, height, mode, picture.levels);
        await putPreview(model, header, payloads, preview, decoded);
        await putRest(preview);
        show({ width, height, imageData: imageDataOf(preview), scale: SCALE });
      }
      const put = picture.putLearned.bind(picture);
      await synthesise(model, header, payloads, put, decoded, filter);
    }
    await putRest(picture);
    const imageData = imageDataOf(picture);
    const [icc, exif, xmp] = await Promise.all(
      [ICC, EXIF, XMP].map((type) => metadataOf(chunks, type)),
    );
    return { width, height, imageData, grey16: picture.grey16, opaque, icc, exif, xmp, header };
  }

  /**
   * The model of a weight file; one that could not be loaded is tried anew.
   * @param {string} digest as the header has it
   * @returns {Promise<Model>}
   */
  model(digest) {
    let model = this.#models.get(digest);
    if (!model) {
      model = Model.load(this.ort(), this.assets, digest);
      model.catch(() => this.#models.delete(digest));
      this.#models.set(digest, model);
    }
    return model;
  }
}

/**
 * @param {Picture} picture
 * @returns {ImageData}
 */
function imageDataOf({ rgba, width, height }) {
  return globalThis.ImageData
    ? new ImageData(rgba, width, height)
    : /** @type {ImageData} */ ({ width, height, data: rgba });
}
