/** Decode .aec files in a page, in a worker of its own. */

/** @type {Worker | undefined} */
let worker;
/**
 * @typedef {object} Asked
 * @property {(picture: any) => void} resolve
 * @property {(error: Error) => void} reject
 * @property {(preview: import("./decode.js").Reduced) => void} show
 */

/** @type {Map<number, Asked>} */
const waiting = new Map();
let last = 0;

/**
 * The picture of an .aec file.
 * @param {ArrayBuffer} data
 * @param {(preview: import("./decode.js").Reduced) => void} [show] is given a preview, if there is
 *   one
 * @returns {Promise<import("./decode.js").Decoded>}
 * @throws {Error} the file is damaged or of a later format, or its model is not beside the page
 */
export function decode(data, show = () => {}) {
  worker ??= start();
  const id = ++last;
  worker.postMessage({ id, data });
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject, show }));
}

function start() {
  const started = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  started.onmessage = ({ data: { id, preview, picture, error, broken } }) => {
    const { resolve, reject, show } = /** @type {Asked} */ (waiting.get(id));
    if (preview) {
      show(preview);
      return;
    }
    waiting.delete(id);
    if (error) reject(error);
    else resolve(picture);
    if (broken) end(error.message);
  };
  started.onerror = ({ message }) => end(message || "the worker failed");
  // It did not start, or ran out of memory: the next file gets another.
  const end = (/** @type {string} */ message) => {
    for (const { reject } of waiting.values()) reject(new Error(message));
    waiting.clear();
    started.terminate();
    worker = undefined;
  };
  return started;
}
