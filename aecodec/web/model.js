/** Networks and tables of one weight file, at the qualities that files ask for. */

import { inflate } from "./deflate.js";
import { MissingModelError } from "./errors.js";
import { SymbolTables } from "./rans.js";
import { readSafetensors } from "./safetensors.js";

/**
 * @typedef {import("./safetensors.js").Tensor} Tensor
 * @typedef {(path: string) => Promise<Uint8Array>} Assets gives what `aecodec viewer` wrote
 * @typedef {Record<string, {name: string, bytes: Record<string, number>}>} Models the list of
 *   models that it wrote, by digest; with the sizes of their files once they are inflated
 * @typedef {{data: Float32Array | Int32Array | Uint8Array, shape: readonly number[]}} FeatureMap
 *   channels-last, or planes of pixels
 */

const OPTIONS = {
  executionProviders: ["wasm"],
  // It would keep as much as the largest tile took, twice over, in each network.
  enableCpuMemArena: false,
  graphOptimizationLevel: "basic", // more makes nothing faster here, and takes longer
};

export class Model {
  /** @type {Map<string, Promise<any>>} ready networks, by their names */
  #sessions = new Map();
  /** @type {Map<string, FeatureMap>} tables of the quality that was asked for last */
  #vectors = new Map();
  #quality = 0;

  /**
   * @param {any} ort onnxruntime-web
   * @param {Map<string, Promise<Uint8Array>>} files of the networks, by name
   * @param {Uint8Array} file what depends on quality, the probability tables and the preview's map
   */
  constructor(ort, files, file) {
    this.ort = ort;
    this.files = files;
    const { metadata, tensors } = readSafetensors(file);
    const config = JSON.parse(metadata.config);
    this.tensors = tensors;
    this.latentChannels = config.latent_channels;
    this.hyperChannels = config.hyper_channels;
    this.margin = marginOf(config);
    this.tables = new SymbolTables(this.#data("tables.counts"), this.#data("tables.lengths"));
  }

  /**
   * The model that a file was written with.
   * @param {Promise<any>} ort onnxruntime-web
   * @param {Assets} assets
   * @param {string} digest as the header has it
   */
  static async load(ort, assets, digest) {
    /** @type {Models} */
    const models = JSON.parse(new TextDecoder().decode(await assets("models.json")));
    if (!Object.hasOwn(models, digest)) {
      const names = Object.values(models).map(({ name }) => name);
      throw new MissingModelError(
        `the file was written with weights ${digest}; this page has those of ${names.join(", ")}`,
      );
    }
    const files = new Map();
    for (const [name, bytes] of Object.entries(models[digest].bytes)) {
      // All at once, and while the runtime gets ready.
      const file = assets(`${digest}/${name}.z`).then((data) => inflate(data, bytes, name));
      file.catch(() => {}); // whoever needs it is told
      files.set(name, file);
    }
    return new Model(await ort, files, await files.get("tables.safetensors"));
  }

  /**
   * What makes 2x2 pixels of three colours, each the mean of 8x8, from a latent's channels; null
   * for a model without one.
   * @returns {{weight: Float32Array, bias: Float32Array} | null}
   */
  get previewMap() {
    const [weight, bias] = ["preview.weight", "preview.bias"].map((name) => this.#data(name));
    return weight && bias ? { weight, bias } : null;
  }

  /**
   * What takes the gain of a quality from the latents.
   * @param {number} quality
   */
  inverseGain(quality) {
    return this.#atQuality("gain.log_inverse.values", quality).map(Math.exp);
  }

  /**
   * Run a network; what it takes beside maps are tables at the quality.
   * @param {string} name
   * @param {number} quality
   * @param {Record<string, FeatureMap>} maps of float32
   * @returns {Promise<Record<string, FeatureMap>>}
   */
  async run(name, quality, maps) {
    const session = await this.#session(name);
    const { Tensor } = this.ort;
    /** @type {Record<string, any>} */
    const feeds = {};
    for (const input of session.inputNames) {
      const { data, shape } = maps[input] ?? this.#vector(input, quality);
      feeds[input] = new Tensor(data instanceof Int32Array ? "int32" : "float32", data, shape);
    }
    /** @type {Record<string, FeatureMap>} */
    const found = {};
    for (const [output, tensor] of Object.entries(await session.run(feeds))) {
      found[output] = { data: tensor.data, shape: tensor.dims };
    }
    return found;
  }

  /** @param {string} name */
  #session(name) {
    let session = this.#sessions.get(name);
    if (!session) {
      const file = /** @type {Promise<Uint8Array>} */ (this.files.get(`${name}.onnx`));
      session = file.then((data) =>
        this.ort.InferenceSession.create(data, OPTIONS),
      );
      this.#sessions.set(name, session);
      this.files.delete(`${name}.onnx`);
    }
    return session;
  }

  /**
   * @param {string} name
   * @returns {any}
   */
  #data(name) {
    return this.tensors.get(name)?.data;
  }

  /**
   * @param {string} name
   * @param {number} quality
   * @returns {FeatureMap}
   */
  #vector(name, quality) {
    if (quality !== this.#quality) this.#vectors.clear();
    this.#quality = quality;
    let vector = this.#vectors.get(name);
    if (!vector) {
      const data = this.#atQuality(name, quality);
      vector = { data, shape: [data.length] };
      this.#vectors.set(name, vector);
    }
    return vector;
  }

  /**
   * A table's row of a quality, or what lies between rows.
   * @param {string} name
   * @param {number} quality
   */
  #atQuality(name, quality) {
    const { dtype, shape, data } = /** @type {Tensor} */ (this.tensors.get(name));
    const in8Bits = name.startsWith("eight_bits."); // rows of all qualities, in their own types
    if (dtype === "I32") {
      const [columns, qualities] = shape; // of differences from the quality before
      const sum = (/** @type {number} */ _, /** @type {number} */ column) =>
        data.subarray(column * qualities, column * qualities + quality).reduce((a, b) => a + b, 0);
      return (in8Bits ? Int32Array : Float32Array).from({ length: columns }, sum);
    }
    const [rows, columns] = shape;
    const row = (/** @type {number} */ i) => data.subarray(i * columns, (i + 1) * columns);
    if (in8Bits) return row(quality - 1);
    const position = ((quality - 1) / 99) * (rows - 1);
    const low = Math.min(Math.floor(position), rows - 2);
    const [below, above] = [row(low), row(low + 1)];
    const share = Math.fround(position - low);
    return Float32Array.from(below, (value, i) => value + share * (above[i] - value));
  }
}

/**
 * How many latents around a tile its pixels depend on.
 * @param {{fine_blocks: number, blocks: number[], deep_blocks: number[]}} config
 */
function marginOf({ fine_blocks, blocks, deep_blocks }) {
  const pixels =
    12 + 8 * fine_blocks + 16 * Math.max(...blocks) + 32 * Math.max(...deep_blocks);
  return Math.ceil(pixels / 16);
}
