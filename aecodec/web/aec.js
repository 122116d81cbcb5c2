/** Decode .aec files in a page, in a worker of its own. */

/** @type {Worker | undefined} */
let worker;
/** @type {Map<number, {resolve: (picture: any) => void, reject: (error: Error) => void}>} */
const waiting = new Map();
let last = 0;

/**
 * The picture of an .aec file.
 * @param {ArrayBuffer} data
 * @returns {Promise<import("./decode.js").Decoded>}
 * @throws {Error} the file is damaged or of a later format, or its model is not beside the page
 */
export function decode(data) {
  worker ??= start();
  const id = ++last;
  worker.postMessage({ id, data });
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

function start() {
  const started = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  started.onmessage = ({ data: { id, picture, error } }) => {
    const { resolve, reject } = /** @type {any} */ (waiting.get(id));
    waiting.delete(id);
    if (error) reject(error);
    else resolve(picture);
  };
  started.onerror = ({ message }) => {
    // It did not start, or ran out of memory: the next file gets another.
    for (const { reject } of waiting.values()) reject(new Error(message || "the worker failed"));
    waiting.clear();
    started.terminate();
    worker = undefined;
  };
  return started;
}
