/** Tensors by name, as files of the safetensors format have them. */

/**
 * @typedef {object} Tensor
 * @property {string} dtype as the file says: "F32", "I32", "U8"
 * @property {number[]} shape
 * @property {Float32Array | Int32Array | Uint8Array} data
 */

const ARRAYS = { F32: Float32Array, I32: Int32Array, U8: Uint8Array };

/**
 * @param {Uint8Array} file
 * @returns {{metadata: Record<string, string>, tensors: Map<string, Tensor>}}
 */
export function readSafetensors(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const start = 8 + Number(view.getBigUint64(0, true));
  const { __metadata__: metadata, ...entries } = JSON.parse(
    new TextDecoder().decode(file.subarray(8, start)),
  );
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(entries)) {
    const [begin, end] = data_offsets;
    // A copy, which lies where arrays of its type may.
    const bytes = file.slice(start + begin, start + end);
    tensors.set(name, { dtype, shape, data: new ARRAYS[dtype](bytes.buffer) });
  }
  return { metadata, tensors };
}
