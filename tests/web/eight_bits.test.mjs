// The synthesis in 8 bits gives the pixels that Python has, to the bit.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import * as ort from "onnxruntime-web";

import { Model } from "../../aecodec/web/model.js";

const assets = (path) => readFile(join(process.env.AECODEC_MODELS, path));
const cases = JSON.parse(await assets("cases.json"));
ort.env.wasm.numThreads = 1;

for (const { weights, quality, shape, latents, sha256 } of cases) {
  test(`quality ${quality}, ${shape[2]}x${shape[1]} latents`, async () => {
    const model = await Model.load(Promise.resolve(ort), assets, weights);
    const data = new Float32Array(new Uint8Array(Buffer.from(latents, "base64")).buffer);
    const { x } = await model.run("synthesis", quality, { latents: { data, shape } });
    assert.deepEqual([...x.shape], [1, 3, 16 * shape[1], 16 * shape[2]]);
    const bytes = new Uint8Array(x.data.buffer, x.data.byteOffset, x.data.byteLength);
    assert.equal(createHash("sha256").update(bytes).digest("hex"), sha256);
  });
}
